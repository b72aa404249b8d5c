"""Receivers that end the transaction of the operation that handed them its session."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, object_session

from lback_cli import signals
from lback_cli.errors import UnexpectedError
from lback_cli.managers.user_manager import UserManager
from lback_cli.testing import SignalRecorder
from tests.servers.database import Installation

PASSWORD = "quiet-harbor-lantern-47"


def _commit_and_go_on(session: Session) -> None:
    try:
        session.commit()
    except Exception:  # noqa: BLE001 - a receiver may swallow anything
        session.execute(text("SELECT 1"))


def _leave_a_savepoint_open(session: Session) -> None:
    session.begin_nested()


MISUSES: dict[str, Callable[[Session], Any]] = {
    "tried to commit the session": lambda session: session.commit(),
    "tried to commit the session and swallows the refusal": _commit_and_go_on,
    "ended the transaction": lambda session: session.rollback(),
    "ended the transaction by closing": lambda session: session.close(),
    "tried to commit the connection": lambda session: session.connection().commit(),
    "tried to execute COMMIT": lambda session: session.execute(text("COMMIT")),
    "tried to execute ROLLBACK": lambda session: session.execute(text("rollback;")),
    "tried to execute COMMIT by a statement after comments": lambda session: session.execute(
        text("-- why\n/* who */ ;commit")
    ),
    "tried to execute END": lambda session: session.execute(text("END TRANSACTION")),
    "tried to execute ABORT": lambda session: session.execute(text("abort")),
    "left a savepoint open": _leave_a_savepoint_open,
}


def events(path: Path) -> list[tuple[Any, ...]]:
    """Return the signal and outcome of every event, and the names of all users, as another connection sees them."""
    with create_engine(f"sqlite:///{path}").connect() as connection:
        rows = connection.execute(text("SELECT signal, outcome FROM lback_events ORDER BY seq")).all()
        users = connection.execute(text("SELECT username, 'user' FROM users")).all()
    return [tuple(row) for row in (*rows, *users)]


@pytest.mark.parametrize("misuse", MISUSES)
@pytest.mark.parametrize("signal", ["user_registered", "user_email_verification_initiated"])
def test_the_operation_fails_and_names_the_receiver(manager: UserManager, path: Path, misuse: str, signal: str) -> None:
    def receiver(_sender: Any, user: Any, session: Session | None = None, **_arguments: Any) -> None:
        MISUSES[misuse](session or object_session(user) or pytest.fail("there is no session"))

    with (
        SignalRecorder(manager) as recorder,
        signals.find_signal(signal).signal.connected_to(receiver),
        pytest.raises(UnexpectedError) as caught,
    ):
        manager.register_user("ann", "ann@example.org", PASSWORD)
    done = misuse.partition(" and ")[0].partition(" by ")[0]
    name = f"{__name__}.{receiver.__qualname__}"
    assert caught.value.message == f"The receiver {name} of {signal} {done}."
    assert recorder.names[-1] == "user_registration_failed"
    assert events(path) == [("user_registration_failed", "unexpected_exception")]


def test_a_callers_transaction_keeps_nothing_of_the_operation(manager: UserManager, path: Path) -> None:
    def receiver(_sender: Any, session: Session, **_arguments: Any) -> None:
        session.commit()

    with Session(create_engine(f"sqlite:///{path}")) as session, signals.user_registered.connected_to(receiver):
        with pytest.raises(UnexpectedError, match="tried to commit the session"):
            manager.register_user("ann", "ann@example.org", PASSWORD, session=session)
        assert events(path) == []
        session.commit()
    assert events(path) == [("user_registration_failed", "unexpected_exception")]


def test_a_receiver_may_use_savepoints_of_its_own(manager: UserManager, path: Path) -> None:
    def receiver(_sender: Any, session: Session, **_arguments: Any) -> None:
        with session.begin_nested():
            session.execute(text("UPDATE users SET is_active = 0"))
        with session.begin_nested() as savepoint:
            session.execute(text("UPDATE users SET username = 'bob'"))
            savepoint.rollback()

    with signals.user_registered.connected_to(receiver):
        manager.register_user("ann", "ann@example.org", PASSWORD)
    assert events(path) == [("group_created", None), ("user_registered", None), ("ann", "user")]


def test_a_statement_before_which_mariadb_commits_is_refused(
    database_on: Callable[[str], AbstractContextManager[str]], tmp_path: Path
) -> None:
    def receiver(_sender: Any, session: Session, **_arguments: Any) -> None:
        session.execute(text("CREATE TEMPORARY TABLE mine (id INT)"))
        session.execute(text("/*! CREATE */ TABLE seen (id INT)"))

    with database_on("mariadb") as url:
        installation = Installation(url, tmp_path).initialize()
        with signals.user_registered.connected_to(receiver), pytest.raises(UnexpectedError, match="execute CREATE"):
            installation.register("ann")
        assert installation.recorded() == [("user_registration_failed", "ann")]
        assert installation.rows("SELECT username FROM users") == []
        installation.close()
