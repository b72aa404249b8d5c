"""The table, played in the library: with a transaction of its own, and joined in a caller's."""

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

from .conftest import StageOf
from .environment import Stage
from .receivers import acting
from .recorder import Recorder
from .requirements import ERRORS
from .scenario import COMMIT_IS_OURS, MESSAGE, Scenario
from .scenarios import SCENARIOS

CALLERS_CHANGE = {"groups staff": {"description": "changed by the caller"}}


@dataclass(frozen=True)
class Played:
    """What came of an operation."""

    recorder: Recorder
    result: Any
    error: BaseException | None


class World:
    """A manager on a stage, at a time that the scenario sets."""

    def __init__(self, stage: Stage, scenario: Scenario) -> None:
        self.stage = stage
        self.scenario = scenario
        self.now: datetime = stage.now + scenario.later
        self.database = Database(stage.settings.database)
        services = Dependencies(stage.settings, data_directory=stage.directory, clock=self._clock)
        self.manager = UserManager(self.database, services)

    def _clock(self) -> datetime:
        assert not self.scenario.broken_clock or 1 / 0
        return self.now

    def play(self, session: Session | None = None) -> Played:
        """Run the operation, in the caller's *session* if there is one."""
        call = self.scenario.call
        with (
            Recorder(self.manager, session, interrupt_at=self.scenario.interrupt_at) as recorder,
            acting(self.scenario.receivers, self.stage.write, self.now),
            limited_memory(self.scenario.starved),
        ):
            try:
                result = getattr(self.manager, call.method)(**call.arguments, session=session)
            except (LbackError, KeyboardInterrupt) as error:
                return Played(recorder, None, error)
        return Played(recorder, result, None)


@contextlib.contextmanager
def limited_memory(starved: bool) -> Iterator[None]:
    """Leave the process a little more address space than it has, so that Argon2 cannot get its gigabytes."""
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
    """That *error* is what the scenario says, and has its cause where something foreign is behind it."""
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


def check_signals(scenario: Scenario, played: Played) -> None:
    """That exactly the scenario's signals were sent, in their order, with exactly their arguments."""
    recorder = played.recorder
    message = getattr(played.error, "message", None)
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
    """That a user is returned whose attributes can be used, or True."""
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
    scenario: Scenario, library_stage: StageOf, caplog: pytest.LogCaptureFixture
) -> None:
    stage = library_stage(scenario)
    world = World(stage, scenario)
    before = stage.rows()

    played = world.play()
    world.database.dispose()

    check_signals(scenario, played)
    check_error(scenario, played.error)
    check_result(scenario, played.result)
    check_log(scenario, caplog)
    assert stage.changes(before, since=world.now, until=world.now) == scenario.rows
    assert [(mail.kind, mail.recipient) for mail in stage.mails()] == list(scenario.mails)


@pytest.mark.parametrize(
    "scenario", [scenario for scenario in SCENARIOS if not scenario.own_only], ids=lambda scenario: scenario.id
)
def test_operation_joined_to_a_callers_transaction(
    scenario: Scenario, library_stage: StageOf, caplog: pytest.LogCaptureFixture
) -> None:
    stage = library_stage(scenario)
    world = World(stage, scenario)
    before = stage.rows()

    with Session(world.database.engine) as session:
        session.execute(text("UPDATE groups SET description = 'changed by the caller' WHERE name = 'staff'"))
        played = world.play(session)
        check_signals(scenario, played)
        check_result(scenario, played.result)
        assert stage.rows() == before, "nothing is committed before the caller commits"
        session.commit()
    world.database.dispose()

    check_error(scenario, played.error)
    check_log(scenario, caplog)
    assert stage.changes(before, since=world.now, until=world.now) == {**scenario.rows, **CALLERS_CHANGE}
    assert [(mail.kind, mail.recipient) for mail in stage.mails()] == list(scenario.mails)


@pytest.mark.parametrize(
    "scenario",
    [scenario for scenario in SCENARIOS if scenario.code is None and not scenario.own_only],
    ids=lambda scenario: scenario.id,
)
def test_rollback_of_the_caller_undoes_a_joined_operation(scenario: Scenario, library_stage: StageOf) -> None:
    stage = library_stage(scenario)
    world = World(stage, scenario)
    before = stage.rows()

    with Session(world.database.engine) as session:
        played = world.play(session)
        session.rollback()
    world.database.dispose()

    assert played.recorder.deliveries[-1].role == "success"
    assert stage.rows() == before


@pytest.mark.parametrize(
    "scenario",
    [scenario for scenario in SCENARIOS if scenario.own_only == COMMIT_IS_OURS],
    ids=lambda scenario: scenario.id,
)
def test_joined_operation_succeeds_even_if_the_callers_commit_fails(scenario: Scenario, library_stage: StageOf) -> None:
    stage = library_stage(scenario)
    world = World(stage, scenario)
    before = stage.rows()

    with Session(world.database.engine) as session:
        played = world.play(session)
        with pytest.raises(IntegrityError):
            session.commit()
    world.database.dispose()

    assert played.error is None
    assert played.recorder.sent == list(scenario.signals[:-1])
    assert stage.rows() == before
