"""The arguments of failure signals after invalid arguments or database errors."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lback_cli import signals
from lback_cli.database.engine import Database
from lback_cli.errors import DatabaseError, ValidationError
from lback_cli.managers.user_manager import UserManager
from lback_cli.settings import DatabaseSettings
from lback_cli.testing import SignalRecorder

PASSWORD = "quiet-harbor-lantern-47"


@pytest.fixture
def manager(manager: UserManager) -> UserManager:
    """A manager with one user."""
    manager.register_user("ann", "ann@example.org", PASSWORD, verified=True)
    return manager


CALLS: dict[str, Callable[[UserManager], Any]] = {
    "register_user username": lambda manager: manager.register_user(None, "bob@example.org", PASSWORD),  # type: ignore[call-overload, unused-ignore, arg-type]
    "register_user email": lambda manager: manager.register_user("bob", 7, PASSWORD),  # type: ignore[call-overload, unused-ignore, arg-type]
    "register_user password": lambda manager: manager.register_user("bob", "bob@example.org", b"x"),  # type: ignore[call-overload, unused-ignore, arg-type]
    "authenticate_user username": lambda manager: manager.authenticate_user(None, PASSWORD),  # type: ignore[arg-type]
    "authenticate_user password": lambda manager: manager.authenticate_user("ann", None),  # type: ignore[arg-type]
    "verify_user_email token": lambda manager: manager.verify_user_email(None),  # type: ignore[arg-type]
    "update_user user_id": lambda manager: manager.update_user("1", {"is_active": False}),  # type: ignore[arg-type]
    "update_user update_data": lambda manager: manager.update_user(1, ["is_active"]),  # type: ignore[arg-type]
    "delete_user user_id": lambda manager: manager.delete_user("1"),  # type: ignore[arg-type]
    "reset_password_request email": lambda manager: manager.reset_password_request(None),  # type: ignore[arg-type]
    "reset_password token": lambda manager: manager.reset_password(7, PASSWORD),  # type: ignore[arg-type]
    "reset_password new_password": lambda manager: manager.reset_password("x", None),  # type: ignore[arg-type]
    "reset_user_password user_id": lambda manager: manager.reset_user_password("1", PASSWORD),  # type: ignore[arg-type]
    "resend_verification user_id": lambda manager: manager.resend_verification(None),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", CALLS)
def test_an_argument_of_the_wrong_type_is_a_validation_error(manager: UserManager, name: str) -> None:
    field = name.split()[1]
    with SignalRecorder(manager) as recorder, pytest.raises(ValidationError) as caught:
        CALLS[name](manager)
    assert caught.value.field == field
    failure = recorder.deliveries[-1]
    assert failure.role == "failure"
    word = failure.arguments.get("error_type") or failure.arguments.get("reason")
    assert (word, failure.arguments.get("exception")) == ("validation_error", None)


FOUND: dict[str, Callable[[UserManager], Any]] = {
    "authenticate_user": lambda manager: manager.authenticate_user("ann", PASSWORD),
    "update_user": lambda manager: manager.update_user(1, {"is_active": False}),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_failure_carries_the_user_that_was_found_before_the_database_failed(
    manager: UserManager, path: Path, name: str
) -> None:
    with Database(DatabaseSettings(url=f"sqlite:///{path}", busy_timeout=0)).session() as blocker:
        blocker.connection()
        with SignalRecorder(manager) as recorder, pytest.raises(DatabaseError):
            FOUND[name](manager)
    failure = recorder.deliveries[-1]
    user = failure.arguments["user"]
    assert failure.role == "failure"
    assert (user.id, user.username, user.email, user.is_active) == (1, "ann", "ann@example.org", True)
    assert [group.name for group in user.groups] == ["basic_user"]


def test_failure_signal_of_an_interruption_has_an_exception(manager: UserManager) -> None:
    def interrupt(_sender: Any, **_arguments: Any) -> None:
        raise KeyboardInterrupt

    with (
        SignalRecorder(manager) as recorder,
        signals.user_deletion_started.connected_to(interrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        manager.delete_user(1)
    failure = recorder.deliveries[-1]
    assert failure.spec.name == "user_deletion_failed"
    assert isinstance(failure.arguments["exception"], Exception)
