"""The crash sweep: one operation in a process of its own, which ends at a numbered point, for every number there is.

Points lie before every SQL statement (COMMIT, ROLLBACK, VACUUM and pragmas included), after every one that SQLAlchemy
sends, after every commit and rollback, and around every mail.
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

from .harness import DEARER, NEW_PASSWORD, PASSWORD, World, break_the_commit, receiving

CRASHED = 77
State = tuple[Any, ...]


@dataclass(frozen=True)
class Deed:
    """An operation: what is there before it, what is done, and, where it fails, how."""

    prepare: Callable[[World], object]
    act: Callable[[World], object]


def _alice(world: World) -> None:
    world.register("alice")


def _unverified(world: World) -> None:
    world.register("alice", verified=False)


def _requested(world: World) -> None:
    world.register("alice")
    world.users.reset_password_request("alice@example.org")


def _erased_before(world: World) -> None:
    world.register("alice")
    world.register("bob")
    world.users.delete_user(1)


def _vetoed(world: World) -> None:
    with receiving(signals.user_registered, OperationRejected("no")):
        world.register("bob", verified=False)


def _commit_refused(world: World) -> None:
    with signals.user_registered.connected_to(break_the_commit):
        world.register("bob", verified=False)


DEEDS: dict[str, Deed] = {
    "register": Deed(lambda _: None, lambda world: world.register("alice", verified=False)),
    "register, taken": Deed(_alice, lambda world: world.register("alice")),
    "register, vetoed": Deed(_alice, _vetoed),
    "register, commit refused": Deed(_alice, _commit_refused),
    "authenticate, with a rehash": Deed(_alice, lambda world: world.users.authenticate_user("alice", PASSWORD)),
    "authenticate, failing": Deed(_alice, lambda world: world.users.authenticate_user("alice", NEW_PASSWORD)),
    "verify": Deed(_unverified, lambda world: world.users.verify_user_email(world.token())),
    "resend": Deed(_unverified, lambda world: world.users.resend_verification(1)),
    "update, with another address and password": Deed(
        _alice, lambda world: world.users.update_user(1, {"email": "a@example.net", "password": NEW_PASSWORD})
    ),
    "delete": Deed(_requested, lambda world: world.users.delete_user(1)),
    "request": Deed(_alice, lambda world: world.users.reset_password_request("alice@example.org")),
    "reset": Deed(_requested, lambda world: world.users.reset_password(world.token(), NEW_PASSWORD)),
    "reset by an administrator": Deed(_alice, lambda world: world.users.reset_user_password(1, NEW_PASSWORD)),
    "erase": Deed(_requested, lambda world: world.log.erase_user("alice", world.users)),
    "erase one who is gone": Deed(_erased_before, lambda world: world.log.erase_user("alice", world.users)),
}


@dataclass
class Sweep:
    """What came of a deed: how many *points* it has, and what was wrong after which."""

    points: int
    faults: list[str]
    ends: dict[str, int]


def sweep(deed: Deed, empty: Path, directory: Path, every: int = 1) -> Sweep:
    """Do *deed* once in peace, then crash it at each *every*-th of its points."""
    before = World.on_copy(empty, directory / "before")
    deed.prepare(before)
    before.tidy()
    origin = _state(before.path)
    template = (before.path, before.directory / "mail")

    points, peaceful = _run(deed, template, directory / "peace", stop=None)
    result = Sweep(points, [], {"before": 0, "after": 0})
    done = _state(peaceful)
    if done == origin:
        result.faults.append("the deed changes nothing")
    for stop in range(1, points + 1, every):
        _, crashed = _run(deed, template, directory / "crash", stop)
        found = _state(crashed)
        if found in (origin, done):
            result.ends["before" if found == origin else "after"] += 1
        else:
            result.faults.append(f"point {stop}: {found}")
        result.faults += [f"point {stop}: {fault}" for fault in _unsound(crashed)]
    return result


def _run(deed: Deed, template: tuple[Path, Path], directory: Path, stop: int | None) -> tuple[int, Path]:
    """Do the deed on a copy of *template* in a child, up to point *stop*; the points passed, and the file left."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    shutil.copy(template[0], directory / "lback.db")
    if template[1].exists():
        shutil.copytree(template[1], directory / "mail")
    receiver, sender = os.pipe()
    if (child := os.fork()) == 0:
        try:
            world = World(f"sqlite:///{directory}/lback.db", directory, DEARER)
            with _counting(world, stop) as passed, contextlib.suppress(LbackError):
                deed.act(world)
            os.write(sender, str(passed[0]).encode())
        finally:
            os._exit(0)
    os.close(sender)
    with os.fdopen(receiver) as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == (0 if stop is None else CRASHED), "the child did not end as told"
    return int(told or 0), directory / "lback.db"


@contextlib.contextmanager
def _counting(world: World, stop: int | None) -> Iterator[list[int]]:
    """Count points, and end the process at number *stop*, as a power cut would end it."""
    passed = [0]

    def point(*_: object) -> None:
        passed[0] += 1
        if passed[0] == stop:
            os._exit(CRASHED)

    engine = world.database.engine
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
    """The real transport, between two points."""

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
    """All that is committed, but for what is drawn anew in each run: of those, only when they were drawn."""
    connection = sqlite3.connect(path)
    try:
        rows = [tuple(connection.execute(query)) for query in _QUERIES]
        hashes = [row[0].split("$")[3] + str(len(row[0])) for row in connection.execute("SELECT password FROM users")]
        matches = _known_hashes(connection)
    finally:
        connection.close()
    return (*rows, tuple(hashes), matches)


def _known_hashes(connection: sqlite3.Connection) -> tuple[str, ...]:
    """For each user, which of the passwords is right: the salt is another in each run."""
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
    world = World(f"sqlite:///{path}", path.parent)
    try:
        world.log.verify()
    except LbackError as error:
        faults.append(error.message)
    world.database.dispose()
    return faults
