"""The scenarios in the library, in a transaction of the operation and joined to one of the caller."""

import contextlib
import logging
import resource
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lback_cli.database.engine import Database
from lback_cli.errors import LbackError, UnexpectedError, Unusable
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_manager import UserManager
from lback_cli.models import User

from .conftest import InstallationOf
from .environment import Installation
from .receivers import acting
from .recorder import Recorder
from .requirements import ERRORS
from .scenario import COMMIT_IS_OURS, MESSAGE, Scenario
from .scenarios import SCENARIOS

CALLERS_CHANGE = {"groups staff": {"description": "changed by the caller"}}


@dataclass(frozen=True)
class Execution:
    """The outcome of an operation."""

    recorder: Recorder
    result: Any
    error: BaseException | None


class World:
    """A manager of an installation, with the clock of the scenario."""

    def __init__(self, installation: Installation, scenario: Scenario) -> None:
        self.installation = installation
        self.scenario = scenario
        self.now: datetime = installation.now + scenario.later
        self.database = Database(installation.settings.database)
        services = Dependencies(installation.settings, data_directory=installation.directory, clock=self._clock)
        self.manager = UserManager(self.database, services)

    def _clock(self) -> datetime:
        assert not self.scenario.broken_clock or 1 / 0
        return self.now

    def execute(self, session: Session | None = None) -> Execution:
        """Run the operation, in the caller's *session* if there is one."""
        call = self.scenario.call
        with (
            Recorder(self.manager, session, interrupt_at=self.scenario.interrupt_at) as recorder,
            acting(self.scenario.receivers, self.installation.write, self.now),
            limited_memory(self.scenario.starved),
        ):
            try:
                result = getattr(self.manager, call.method)(**call.arguments, session=session)
            except (LbackError, KeyboardInterrupt) as error:
                return Execution(recorder, None, error)
        return Execution(recorder, result, None)


@contextlib.contextmanager
def limited_memory(starved: bool) -> Iterator[None]:
    """Limit the address space to a little more than is used, so that Argon2 cannot allocate its memory."""
    if not starved:
        yield
        return
    if sys.platform != "linux":
        pytest.skip("only Linux limits the address space")
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 2**29, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def check_error(scenario: Scenario, error: BaseException | None) -> None:
    """Check the error, which must have a cause if another exception caused it."""
    if scenario.code == "interrupted":
        assert type(error) is KeyboardInterrupt
    elif scenario.code is None:
        assert error is None
    else:
        assert isinstance(error, LbackError)
        assert (error.code, type(error).__name__) == (scenario.code, ERRORS[scenario.code][0])
        assert str(error) == error.message
        if isinstance(error, UnexpectedError | Unusable):
            assert error.__cause__ is not None


def check_signals(scenario: Scenario, execution: Execution) -> None:
    """Check that exactly the signals of the scenario were sent, in order and with their arguments."""
    recorder = execution.recorder
    message = getattr(execution.error, "message", None)
    expected = [
        (name, {key: message if value is MESSAGE else value for key, value in arguments.items()})
        for name, arguments in scenario.signals
    ]
    assert recorder.sent == expected
    assert recorder.wrong == []
    deliveries = recorder.deliveries
    assert [delivery.spec.name for delivery in deliveries] == recorder.names
    assert [delivery.seq for delivery in deliveries] == list(range(1, len(deliveries) + 1))
    assert len({delivery.operation_id for delivery in deliveries}) == 1
    terminal = [delivery.role for delivery in deliveries if delivery.role in {"success", "failure"}]
    assert deliveries[-1].role == ("success" if scenario.code is None else "failure")
    assert terminal in (["success"], ["failure"], ["success", "failure"])
    prefixes = [arguments["token_prefix"] for _, arguments in recorder.sent if "token_prefix" in arguments]
    assert len(set(prefixes)) <= 1, "one operation has one token"
    secrets = {str(value) for key, value in scenario.call.arguments.items() if "password" in key and len(value) > 15}
    assert not [secret for secret in secrets if secret in repr(recorder.sent)]


