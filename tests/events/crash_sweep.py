"""Crash an operation at every point: each run, in a child process, ends at the next point.

Points are before every SQL statement (COMMIT, ROLLBACK, VACUUM and pragmas included), after every statement of
SQLAlchemy, after every commit and rollback, and before and after every mail.
"""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import event

from lback_cli import signals
from lback_cli.errors import LbackError, OperationRejected
from lback_cli.mail import mailer

from .harness import (
    DEARER,
    NEW_PASSWORD,
    PASSWORD,
    Installation,
    break_the_commit,
    receiving,
    register_unverified,
    request_reset,
)

CRASHED = 77
State = tuple[Any, ...]


@dataclass(frozen=True)
class CrashCase:
    """An operation, and what prepares the database for it."""

    prepare: Callable[[Installation], object]
    act: Callable[[Installation], object]


def _alice(installation: Installation) -> None:
    installation.register("alice")


def _erased_before(installation: Installation) -> None:
    installation.register("alice")
    installation.register("bob")
    installation.users.delete_user(1)


def _vetoed(installation: Installation) -> None:
    with receiving(signals.user_registered, OperationRejected("no")):
        installation.register("bob", verified=False)


def _commit_refused(installation: Installation) -> None:
    with signals.user_registered.connected_to(break_the_commit):
        installation.register("bob", verified=False)


CRASH_CASES: dict[str, CrashCase] = {
    "register": CrashCase(lambda _: None, lambda installation: installation.register("alice", verified=False)),
    "register, taken": CrashCase(_alice, lambda installation: installation.register("alice")),
    "register, vetoed": CrashCase(_alice, _vetoed),
    "register, commit refused": CrashCase(_alice, _commit_refused),
    "authenticate, with a rehash": CrashCase(
        _alice, lambda installation: installation.users.authenticate_user("alice", PASSWORD)
    ),
    "authenticate, failing": CrashCase(
        _alice, lambda installation: installation.users.authenticate_user("alice", NEW_PASSWORD)
    ),
    "verify": CrashCase(
        register_unverified, lambda installation: installation.users.verify_user_email(installation.token())
    ),
    "resend": CrashCase(register_unverified, lambda installation: installation.users.resend_verification(1)),
    "update, with another address and password": CrashCase(
        _alice,
        lambda installation: installation.users.update_user(1, {"email": "a@example.net", "password": NEW_PASSWORD}),
    ),
    "delete": CrashCase(request_reset, lambda installation: installation.users.delete_user(1)),
    "request": CrashCase(_alice, lambda installation: installation.users.reset_password_request("alice@example.org")),
    "reset": CrashCase(
        request_reset, lambda installation: installation.users.reset_password(installation.token(), NEW_PASSWORD)
    ),
    "reset by an administrator": CrashCase(
        _alice, lambda installation: installation.users.reset_user_password(1, NEW_PASSWORD)
    ),
    "erase": CrashCase(request_reset, lambda installation: installation.log.erase_user("alice", installation.users)),
    "erase one who is gone": CrashCase(
        _erased_before, lambda installation: installation.log.erase_user("alice", installation.users)
    ),
}


@dataclass
class Sweep:
    """The number of *points* of a case, the faults found, and how often each end occurred."""

    points: int
    faults: list[str]
    ends: dict[str, int]


def sweep(case: CrashCase, empty: Path, directory: Path, every: int) -> Sweep:
    """Run *case* without a crash, then crash it at every *every*-th point, from the last one backwards."""
    before = Installation.on_copy(empty, directory / "before")
    case.prepare(before)
    before.checkpoint_and_close()
    origin = _state(before.path)
    template = (before.path, before.directory / "mail")

    points, undisturbed = _run(case, template, directory / "undisturbed", stop=None)
    result = Sweep(points, [], {"before": 0, "after": 0})
    done = _state(undisturbed)
    if done == origin:
        result.faults.append("the case changes nothing")
    for stop in range(points, 0, -every):
        _, crashed = _run(case, template, directory / "crash", stop)
        found = _state(crashed)
        if found in (origin, done):
            result.ends["before" if found == origin else "after"] += 1
        else:
            result.faults.append(f"point {stop}: {found}")
        result.faults += [f"point {stop}: {fault}" for fault in _unsound(crashed)]
    return result


