"""Some scenarios and the model on PostgreSQL and MariaDB, or all scenarios with THOROUGH set."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import select

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.event_log import EventLog
from lback_cli.models import Token, User
from lback_cli.models.tables import EVENTS
from lback_cli.settings import DatabaseSettings

from . import test_library as in_a_file
from .conftest import InstallationOf, make_installation
from .on_server import ServerInstallation, ServerTemplate, build_server_template, empty
from .scenario import COMMIT_IS_OURS, Scenario, Trap
from .scenarios import SCENARIOS
from .test_model import Model

SERVERS = ("postgresql", "mariadb")
THOROUGH = "THOROUGH" in os.environ
PART = slice(None) if THOROUGH else slice(None, None, 6)
EXAMPLES = 100 if THOROUGH else 4

DatabaseOn = Callable[[str], AbstractContextManager[str]]


@pytest.fixture(scope="module", params=SERVERS)
def server_template(request: pytest.FixtureRequest, database_on: DatabaseOn) -> Iterator[ServerTemplate]:
    with database_on(request.param) as url:
        yield build_server_template(url)


@pytest.fixture
def server_installation(tmp_path: Path, server_template: ServerTemplate, closed_port: int) -> Iterator[InstallationOf]:
    with ExitStack() as opened:

        def make(scenario: Scenario) -> ServerInstallation:
            if server_template.url.startswith("mariadb") and any(
                isinstance(part, Trap) and part.at_commit for part in scenario.sql
            ):
                pytest.skip("MariaDB has no constraint that waits for the COMMIT")
            installation = make_installation(tmp_path, server_template, scenario, closed_port, ServerInstallation)
            opened.callback(installation.close)
            return installation

        yield make


def of(scenarios: list[Scenario]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("scenario", scenarios[PART], ids=lambda scenario: scenario.id)


@of(SCENARIOS)
def test_operation_in_its_own_transaction(
    scenario: Scenario, server_installation: InstallationOf, caplog: pytest.LogCaptureFixture
) -> None:
    in_a_file.test_operation_in_its_own_transaction(scenario, server_installation, caplog)


@of([scenario for scenario in SCENARIOS if not scenario.own_only])
def test_operation_joined_to_a_callers_transaction(
    scenario: Scenario, server_installation: InstallationOf, caplog: pytest.LogCaptureFixture
) -> None:
    in_a_file.test_operation_joined_to_a_callers_transaction(scenario, server_installation, caplog)


@of([scenario for scenario in SCENARIOS if scenario.code is None and not scenario.own_only])
def test_rollback_of_the_caller_undoes_a_joined_operation(
    scenario: Scenario, server_installation: InstallationOf
) -> None:
    in_a_file.test_rollback_of_the_caller_undoes_a_joined_operation(scenario, server_installation)


@of([scenario for scenario in SCENARIOS if scenario.own_only == COMMIT_IS_OURS])
def test_joined_operation_succeeds_even_if_the_callers_commit_fails(
    scenario: Scenario, server_installation: InstallationOf
) -> None:
    in_a_file.test_joined_operation_succeeds_even_if_the_callers_commit_fails(scenario, server_installation)


class Journaled(Model):
    """The model on one of several databases, with a journal of calls, outcomes and rows."""

    journal: list[Any]

    def _prepare(self) -> None:
        Schema(self.database).ensure() if self.dense_ids else empty(self.database)

    def execute(self, method: str, /, *arguments: Any, **options: Any) -> tuple[str | None, Any]:
        word, result = super().execute(method, *arguments, **options)
        self.journal.append((method, word))
        return word, result

    def teardown(self) -> None:
        named = {number: user_id for user_id, number in self.ids.items()}
        with self.database.reading() as session:
            users = [
                [named[user.id], user.username, user.email, user.is_active, user.is_email_verified]
                + [str(moment) for moment in (user.created_at, user.updated_at)]
                + [group.name for group in user.groups]
                for user in session.scalars(select(User).order_by(User.id))
            ]
            tokens = [
                [named[token.user_id], token.purpose, token.email]
                + [str(moment) for moment in (token.created_at, token.expires_at, token.used_at)]
                for token in session.scalars(select(Token))
            ]
            columns = [EVENTS.c[name] for name in ("seq", "signal", "operation", "outcome", "subject")]
            events = [list(row) for row in session.execute(select(*columns).order_by(EVENTS.c.seq))]
        log = EventLog(self.database, Dependencies(settings_of_nothing(), data_directory=Path()))
        self.journal.append([users, sorted(tokens), events, log.verify().events])
        super().teardown()


def settings_of_nothing() -> Any:
    from lback_cli.settings import Settings

    return Settings()


def journal_on(url: str) -> tuple[str, int]:
    """Run the same operations on the database at *url*; return a digest of the journal, and its length."""
    in_memory = url == "sqlite://"
    if not in_memory:
        database = Database(DatabaseSettings(url=url))
        Schema(database).initialize()
        database.dispose()
    machine = type("Machine", (Journaled,), {"url": url, "dense_ids": in_memory, "journal": []})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=25,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    journal = machine.journal  # type: ignore[attr-defined]
    return hashlib.sha256(json.dumps(journal).encode()).hexdigest(), len(journal)


def test_model_has_the_same_results_on_every_database(database_on: DatabaseOn) -> None:
    digests = {"sqlite": journal_on("sqlite://")}
    for server in SERVERS:
        with database_on(server) as url:
            digests[server] = journal_on(url)
    assert digests["sqlite"][1] > EXAMPLES * 5
    assert set(digests.values()) == {digests["sqlite"]}, digests
