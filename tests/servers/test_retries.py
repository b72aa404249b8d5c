"""Operations that the database gives up, forced by what others do at a signal of theirs: all effects come once."""

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
    First,
    errors_of,
    impatient,
    is_postgresql,
    other_connection,
    wait_until_it_waits,
)
from .conftest import SERVERS
from .database import PASSWORD, Place, at, sent

Elsewhere = Callable[..., Place]

REGISTRATION = [
    "user_registration_started",
    "user_pre_register",
    "user_email_verification_initiated",
    "user_registered",
]


def check_registered_once(place: Place, user: Any, seen: list[str], told: list[int], mails: int) -> None:
    assert seen == REGISTRATION
    assert told == [user.id]
    assert place.rows("SELECT id FROM users WHERE username = :name", name=user.username) == [(user.id,)]
    assert place.rows("SELECT user_id FROM lback_tokens WHERE user_id = :id", id=user.id) == [(user.id,)]
    assert [signal for signal, subject in place.recorded() if subject == user.username] == ["user_registered"]
    assert len(place.mails()) == mails + 1
    token = place.mails()[-1].read_text("utf-8").partition("token=")[2].split()[0]
    assert place.users.verify_user_email(token).id == user.id
    place.events.verify()


def register_once(place: Place, client: Place, name: str) -> None:
    """Register by *client*, and look at all that came of it."""
    mails = len(place.mails())
    told: list[int] = []
    with sent() as seen, at(signals.user_registered, lambda user, **_: told.append(user.id)):
        user = client.register(name)
    check_registered_once(place, user, seen, told, mails)


@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
@pytest.mark.parametrize("signal", ["user_email_verification_initiated", "user_registered"])
def test_a_serialization_failure(place: Place, elsewhere: Elsewhere, isolation: str, signal: str) -> None:
    if not is_postgresql(place):
        pytest.skip("MariaDB's own failures are deadlocks and waits that take too long")
    client, other = elsewhere(isolation=isolation), elsewhere()
    name = f"serial-{isolation[:1]}-{signal[-5:]}".lower()
    # Nobody else's signals are to count.
    rival = First(lambda **_: other.write("UPDATE lback_event_head SET seq = seq WHERE id = 1"))
    with errors_of(client) as codes, at(getattr(signals, signal), rival):
        register_once(place, client, name)
    assert (codes, rival.calls) == (["40001"], 1)


@contextmanager
def overtaken(client: Place, statement: str, act: Callable[[], object]) -> Iterator[None]:
    """Call *act* before *client* first sends what begins with *statement*, which a unique index then refuses."""
    first = First(lambda **_: act())

    def look(_connection: Any, _cursor: Any, sent: str, *_: Any) -> None:
        if sent.startswith(statement):
            first()

    event.listen(client.database.engine, "before_cursor_execute", look)
    try:
        with errors_of(client) as codes:
            yield
    finally:
        event.remove(client.database.engine, "before_cursor_execute", look)
    assert codes == ["23505" if is_postgresql(client) else 1062]


@pytest.mark.parametrize("server", SERVERS)
def test_a_default_group_that_the_snapshot_does_not_have(
    server: str, database_on: Callable[[str], AbstractContextManager[str]], tmp_path: Path
) -> None:
    """A server may give lback a snapshot where it asks for READ COMMITTED."""
    with database_on(server) as url:
        place = Place(url, tmp_path).initialize()
        client = place.elsewhere(isolation="REPEATABLE READ")
        with overtaken(client, "INSERT INTO groups", lambda: place.groups.create_group("basic_user")):
            register_once(place, client, "late")
        assert place.rows("SELECT count(*) FROM user_groups_association") == [(1,)]
        place.close()
        client.close()


def test_a_name_that_the_snapshot_does_not_have(place: Place, elsewhere: Elsewhere) -> None:
    name = f"unseen-{is_postgresql(place)}".lower()
    client = elsewhere(isolation="REPEATABLE READ")
    with (
        overtaken(client, "INSERT INTO users", lambda: place.write(taken(name))),
        sent() as seen,
        pytest.raises(UserExists, match=f"The user name '{name}' is taken"),
    ):
        client.register(name)
    assert seen == ["user_registration_started", "user_pre_register", "user_registration_failed"]
    assert [signal for signal, subject in place.recorded() if subject == name] == ["user_registration_failed"]


def test_a_name_that_is_free_again_when_it_is_looked_for(place: Place, elsewhere: Elsewhere) -> None:
    if not is_postgresql(place):
        pytest.skip("MariaDB locks what its index has met")
    name, client = "brief", elsewhere()
    rival = First(lambda **_: place.write(taken(name)))
    with (
        at(signals.user_pre_register, rival),
        errors_of(client, at_first=lambda: place.write(f"DELETE FROM users WHERE username = '{name}'")) as codes,
    ):
        register_once(place, client, name)
    assert (codes, rival.calls) == (["23505"], 1)