def _run(case: CrashCase, template: tuple[Path, Path], directory: Path, stop: int | None) -> tuple[int, Path]:
    """Run the case on a copy of *template* in a child process, up to point *stop*; return the points and the file."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    shutil.copy(template[0], directory / "lback.db")
    if template[1].exists():
        shutil.copytree(template[1], directory / "mail")
    receiver, sender = os.pipe()
    if (child := os.fork()) == 0:
        try:
            installation = Installation(f"sqlite:///{directory}/lback.db", directory, DEARER)
            with _counting(installation, stop) as passed, contextlib.suppress(LbackError):
                case.act(installation)
            os.write(sender, str(passed[0]).encode())
        finally:
            os._exit(0)
    os.close(sender)
    with os.fdopen(receiver) as pipe:
        points = pipe.read()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == (0 if stop is None else CRASHED), "the child ended in another way"
    return int(points or 0), directory / "lback.db"


@contextlib.contextmanager
def _counting(installation: Installation, stop: int | None) -> Iterator[list[int]]:
    """Count points, and end the process at number *stop*, without any cleanup."""
    passed = [0]

    def point(*_: object) -> None:
        passed[0] += 1
        if passed[0] == stop:
            os._exit(CRASHED)

    engine = installation.database.engine
    event.listen(engine, "connect", lambda connection, _: connection.set_trace_callback(point))
    event.listen(engine, "after_cursor_execute", point)
    for name in ("do_commit", "do_rollback"):
        setattr(engine.dialect, name, _followed(getattr(engine.dialect, name), point))
    names = vars(mailer)
    build = names["build_transport"]
    names["build_transport"] = lambda *args, **options: _PointedTransport(build(*args, **options), point)
    try:
        yield passed
    finally:
        names["build_transport"] = build


def _followed(function: Callable[..., Any], point: Callable[[], None]) -> Callable[..., Any]:
    def followed(*arguments: Any) -> Any:
        result = function(*arguments)
        point()
        return result

    return followed


@dataclass
class _PointedTransport:
    """The real transport, with a point before and after it."""

    transport: Any
    point: Callable[[], None]

    def deliver(self, message: Any) -> None:
        self.point()
        self.transport.deliver(message)
        self.point()


_QUERIES = (
    "SELECT id, username, email, is_active, is_email_verified FROM users ORDER BY id",
    "SELECT user_id, group_id FROM user_groups_association ORDER BY 1, 2",
    "SELECT name FROM groups ORDER BY 1",
    "SELECT user_id, purpose, email, used_at IS NULL FROM lback_tokens ORDER BY 1, 2, 4",
    "SELECT seq, signal, outcome, subject_id, subject, data IS NULL FROM lback_events ORDER BY 1",
    "SELECT seq FROM lback_event_head",
)


def _state(path: Path) -> State:
    """Return everything that is committed, without the values that differ in each run."""
    connection = sqlite3.connect(path)
    try:
        rows = [tuple(connection.execute(query)) for query in _QUERIES]
        hashes = [row[0].split("$")[3] + str(len(row[0])) for row in connection.execute("SELECT password FROM users")]
        matches = _known_hashes(connection)
    finally:
        connection.close()
    return (*rows, tuple(hashes), matches)


def _known_hashes(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return which password is correct for each user; the hashes differ in each run."""
    from argon2 import PasswordHasher
    from argon2.exceptions import VerifyMismatchError

    known = []
    for (stored,) in connection.execute("SELECT password FROM users ORDER BY id"):
        for name, password in (("old", PASSWORD), ("new", NEW_PASSWORD)):
            with contextlib.suppress(VerifyMismatchError):
                PasswordHasher().verify(stored, password)
                known.append(name)
    return tuple(known)


def _unsound(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        faults = [str(row) for row in connection.execute("PRAGMA integrity_check") if row != ("ok",)]
        faults += [str(row) for row in connection.execute("PRAGMA foreign_key_check")]
    finally:
        connection.close()
    installation = Installation(f"sqlite:///{path}", path.parent)
    # All copies have the id of one database, and each of them has lost what the others have.
    os.environ["XDG_STATE_HOME"] = str(path.parent / "state")
    try:
        installation.log.verify()
    except LbackError as error:
        faults.append(error.message)
    installation.database.dispose()
    return faults