def check_result(scenario: Scenario, result: Any) -> None:
    """Check that the result is a user with loaded attributes, or True."""
    if scenario.code is not None:
        assert result is None
    elif scenario.call.method in {"delete_user", "reset_password_request"}:
        assert result is True
    else:
        assert isinstance(result, User)
        user = scenario.signals[-1][1]["user"]
        assert {"id": result.id, "username": result.username, "email": result.email} == user
        assert isinstance(result.groups, list)


def check_log(scenario: Scenario, caplog: pytest.LogCaptureFixture) -> None:
    logged = [record for record in caplog.records if record.name.startswith("lback_cli")]
    assert len(logged) == scenario.logged
    assert {record.levelno for record in logged} <= {logging.ERROR}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)
def test_operation_in_its_own_transaction(
    scenario: Scenario, library_installation: InstallationOf, caplog: pytest.LogCaptureFixture
) -> None:
    installation = library_installation(scenario)
    world = World(installation, scenario)
    before = installation.rows()

    execution = world.execute()
    world.database.dispose()

    check_signals(scenario, execution)
    check_error(scenario, execution.error)
    check_result(scenario, execution.result)
    check_log(scenario, caplog)
    assert installation.changes(before, since=world.now, until=world.now) == scenario.rows
    assert [(mail.kind, mail.recipient) for mail in installation.mails()] == list(scenario.mails)


@pytest.mark.parametrize(
    "scenario", [scenario for scenario in SCENARIOS if not scenario.own_only], ids=lambda scenario: scenario.id
)
def test_operation_joined_to_a_callers_transaction(
    scenario: Scenario, library_installation: InstallationOf, caplog: pytest.LogCaptureFixture
) -> None:
    installation = library_installation(scenario)
    world = World(installation, scenario)
    before = installation.rows()

    with Session(world.database.engine) as session:
        session.execute(text("UPDATE groups SET description = 'changed by the caller' WHERE name = 'staff'"))
        execution = world.execute(session)
        check_signals(scenario, execution)
        check_result(scenario, execution.result)
        assert installation.rows() == before, "nothing is committed before the caller commits"
        session.commit()
    world.database.dispose()

    check_error(scenario, execution.error)
    check_log(scenario, caplog)
    assert installation.changes(before, since=world.now, until=world.now) == {**scenario.rows, **CALLERS_CHANGE}
    assert [(mail.kind, mail.recipient) for mail in installation.mails()] == list(scenario.mails)


@pytest.mark.parametrize(
    "scenario",
    [scenario for scenario in SCENARIOS if scenario.code is None and not scenario.own_only],
    ids=lambda scenario: scenario.id,
)
def test_rollback_of_the_caller_undoes_a_joined_operation(
    scenario: Scenario, library_installation: InstallationOf
) -> None:
    installation = library_installation(scenario)
    world = World(installation, scenario)
    before = installation.rows()

    with Session(world.database.engine) as session:
        execution = world.execute(session)
        session.rollback()
    world.database.dispose()

    assert execution.recorder.deliveries[-1].role == "success"
    assert installation.rows() == before


@pytest.mark.parametrize(
    "scenario",
    [scenario for scenario in SCENARIOS if scenario.own_only == COMMIT_IS_OURS],
    ids=lambda scenario: scenario.id,
)
def test_joined_operation_succeeds_even_if_the_callers_commit_fails(
    scenario: Scenario, library_installation: InstallationOf
) -> None:
    installation = library_installation(scenario)
    world = World(installation, scenario)
    before = installation.rows()

    with Session(world.database.engine) as session:
        execution = world.execute(session)
        with pytest.raises(IntegrityError):
            session.commit()
    world.database.dispose()

    assert execution.error is None
    assert execution.recorder.sent == list(scenario.signals[:-1])
    assert installation.rows() == before