def taken(name: str) -> str:
    return (
        "INSERT INTO users (username, email, password, created_at, updated_at)"
        f" VALUES ('{name}', 'rival-of-{name}@example.org', '', '2026-01-01', '2026-01-01')"
    )


def test_a_deadlock(place: Place, elsewhere: Elsewhere) -> None:
    user = place.register("entangled", verified=True)
    # PostgreSQL gives up who looks first, MariaDB who changed least.
    quick = "?options=-c%20deadlock_timeout=20ms"
    client = elsewhere(url=place.url + quick) if is_postgresql(place) else elsewhere()
    events = len(place.recorded())
    mails = len(place.mails())
    with other_connection(place) as other:

        def entangle(**_: Any) -> None:
            other.execute(text("INSERT INTO groups (name, created_at, updated_at) VALUES " + BALLAST))
            other.execute(text(LOCK_HEAD))
            waiting.start()
            wait_until_it_waits(place, other_pid)

        def wait() -> None:
            other.execute(text("SELECT id FROM users WHERE id = :id FOR UPDATE"), {"id": user.id})
            other.rollback()

        if is_postgresql(place):
            other.execute(text("SET deadlock_timeout = '1h'"))
        other_pid = other.scalar(text("SELECT pg_backend_pid()" if is_postgresql(place) else "SELECT connection_id()"))
        waiting = threading.Thread(target=wait)
        receiver = First(entangle)
        with errors_of(client) as codes, sent() as seen, at(signals.user_updated, receiver):
            client.users.update_user(user.id, {"password": "umbrella tangent violin quarry"})
        waiting.join()
    assert codes == ["40P01" if is_postgresql(place) else 1213]
    assert (seen, receiver.calls) == (["user_update_started", "user_updated"], 1)
    assert [signal for signal, _ in place.recorded()[events:]] == ["user_updated"]
    assert len(place.mails()) == mails + 1
    assert place.users.authenticate_user("entangled", "umbrella tangent violin quarry").id == user.id


def test_a_deadlock_under_a_savepoint_which_mariadb_rolls_back_with_all_the_rest(
    place: Place, elsewhere: Elsewhere
) -> None:
    if is_postgresql(place):
        pytest.skip("PostgreSQL keeps the savepoint")
    user = place.register("nested", verified=True)
    client = elsewhere()
    (client_pid,) = client.rows("SELECT connection_id()")[0]
    with other_connection(place) as other:

        def entangle() -> None:
            wait_until_it_waits(place, client_pid)
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
        with errors_of(client) as codes, sent() as seen:
            updated = client.users.update_user(user.id, {"username": "wanted"})
        rival.join()
    assert codes[0] == 1213
    assert seen == ["user_update_started", "user_updated"]
    assert updated.username == "wanted"
    assert place.rows("SELECT username FROM users WHERE id = :id", id=user.id) == [("wanted",)]


def test_a_lock_that_comes_free_after_the_wait_for_it_was_given_up(place: Place, elsewhere: Elsewhere) -> None:
    client = elsewhere(url=impatient(place))
    with other_connection(place) as other:
        other.execute(text(LOCK_HEAD))
        with errors_of(client, at_first=other.rollback) as codes:
            register_once(place, client, "patient")
    assert codes == ["55P03" if is_postgresql(place) else 1205]


def test_a_busy_sqlite_file(tmp_path: Path) -> None:
    place = Place(f"sqlite:///{tmp_path}/users.db", tmp_path).initialize()
    client = place.elsewhere(busy_timeout=0.1)
    with other_connection_of_file(tmp_path / "users.db") as release, errors_of(client, at_first=release) as codes:
        register_once(place, client, "patient")
    client.close()
    place.close()
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


def test_a_lost_connection_before_commit(place: Place, elsewhere: Elsewhere) -> None:
    client = elsewhere()
    ask, kill = (
        ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend(:pid)")
        if is_postgresql(place)
        else ("SELECT connection_id()", "KILL :pid")
    )

    def cut(session: Session, **_: Any) -> None:
        place.write(kill, pid=session.scalar(text(ask)))

    with errors_of(client) as codes, at(signals.user_registered, First(cut)):
        register_once(place, client, "cut-off")
    assert len(codes) == 1


