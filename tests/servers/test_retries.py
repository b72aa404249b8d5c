"""Operations whose transaction fails because of another connection are retried, and their effects happen once."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from lback_cli import signals
from lback_cli.database import retry
from lback_cli.database.retry import MAX_ATTEMPTS
from lback_cli.errors import DatabaseError, LbackError, UserExists
from lback_cli.models import Group
from lback_cli.text.times import utc_now

from .concurrent_users import (
    BALLAST,
    LOCK_HEAD,
    OnFirstCall,
    backend_pid,
    impatient_url,
    insert_user,
    is_postgresql,
    other_connection,
    record_error_codes,
    wait_until_blocked,
)
from .conftest import SERVERS
from .database import PASSWORD, Installation, on_signal, record_signals

Reopen = Callable[..., Installation]

REGISTRATION = [
    "user_registration_started",
    "user_pre_register",
    "user_email_verification_initiated",
    "user_registered",
]


def check_registered_once(
    installation: Installation, user: Any, seen: list[str], user_ids: list[int], mails: int
) -> None:
    assert seen == REGISTRATION
    assert user_ids == [user.id]
    assert installation.rows("SELECT id FROM users WHERE username = :name", name=user.username) == [(user.id,)]
    assert installation.rows("SELECT user_id FROM lback_tokens WHERE user_id = :id", id=user.id) == [(user.id,)]
    assert [signal for signal, subject in installation.recorded() if subject == user.username] == ["user_registered"]
    assert len(installation.mails()) == mails + 1
    token = installation.mails()[-1].read_text("utf-8").partition("token=")[2].split()[0]
    assert installation.users.verify_user_email(token).id == user.id
    installation.events.verify()


def register_once(installation: Installation, client: Installation, name: str) -> None:
    """Register a user with *client*, and check every effect."""
    mails = len(installation.mails())
    user_ids: list[int] = []
    with record_signals() as seen, on_signal(signals.user_registered, lambda user, **_: user_ids.append(user.id)):
        user = client.register(name)
    check_registered_once(installation, user, seen, user_ids, mails)


@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
@pytest.mark.parametrize("signal", ["user_email_verification_initiated", "user_registered"])
def test_serialization_failure_is_retried(
    installation: Installation, reopen: Reopen, isolation: str, signal: str
) -> None:
    if not is_postgresql(installation):
        pytest.skip("MariaDB has deadlocks and lock timeouts only")
    client, other = reopen(isolation=isolation), reopen()
    name = f"serial-{isolation[:1]}-{signal[-5:]}".lower()
    rival = OnFirstCall(lambda **_: other.write("UPDATE lback_event_head SET seq = seq WHERE id = 1"))
    with record_error_codes(client) as codes, on_signal(getattr(signals, signal), rival):
        register_once(installation, client, name)
    assert (codes, rival.calls) == (["40001"], 1)


@contextmanager
def overtaken(client: Installation, statement: str, act: Callable[[], object]) -> Iterator[None]:
    """Call *act* before *client* first sends *statement*, which a unique index then refuses."""
    act_once = OnFirstCall(lambda **_: act())

    def intercept(_connection: Any, _cursor: Any, sent: str, *_: Any) -> None:
        if sent.startswith(statement):
            act_once()

    event.listen(client.database.engine, "before_cursor_execute", intercept)
    try:
        with record_error_codes(client) as codes:
            yield
    finally:
        event.remove(client.database.engine, "before_cursor_execute", intercept)
    assert codes == ["23505" if is_postgresql(client) else 1062]


@pytest.mark.parametrize("server", SERVERS)
def test_default_group_missing_from_the_snapshot_is_found_by_a_retry(
    server: str, database_on: Callable[[str], AbstractContextManager[str]], tmp_path: Path
) -> None:
    """A server may use a snapshot although lback asks for READ COMMITTED."""
    with database_on(server) as url:
        installation = Installation(url, tmp_path).initialize()
        client = installation.reopen(isolation="REPEATABLE READ")
        with overtaken(client, "INSERT INTO groups", lambda: installation.groups.create_group("basic_user")):
            register_once(installation, client, "late")
        assert installation.rows("SELECT count(*) FROM user_groups_association") == [(1,)]
        installation.close()
        client.close()


def test_name_missing_from_the_snapshot_is_reported_as_taken(installation: Installation, reopen: Reopen) -> None:
    name = f"unseen-{is_postgresql(installation)}".lower()
    client = reopen(isolation="REPEATABLE READ")
    with (
        overtaken(client, "INSERT INTO users", lambda: installation.write(insert_user(name))),
        record_signals() as seen,
        pytest.raises(UserExists, match=f"The user name '{name}' is taken"),
    ):
        client.register(name)
    assert seen == ["user_registration_started", "user_pre_register", "user_registration_failed"]
    assert [signal for signal, subject in installation.recorded() if subject == name] == ["user_registration_failed"]


def test_name_that_is_free_again_is_registered_by_a_retry(installation: Installation, reopen: Reopen) -> None:
    if not is_postgresql(installation):
        pytest.skip("MariaDB keeps a lock on the index entry")
    name, client = "brief", reopen()
    delete = f"DELETE FROM users WHERE username = '{name}'"
    rival = OnFirstCall(lambda **_: installation.write(insert_user(name)))
    with (
        on_signal(signals.user_pre_register, rival),
        record_error_codes(client, on_first=lambda: installation.write(delete)) as codes,
    ):
        register_once(installation, client, name)
    assert (codes, rival.calls) == (["23505"], 1)


def test_deadlock_is_retried(installation: Installation, reopen: Reopen) -> None:
    user = installation.register("entangled", verified=True)
    # PostgreSQL aborts the transaction whose deadlock timeout ends first, MariaDB the one with the fewest changes.
    short_timeout = "?options=-c%20deadlock_timeout=20ms"
    client = reopen(url=installation.url + short_timeout) if is_postgresql(installation) else reopen()
    events = len(installation.recorded())
    mails = len(installation.mails())
    with other_connection(installation) as other:

        def entangle(**_: Any) -> None:
            other.execute(text("INSERT INTO groups (name, created_at, updated_at) VALUES " + BALLAST))
            other.execute(text(LOCK_HEAD))
            waiting.start()
            wait_until_blocked(installation, other_pid)

        def wait() -> None:
            other.execute(text("SELECT id FROM users WHERE id = :id FOR UPDATE"), {"id": user.id})
            other.rollback()

        if is_postgresql(installation):
            other.execute(text("SET deadlock_timeout = '1h'"))
        other_pid = backend_pid(other)
        waiting = threading.Thread(target=wait)
        receiver = OnFirstCall(entangle)
        with record_error_codes(client) as codes, record_signals() as seen, on_signal(signals.user_updated, receiver):
            client.users.update_user(user.id, {"password": "umbrella tangent violin quarry"})
        waiting.join()
    assert codes == ["40P01" if is_postgresql(installation) else 1213]
    assert (seen, receiver.calls) == (["user_update_started", "user_updated"], 1)
    assert [signal for signal, _ in installation.recorded()[events:]] == ["user_updated"]
    assert len(installation.mails()) == mails + 1
    assert installation.users.authenticate_user("entangled", "umbrella tangent violin quarry").id == user.id


def test_deadlock_that_rolls_back_the_savepoint_too_is_retried(installation: Installation, reopen: Reopen) -> None:
    if is_postgresql(installation):
        pytest.skip("PostgreSQL keeps the savepoint")
    user = installation.register("nested", verified=True)
    client = reopen()
    (client_pid,) = client.rows("SELECT connection_id()")[0]
    with other_connection(installation) as other:

        def entangle() -> None:
            wait_until_blocked(installation, client_pid)
            other.execute(text("SELECT id FROM users WHERE id = :id FOR UPDATE"), {"id": user.id})
            other.rollback()

        other.execute(text("INSERT INTO groups (name, created_at, updated_at) VALUES " + BALLAST))
        other.execute(
            text(
                "INSERT INTO users (username, email, password, created_at, updated_at)"
                " VALUES ('wanted', 'wanted@example.org', '', '2026-01-01', '2026-01-01')"
            )
        )
        rival = threading.Thread(target=entangle)
        rival.start()
        with record_error_codes(client) as codes, record_signals() as seen:
            updated = client.users.update_user(user.id, {"username": "wanted"})
        rival.join()
    assert codes[0] == 1213
    assert seen == ["user_update_started", "user_updated"]
    assert updated.username == "wanted"
    assert installation.rows("SELECT username FROM users WHERE id = :id", id=user.id) == [("wanted",)]


def test_lock_timeout_is_retried(installation: Installation, reopen: Reopen) -> None:
    client = reopen(url=impatient_url(installation))
    with other_connection(installation) as other:
        other.execute(text(LOCK_HEAD))
        with record_error_codes(client, on_first=other.rollback) as codes:
            register_once(installation, client, "ann")
    assert codes == ["55P03" if is_postgresql(installation) else 1205]


def test_busy_sqlite_file_is_retried(tmp_path: Path) -> None:
    installation = Installation(f"sqlite:///{tmp_path}/users.db", tmp_path).initialize()
    client = installation.reopen(busy_timeout=0.1)
    with (
        other_connection_of_file(tmp_path / "users.db") as release,
        record_error_codes(client, on_first=release) as codes,
    ):
        register_once(installation, client, "ann")
    client.close()
    installation.close()
    assert codes == [5]


@contextmanager
def other_connection_of_file(path: Path) -> Iterator[Callable[[], object]]:
    import sqlite3

    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield lambda: connection.execute("ROLLBACK")
    finally:
        connection.close()


def test_connection_lost_before_commit_is_retried(installation: Installation, reopen: Reopen) -> None:
    client = reopen()
    ask, kill = (
        ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend(:pid)")
        if is_postgresql(installation)
        else ("SELECT connection_id()", "KILL :pid")
    )

    def cut(session: Session, **_: Any) -> None:
        installation.write(kill, pid=session.scalar(text(ask)))

    with record_error_codes(client) as codes, on_signal(signals.user_registered, OnFirstCall(cut)):
        register_once(installation, client, "cut-off")
    assert len(codes) == 1


def test_operation_fails_once_after_the_last_attempt(
    installation: Installation, reopen: Reopen, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "MAX_ATTEMPTS_ON_CONFLICT", 7)
    client = reopen(url=impatient_url(installation)) if is_postgresql(installation) else reopen()
    mails = len(installation.mails())
    with other_connection(installation) as other:
        if is_postgresql(installation):
            other.execute(text(LOCK_HEAD))
            lock = None
        else:
            # Waiting one second per attempt would be slow, so a trigger raises a deadlock at once.
            lock = "CREATE TRIGGER busy BEFORE UPDATE ON lback_event_head FOR EACH ROW SIGNAL SQLSTATE '40001' "
            installation.write(lock + "SET MYSQL_ERRNO = 1213")
        try:
            with record_error_codes(client) as codes, record_signals() as seen, pytest.raises(DatabaseError) as caught:
                client.register("unlucky")
        finally:
            if lock:
                installation.write("DROP TRIGGER busy")
    assert caught.value.message.endswith(" is busy: other transactions held or changed the same rows.")
    expected = ["55P03"] * MAX_ATTEMPTS if is_postgresql(installation) else [1213] * 7
    assert codes == expected * 2, "recording the failure is retried too"
    assert seen == [*REGISTRATION, "user_registration_failed"]
    assert len(installation.mails()) == mails + 1
    assert installation.rows("SELECT 1 FROM users WHERE username = 'unlucky'") == []
    assert "could not be recorded in the event log" in caplog.text


def test_operation_in_a_callers_session_is_not_retried(installation: Installation, reopen: Reopen) -> None:
    client = reopen(url=impatient_url(installation))
    with other_connection(installation) as other:
        other.execute(text(LOCK_HEAD))
        with (
            record_error_codes(client, on_first=other.rollback) as codes,
            record_signals() as seen,
            pytest.raises(DatabaseError),
            Session(client.database.engine) as session,
        ):
            client.register("joined", session=session)
    assert codes == ["55P03" if is_postgresql(installation) else 1205]
    assert seen == [*REGISTRATION, "user_registration_failed"]
    assert installation.rows("SELECT 1 FROM users WHERE username = 'joined'") == []


def test_receiver_that_wrote_is_called_again(installation: Installation, reopen: Reopen) -> None:
    client = reopen(url=impatient_url(installation))
    user_ids = []

    def write(user: Any, session: Session, **_: Any) -> None:
        user_ids.append(user.id)
        session.add(Group(name="written by a receiver", created_at=utc_now(), updated_at=utc_now()))

    with other_connection(installation) as other:
        other.execute(text(LOCK_HEAD))
        with (
            record_error_codes(client, on_first=other.rollback) as codes,
            record_signals() as seen,
            on_signal(signals.user_registered, write),
        ):
            user = client.register("watched")
    assert len(codes) == 1
    assert user_ids == [user.id, user.id]
    assert seen == [*REGISTRATION, "user_registered"]
    assert len(installation.rows("SELECT 1 FROM groups WHERE name = 'written by a receiver'")) == 1
    assert [signal for signal, subject in installation.recorded() if subject == "watched"] == ["user_registered"]


def test_erasure_is_retried_and_announced_once(installation: Installation, reopen: Reopen) -> None:
    installation.register("forgotten", verified=True)
    client = reopen(url=impatient_url(installation))
    before = len(installation.recorded())
    with other_connection(installation) as other:
        other.execute(text(LOCK_HEAD))
        with record_error_codes(client, on_first=other.rollback) as codes, record_signals() as seen:
            erased = client.events.erase_user("forgotten", client.users)
    assert codes == ["55P03" if is_postgresql(installation) else 1205]
    assert seen == ["user_deletion_started", "user_deleted"]
    # The registration and the deletion are erased.
    assert erased.events == 2
    assert installation.recorded()[before:] == [("user_deleted", None), ("user_erased", None)]
    assert installation.rows("SELECT 1 FROM users WHERE username = 'forgotten'") == []
    installation.events.verify()


def test_erasure_fails_after_the_last_attempt(
    installation: Installation, reopen: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "MAX_ATTEMPTS", 2)
    user = installation.register("remembered", verified=True)
    client = reopen(url=impatient_url(installation))
    with other_connection(installation) as other:
        other.execute(text("SELECT id FROM users WHERE id = :id FOR UPDATE"), {"id": user.id})
        with record_signals() as seen, pytest.raises(DatabaseError) as caught:
            client.events.erase_user("remembered", client.users)
    assert caught.value.message.endswith(" is busy: other transactions held or changed the same rows.")
    assert seen == []
    assert installation.users.authenticate_user("remembered", PASSWORD).id == user.id


def test_concurrent_registrations_of_one_name_fail_only_as_taken(installation: Installation, reopen: Reopen) -> None:
    """One transaction inserts the name and the others wait, which MariaDB may report as a deadlock."""
    outcomes: list[str] = []
    barrier = threading.Barrier(4)

    def register(number: int) -> None:
        client = reopen()
        barrier.wait(30)
        try:
            client.users.register_user("contested", f"contested{number}@example.org", "correct horse battery staple")
        except LbackError as error:
            outcomes.append(error.code)
        else:
            outcomes.append("done")

    threads = [threading.Thread(target=register, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "user_exists", "user_exists", "user_exists"]
    assert len(installation.rows("SELECT 1 FROM users WHERE username = 'contested'")) == 1
