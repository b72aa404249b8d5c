"""Some scenarios of the contract on each engine, or all with THOROUGH set."""

from collections.abc import Iterator

import pytest

from tests.contract.conftest import InstallationOf, closed_port
from tests.contract.on_server import ServerTemplate, build_server_template
from tests.contract.scenario import Scenario
from tests.contract.scenarios import SCENARIOS
from tests.contract.test_library import (
    test_operation_in_its_own_transaction as check_own_transaction,
)
from tests.contract.test_library import (
    test_operation_joined_to_a_callers_transaction as check_joined,
)
from tests.contract.test_servers import of, server_installation

from .engine import Engine

__all__ = ["closed_port", "server_installation"]


@pytest.fixture(scope="module")
def server_template(engine: Engine) -> Iterator[ServerTemplate]:
    engine.leave_no_gaps()
    with engine.database() as urls:
        yield build_server_template(urls[0])


@of(SCENARIOS)
def test_operation_in_its_own_transaction(
    scenario: Scenario, server_installation: InstallationOf, caplog: pytest.LogCaptureFixture
) -> None:
    check_own_transaction(scenario, server_installation, caplog)


@of([scenario for scenario in SCENARIOS if not scenario.own_only])
def test_operation_joined_to_a_callers_transaction(
    scenario: Scenario, engine: Engine, server_installation: InstallationOf, caplog: pytest.LogCaptureFixture
) -> None:
    if not engine.simultaneous:
        pytest.skip("the caller's transaction keeps the connections of lback waiting")
    check_joined(scenario, server_installation, caplog)
