"""Run competing operations in concurrent processes, for test_concurrency.py or by hand.

    python tests/managers/concurrency.py DIRECTORY CONTEST=ROUNDS ...

The database is a SQLite file for each round, or the one that the variable CONTEST_URL names, emptied for each round. It
may have several URLs for the nodes of a cluster, with spaces between them, which the processes take in turn.
CONTEST_ISOLATION overrides the isolation level of its transactions.
Prints one JSON line for each round: the ``contest``, the number of processes with each outcome as ``outcomes``, the
final ``state``, and the ``expected`` values of both. Exits 1 if a round differs from them. This is a separate program
because it forks, which is safe only without threads. A barrier at a signal of the operation lets all processes continue
only when the last one has arrived.
"""

import json
import multiprocessing
import os
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

from blinker import NamedSignal
from sqlalchemy import CursorResult, text

from lback_cli import signals
from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.errors import LbackError, UserExists
from lback_cli.imports.importer import Importer
from lback_cli.imports.observer import ImportObserver
from lback_cli.imports.options import ImportOptions
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.group_manager import GroupManager
from lback_cli.managers.user_manager import UserManager
from lback_cli.settings import Settings
from lback_cli.settings.schema import AuthenticationSettings, DatabaseSettings, PasswordSettings, UserSettings

PASSWORD = "quiet-harbor-lantern-47"
URLS = os.environ.get("CONTEST_URL", "").split()
ISOLATION = os.environ.get("CONTEST_ISOLATION")
IMPORTING, IMPORTED = 6, 2000

importing = NamedSignal("importing")
"""Sent by a process that is ready to import."""

TIMEOUT = 60.0
"""Seconds after which the processes no longer wait for each other."""


@dataclass
class Place:
    """The managers of one process on the database.

    *number* chooses the URL.
    """

    number: ClassVar[int] = 0
    directory: Path
    iterations: int = 2

    def __post_init__(self) -> None:
        settings = Settings(
            database=DatabaseSettings(
                url=URLS[self.number % len(URLS)] if URLS else f"sqlite:///{self.directory}/users.db",
                busy_timeout=TIMEOUT,
            ),
            users=UserSettings(unicode_names=True),
            authentication=AuthenticationSettings(max_failures=1000),
            password=PasswordSettings(memory=19456, iterations=self.iterations, parallelism=1),
        )
        self.database = Database(settings.database)
        if ISOLATION:
            options = self.database.engine.execution_options(isolation_level=ISOLATION)
            vars(self.database)["engine"] = options
        Schema(self.database).initialize()
        self.services = services = Dependencies(settings, data_directory=self.directory)
        self.users = UserManager(self.database, services)
        self.groups = GroupManager(self.database, services)

    def rows(self, statement: str) -> list[list[Any]]:
        with self.database.session() as session:
            result = cast("CursorResult[Any]", session.execute(text(statement)))
            return [list(row) for row in result] if result.returns_rows else []

    def newest_token(self) -> str:
        mail = max((self.directory / "mail").glob("*.eml")).read_text("utf-8")
        return mail.partition("token=3D")[2][:43] if "token=3D" in mail else mail.partition("token=")[2][:43]


@contextmanager
def opened(directory: Path, iterations: int = 2) -> Iterator[Place]:
    """Yield a `Place` and close its connections, which a fork must not inherit."""
    place = Place(directory, iterations)
    try:
        yield place
    finally:
        place.database.dispose()


@dataclass(frozen=True)
class Contest:
    """A competition of processes.

    *prepare* sets up a round and returns the argument of *act*, which also gets the number of the process. *judge*
    returns the final state. *outcomes* and *state* are the expected values.
    """

    processes: int
    barrier: NamedSignal
    prepare: Callable[[Path], Any]
    act: Callable[[Path, int, Any], object]
    judge: Callable[[Path], Any]
    outcomes: dict[str, int]
    state: dict[str, Any]


# One name in many spellings