def test_where_the_tries_are_used_up_the_operation_fails_once(
    place: Place, elsewhere: Elsewhere, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "MAX_ATTEMPTS_ON_CONFLICT", 7)
    client = elsewhere(url=impatient(place)) if is_postgresql(place) else elsewhere()
    mails = len(place.mails())
    with other_connection(place) as other:
        if is_postgresql(place):
            other.execute(text(LOCK_HEAD))
            lock = None
        else:
            # A second for each try would be long; here each has its deadlock at once, as with a broken table.
            lock = "CREATE TRIGGER busy BEFORE UPDATE ON lback_event_head FOR EACH ROW SIGNAL SQLSTATE '40001' "
            place.write(lock + "SET MYSQL_ERRNO = 1213")
        try:
            with errors_of(client) as codes, sent() as seen, pytest.raises(DatabaseError) as caught:
                client.register("unlucky")
        finally:
            if lock:
                place.write("DROP TRIGGER busy")
    assert caught.value.message.endswith(" is busy: others held or changed the same rows.")
    tries = ["55P03"] * MAX_ATTEMPTS if is_postgresql(place) else [1213] * 7
    assert codes == tries * 2, "the failure is recorded as patiently"
    assert seen == [*REGISTRATION, "user_registration_failed"]
    assert len(place.mails()) == mails + 1
    assert place.rows("SELECT 1 FROM users WHERE username = 'unlucky'") == []
    assert "could not be recorded in the event log" in caplog.text


def test_an_operation_in_a_callers_session_is_not_tried_again(place: Place, elsewhere: Elsewhere) -> None:
    client = elsewhere(url=impatient(place))
    with other_connection(place) as other:
        other.execute(text(LOCK_HEAD))
        with (
            errors_of(client, at_first=other.rollback) as codes,
            sent() as seen,
            pytest.raises(DatabaseError),
            Session(client.database.engine) as session,
        ):
            client.register("joined", session=session)
    assert codes == ["55P03" if is_postgresql(place) else 1205]
    assert seen == [*REGISTRATION, "user_registration_failed"]
    assert place.rows("SELECT 1 FROM users WHERE username = 'joined'") == []


def test_what_a_receiver_wrote_into_the_lost_transaction_it_writes_again(place: Place, elsewhere: Elsewhere) -> None:
    client = elsewhere(url=impatient(place))
    told = []

    def write(user: Any, session: Session, **_: Any) -> None:
        told.append(user.id)
        session.add(Group(name="written by a receiver", created_at=utc_now(), updated_at=utc_now()))

    with other_connection(place) as other:
        other.execute(text(LOCK_HEAD))
        with errors_of(client, at_first=other.rollback) as codes, sent() as seen, at(signals.user_registered, write):
            user = client.register("watched")
    assert len(codes) == 1
    assert told == [user.id, user.id]
    assert seen == [*REGISTRATION, "user_registered"]
    assert len(place.rows("SELECT 1 FROM groups WHERE name = 'written by a receiver'")) == 1
    assert [signal for signal, subject in place.recorded() if subject == "watched"] == ["user_registered"]


def test_an_erasure_that_waited_in_vain_is_done_again_and_announced_once(place: Place, elsewhere: Elsewhere) -> None:
    place.register("forgotten", verified=True)
    client = elsewhere(url=impatient(place))
    before = len(place.recorded())
    with other_connection(place) as other:
        other.execute(text(LOCK_HEAD))
        with errors_of(client, at_first=other.rollback) as codes, sent() as seen:
            erased = client.events.erase_user("forgotten", client.users)
    assert codes == ["55P03" if is_postgresql(place) else 1205]
    assert seen == ["user_deletion_started", "user_deleted"]
    # The registration and the deletion are blanked.
    assert erased.events == 2
    assert place.recorded()[before:] == [("user_deleted", None), ("user_erased", None)]
    assert place.rows("SELECT 1 FROM users WHERE username = 'forgotten'") == []
    place.events.verify()


def test_an_erasure_whose_tries_are_used_up_is_told_to_have_failed(
    place: Place, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "MAX_ATTEMPTS", 2)
    user = place.register("remembered", verified=True)
    client = elsewhere(url=impatient(place))
    with other_connection(place) as other:
        other.execute(text("SELECT id FROM users WHERE id = :id FOR UPDATE"), {"id": user.id})
        with sent() as seen, pytest.raises(DatabaseError) as caught:
            client.events.erase_user("remembered", client.users)
    assert caught.value.message.endswith(" is busy: others held or changed the same rows.")
    assert seen == []
    assert place.users.authenticate_user("remembered", PASSWORD).id == user.id


def test_those_who_meet_at_a_unique_index_do_not_fail_with_anything_else(place: Place, elsewhere: Elsewhere) -> None:
    """One inserts the name, the others wait for it, of which MariaDB can make a deadlock."""
    outcomes: list[str] = []
    barrier = threading.Barrier(4)

    def register(number: int) -> None:
        client = elsewhere()
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
    assert len(place.rows("SELECT 1 FROM users WHERE username = 'contested'")) == 1
