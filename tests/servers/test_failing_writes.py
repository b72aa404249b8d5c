"""Every write of every operation fails once: rows, events and signals agree.

A write is an INSERT, an UPDATE or a DELETE. In its place the database gets a statement that it refuses.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from email import message_from_bytes
from email.policy import default as default_policy
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import event, select

from lback_cli.errors import AuthenticationFailed, DatabaseError, LbackError
from lback_cli.models.tables import ACCOUNTS, EVENTS, MEMBERSHIPS, TOKENS, USER_ATTRIBUTES, USERS

from .conftest import SERVERS
from .database import PASSWORD, Installation, record_signals

NEW_PASSWORD = "slow-violet-mountain-23"
REFUSED = {"sqlite": "SELECT nothing", "postgresql": "SELECT 1/0", "mariadb": "SIGNAL SQLSTATE '45000'"}
LIMIT = 60
"""More writes than any operation needs."""


class Case(NamedTuple):
    """An operation: what comes before it, the call with the name of the user, and its last signals."""

    prepare: Callable[[Installation, str], object]
    act: Callable[[Installation, str], object]
    success: str
    failure: str


def _id(installation: Installation, name: str) -> int:
    return installation.finder.find_user(name).id


def _token(installation: Installation, name: str) -> str:
    """Return the token of the only mail to the user called *name* that has one."""
    mails = [message_from_bytes(path.read_bytes(), policy=default_policy) for path in installation.mails()]
    bodies = [mail.get_body(("plain",)) for mail in mails if mail["To"] == f"{name}@example.org"]
    texts = [body.get_content() for body in bodies if body is not None]
    (token,) = re.findall(r"token=([\w-]{43})", "\n".join(texts))
    return str(token)


def _request(installation: Installation, name: str) -> object:
    installation.register(name, verified=True)
    return installation.users.reset_password_request(f"{name}@example.org")


CASES: Mapping[str, Case] = {
    "register_user": Case(
        lambda _installation, _name: None,
        lambda installation, name: installation.register(name, attributes={"display_name": "Ann"}),
        "user_registered",
        "user_registration_failed",
    ),
    "authenticate_user": Case(
        lambda installation, name: installation.register(name, verified=True),
        lambda installation, name: installation.users.authenticate_user(name, PASSWORD),
        "user_authenticated",
        "user_authentication_failed",
    ),
    "verify_user_email": Case(
        lambda installation, name: installation.register(name),
        lambda installation, name: installation.users.verify_user_email(_token(installation, name)),
        "user_email_verification_successful",
        "user_email_verification_failed",
    ),
    "update_user": Case(
        lambda installation, name: installation.register(name),
        lambda installation, name: installation.users.update_user(
            _id(installation, name),
            {"email": f"{name}@example.net", "password": NEW_PASSWORD, "is_active": False, "display_name": "Ann"},
        ),
        "user_updated",
        "user_update_failed",
    ),
    "delete_user": Case(
        _request,
        lambda installation, name: installation.users.delete_user(_id(installation, name)),
        "user_deleted",
        "user_deletion_failed",
    ),
    "reset_password_request": Case(
        lambda installation, name: installation.register(name, verified=True),
        lambda installation, name: installation.users.reset_password_request(f"{name}@example.org"),
        "password_reset_request_processed",
        "password_reset_request_failed",
    ),
    "reset_password": Case(
        _request,
        lambda installation, name: installation.users.reset_password(_token(installation, name), NEW_PASSWORD),
        "password_reset_successful",
        "password_reset_failed",
    ),
}


@pytest.fixture(params=["sqlite", *SERVERS])
def anywhere(
    request: pytest.FixtureRequest, tmp_path: Path, database_on: Callable[[str], AbstractContextManager[str]]
) -> Iterator[Installation]:
    """An installation on each database."""
    with ExitStack() as stack:
        on_file = request.param == "sqlite"
        url = f"sqlite:///{tmp_path}/users.db" if on_file else stack.enter_context(database_on(request.param))
        made = Installation(url, tmp_path).initialize()
        stack.callback(made.close)
        yield made


class Writes:
    """Counts the writes."""

    def __init__(self) -> None:
        self.count = 0


@contextmanager
def refusing(installation: Installation, number: int, *, and_later: bool) -> Iterator[Writes]:
    """Let the write with that *number* fail, and all later ones if so wanted."""
    writes = Writes()
    refused = REFUSED[installation.database.engine.dialect.name]

    def intercept(cursor: Any, statement: str, *_: Any) -> bool:
        if not statement.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE")):
            return False
        writes.count += 1
        if writes.count == number or (and_later and writes.count > number):
            cursor.execute(refused)
        return False

    engine = installation.database.engine
    # First, because lback itself executes some statements.
    for name in ("do_execute", "do_executemany"):
        event.listen(engine, name, intercept, insert=True)
    try:
        yield writes
    finally:
        for name in ("do_execute", "do_executemany"):
            event.remove(engine, name, intercept)


def rows(installation: Installation) -> list[list[tuple[Any, ...]]]:
    """Return all rows of users, groups, tokens and attributes."""
    with installation.database.reading() as session:
        tables = (USERS, MEMBERSHIPS, TOKENS, USER_ATTRIBUTES)
        return [sorted((tuple(row) for row in session.execute(select(table))), key=repr) for table in tables]


def recorded(installation: Installation) -> list[str]:
    """Return the signals of all events of operations on users."""
    with installation.database.reading() as session:
        signals = session.execute(select(EVENTS.c.signal).order_by(EVENTS.c.seq)).scalars()
        return [signal for signal in signals if not signal.startswith("group_")]


@pytest.mark.parametrize("and_later", [False, True], ids=["one", "all from there"])
@pytest.mark.parametrize("name", CASES)
def test_a_write_that_fails_leaves_rows_events_and_signals_in_agreement(
    anywhere: Installation, name: str, and_later: bool
) -> None:
    case, failures = CASES[name], 0
    for number in range(1, LIMIT):
        user = f"ann{number}"
        case.prepare(anywhere, user)
        rows_before, events_before = rows(anywhere), recorded(anywhere)
        error: LbackError | None = None
        with record_signals() as sent, refusing(anywhere, number, and_later=and_later) as writes:
            try:
                case.act(anywhere, user)
            except LbackError as raised:
                error = raised
        new_events = recorded(anywhere)[len(events_before) :]
        where = f"write {number}: {sent}, {new_events}, {error}"
        ends = [signal for signal in sent if signal in {case.success, case.failure}]
        if error is None:
            assert ends == [case.success], where
            assert new_events.count(case.success) == 1, where
            assert case.failure not in new_events, where
        else:
            failures += 1
            assert isinstance(error, DatabaseError), where
            assert (ends[-1], ends.count(case.failure)) == (case.failure, 1), where
            assert rows(anywhere) == rows_before, where
            assert new_events == ([] if and_later else [case.failure]), where
        if writes.count < number:
            assert error is None
            break
    else:
        pytest.fail("the operation does not come to an end")
    assert failures == number - 1 >= 4
    anywhere.events.verify()


def failures_of(installation: Installation, name: str) -> int:
    """Return how many logins of the user called *name* are counted as failed."""
    with installation.database.reading() as session:
        mine = select(ACCOUNTS.c.failures).where(ACCOUNTS.c.user_id == _id(installation, name))
        return session.execute(mine).scalar() or 0


@pytest.mark.parametrize("and_later", [False, True], ids=["one", "all from there"])
def test_a_wrong_password_is_answered_only_once_it_is_counted(anywhere: Installation, and_later: bool) -> None:
    answers: list[str] = []
    for number in range(1, LIMIT):
        user = f"ann{number}"
        anywhere.register(user, verified=True)
        events_before = recorded(anywhere)
        with (
            record_signals() as sent,
            refusing(anywhere, number, and_later=and_later) as writes,
            pytest.raises((AuthenticationFailed, DatabaseError)) as caught,
        ):
            anywhere.users.authenticate_user(user, NEW_PASSWORD)
        answers.append(caught.value.error_type)
        where = f"write {number}: {sent}, {caught.value!r}"
        assert sent == ["user_authentication_started", "user_authentication_failed"], where
        assert failures_of(anywhere, user) == isinstance(caught.value, AuthenticationFailed), where
        new_events = recorded(anywhere)[len(events_before) :]
        if writes.count < number:
            assert new_events == ["user_authentication_failed"]
            break
        assert set(new_events) <= {"user_authentication_failed"}, where
    else:
        pytest.fail("the login does not come to an end")
    assert answers[:2] == ["repository_error"] * 2
    assert answers[-1] == "incorrect_password"
    anywhere.events.verify()