def spelling(number: int) -> tuple[str, str]:
    """Return a spelling of the name, and another address for each number."""
    forms = ["zoé.müller", "ZOÉ.MÜLLER", "Zoé.Müller", "zoé.MÜLLER"]
    name = unicodedata.normalize(("NFC", "NFD")[number // 4 % 2], forms[number % 4])
    if number >= 8:  # full-width letters
        name = "".join(chr(ord(letter) + 0xFEE0) if letter in "zolerZOLER" else letter for letter in name)
    return name, f"person{number}@example.org"


def same_name(directory: Path, number: int, _: Any) -> None:
    with opened(directory) as place:
        place.users.register_user(*spelling(number), PASSWORD)


def same_address(directory: Path, number: int, _: Any) -> None:
    address = ["zoe@example.org", "ZOE@example.org", "Zoe@EXAMPLE.org", "zoe@Example.ORG"][number % 4]
    with opened(directory) as place:
        place.users.register_user(f"person{number}", address, PASSWORD)


def nothing(directory: Path) -> None:
    with opened(directory):
        pass


def registered(directory: Path) -> Any:
    with opened(directory) as place:
        (users,) = place.rows("SELECT count(*), count(DISTINCT username), count(DISTINCT email) FROM users")
        (groups,) = place.rows("SELECT count(*) FROM groups")
        (tokens,) = place.rows("SELECT count(*) FROM lback_tokens")
        mails = len(list((directory / "mail").glob("*.eml")))
        return {"users": users[0], "groups": groups[0], "tokens": tokens[0], "mails": mails}


# One token


def with_reset_token(directory: Path) -> str:
    with opened(directory) as place:
        place.users.register_user("ann", "ann@example.org", PASSWORD, verified=True)
        place.users.reset_password_request("ann@example.org")
        return place.newest_token()


def reset(directory: Path, number: int, token: str) -> None:
    with opened(directory) as place:
        place.users.reset_password(token, f"{PASSWORD}-{number}")


def after_reset(directory: Path) -> Any:
    with opened(directory) as place:
        works = 0
        for number in range(32):
            try:
                place.users.authenticate_user("ann", f"{PASSWORD}-{number}")
            except LbackError:
                continue
            works += 1
        return {"passwords that work": works, "notices": len(list((directory / "mail").glob("*.eml"))) - 1}


# Two administrators


def with_two_administrators(directory: Path) -> list[int]:
    with opened(directory) as place:
        place.groups.create_group("admin")
        return [
            place.users.register_user(name, f"{name}@example.org", PASSWORD, groups=["admin"], verified=True).id
            for name in ("ann", "ben")
        ]


def deactivate(directory: Path, number: int, ids: list[int]) -> None:
    with opened(directory) as place:
        place.users.update_user(ids[number], {"is_active": False})


def leave(directory: Path, number: int, ids: list[int]) -> None:
    with opened(directory) as place:
        place.users.update_user(ids[number], {"remove_groups": ["admin"]})


def delete(directory: Path, number: int, ids: list[int]) -> None:
    with opened(directory) as place:
        place.users.delete_user(ids[number])


def administrators(directory: Path) -> Any:
    with opened(directory) as place:
        (found,) = place.rows(
            "SELECT count(*) FROM users JOIN user_groups_association ON user_id = users.id "
            "JOIN groups ON group_id = groups.id WHERE groups.name = 'admin' AND is_active"
        )
        return {"active administrators": found[0]}


# One import


def with_file(directory: Path) -> Path:
    path = directory / "users.csv"
    rows = (f"user{number},user{number}@example.org,,true\n" for number in range(IMPORTED))
    path.write_text("username,email,groups,is_email_verified\n" + "".join(rows))
    with opened(directory):
        return path


class WaitsForTheOthers(ImportObserver):
    """Goes on after the first chunk when all other processes have ended."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def advanced(self, position: int, counts: Any) -> None:  # noqa: ARG002
        deadline = time.monotonic() + TIMEOUT
        while len(list(self._directory.glob("refused-*"))) < IMPORTING - 1 and time.monotonic() < deadline:
            time.sleep(0.02)


def import_file(directory: Path, number: int, path: Path) -> None:
    with opened(directory) as place:
        importer = Importer(place.database, place.services, place.users, WaitsForTheOthers(directory))
        importing.send()
        try:
            importer.run(str(path), ImportOptions(mail="none"))
        except LbackError:
            (directory / f"refused-{number}").touch()
            raise


def imported(directory: Path) -> Any:
    with opened(directory) as place:
        (users,) = place.rows("SELECT count(*) FROM users")
        sent = place.rows("SELECT lback_events.signal FROM lback_events")
        return {
            "users": users[0],
            "registrations": sent.count(["user_registered"]),
            "begun": sent.count(["import_started"]),
        }


# One login with an old hash


def with_old_hash(directory: Path) -> None:
    with opened(directory, iterations=3) as place:
        place.users.register_user("ann", "ann@example.org", PASSWORD, verified=True)
        place.rows("CREATE TABLE replaced AS SELECT password FROM users WHERE 0")
        place.rows(
            "CREATE TRIGGER note AFTER UPDATE OF password ON users "
            "BEGIN INSERT INTO replaced VALUES (new.password); END"
        )


def authenticate(directory: Path, _number: int, _: Any) -> None:
    with opened(directory) as place:
        place.users.authenticate_user("ann", PASSWORD)


def replacements(directory: Path) -> Any:
    with opened(directory) as place:
        found = place.rows(
            "SELECT replaced.password = users.password AND instr(users.password, 't=2') FROM replaced, users"
        )
        return {"replacements": len(found), "last one kept": bool(found and found[-1][0])}


def of_administrators(barrier: NamedSignal, act: Callable[[Path, int, Any], object]) -> Contest:
    outcomes, state = {"done": 1, "last_administrator": 1}, {"active administrators": 1}
    return Contest(2, barrier, with_two_administrators, act, administrators, outcomes, state)


ONE_USER = {"users": 1, "groups": 1, "tokens": 1, "mails": 1}

CONTESTS = {
    "same-name": Contest(
        16,
        signals.user_pre_register,
        nothing,
        same_name,
        registered,
        {"done": 1, "user_exists username": 15},
        ONE_USER,
    ),
    "same-address": Contest(
        16,
        signals.user_pre_register,
        nothing,
        same_address,
        registered,
        {"done": 1, "user_exists email": 15},
        ONE_USER,
    ),
    "one-token": Contest(
        32,
        signals.password_reset_started,
        with_reset_token,
        reset,
        after_reset,
        {"done": 1, "invalid_token": 31},
        {"passwords that work": 1, "notices": 1},
    ),
    "deactivate": of_administrators(signals.user_update_started, deactivate),
    "leave": of_administrators(signals.user_update_started, leave),
    "delete": of_administrators(signals.user_deletion_started, delete),
    "one-import": Contest(
        IMPORTING,
        importing,
        with_file,
        import_file,
        imported,
        {"done": 1, "error": IMPORTING - 1},
        {"users": IMPORTED, "registrations": IMPORTED, "begun": 1},
    ),
    "old-hash": Contest(
        8,
        signals.user_authentication_started,
        with_old_hash,
        authenticate,
        replacements,
        {"done": 8},
        {"replacements": 1, "last one kept": True},
    ),
}


def run_round(contest: Contest, directory: Path) -> dict[str, Any]:
    """Run one round in the new *directory*."""
    directory.mkdir()
    if URLS:
        empty(directory)
    prepared = contest.prepare(directory)
    settle(directory)
    barrier = multiprocessing.Barrier(contest.processes)
    outcomes: multiprocessing.SimpleQueue[str] = multiprocessing.SimpleQueue()
    children = []
    for number in range(contest.processes):
        if (child := os.fork()) == 0:
            Place.number = number
            contest.barrier.connect(lambda *_, **__: barrier.wait(TIMEOUT), weak=False)
            outcomes.put(outcome(contest, directory, number, prepared))
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    settle(directory)
    return {
        "outcomes": Counter(outcomes.get() for _ in children),
        "state": without_mails(contest.judge(directory)),
    }


def empty(directory: Path) -> None:
    """Delete all rows of an earlier round."""
    with opened(directory) as place:
        for table in (
            *("lback_tokens", "user_groups_association", "users", "groups"),
            "lback_events",
            "lback_import_jobs",
        ):
            place.rows(f"DELETE FROM {table}")
        place.rows(f"UPDATE lback_event_head SET seq = 0, hash = '{'0' * 64}'")


def without_mails(state: dict[str, Any]) -> dict[str, Any]:
    """Return the *state* without mails on a cluster, which finds a conflict only at COMMIT, when a mail was sent."""
    return {name: value for name, value in state.items() if len(URLS) < 2 or name not in {"mails", "notices"}}


def settle(directory: Path) -> None:
    """Wait until every node of a cluster has what was committed on the others."""
    for Place.number in range(len(URLS) if len(URLS) > 1 else 0):
        with opened(directory) as place, place.database.session() as session:
            session.execute(text("SET SESSION wsrep_sync_wait = 1"))
            session.execute(text("SELECT count(*) FROM lback_event_head"))
    Place.number = 0


def outcome(contest: Contest, directory: Path, number: int, prepared: Any) -> str:
    """Run the operation; return ``done``, or the code of its error with details for unexpected ones."""
    try:
        contest.act(directory, number, prepared)
    except UserExists as error:
        return f"{error.code} {error.field}"
    except LbackError as error:
        return f"{error.code} {error.error_type}: {error.message}" if error.code in UNWANTED else error.code
    return "done"


UNWANTED = {"unexpected_exception", "database_error", "authentication_failed"}
"""Codes that are reported with their message."""


def main() -> None:
    """Run the rounds and print each."""
    base = Path(sys.argv[1])
    # Load all lazily imported modules once for all children.
    (base / "warm-up").mkdir()
    same_name(base / "warm-up", 0, None)
    as_expected = True
    for wanted in sys.argv[2:]:
        name, _, rounds = wanted.partition("=")
        contest = CONTESTS[name]
        expected = {"outcomes": contest.outcomes, "state": without_mails(contest.state)}
        for number in range(int(rounds)):
            found = run_round(contest, base / f"{name}-{number}")
            as_expected = as_expected and found == expected
            print(json.dumps({"contest": name, **found, "expected": expected}), flush=True)  # noqa: T201
    sys.exit(0 if as_expected else 1)


if __name__ == "__main__":
    main()
