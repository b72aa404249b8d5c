"""A database for imports, queries of its content, and difficult files."""

import contextlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.errors import GroupExists
from lback_cli.imports.importer import Importer
from lback_cli.imports.observer import ImportObserver
from lback_cli.imports.options import ImportOptions
from lback_cli.imports.results import ImportResult
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.event_log import EventLog
from lback_cli.managers.group_manager import GroupManager
from lback_cli.managers.user_manager import UserManager
from lback_cli.models import ImportJob, User
from lback_cli.models.tables import EVENTS
from lback_cli.repositories.unit_of_work import transaction
from lback_cli.settings import DatabaseSettings, PasswordSettings, Settings

ARGON2 = "$argon2id$v=19$m=19456,t=2,p=1$" + "a" * 21 + "Q$" + "b" * 42 + "Q"
BCRYPT = "$2b$12$" + "a" * 21 + "u" + "b" * 30 + "u"
PASSWORD = "purple giraffes yodel at dusk"
GROUPS = ("staff", "guests")

GROUP_EVENTS = len(GROUPS) + 1
"""The events of `GROUPS` and of the default group, which is created with the first user."""


class World:
    """A manager on the database at *url*, with two groups, and mail written to files in *directory*."""

    def __init__(self, directory: Path, url: str | None = None) -> None:
        directory.mkdir(exist_ok=True, parents=True)
        self.directory = directory
        self.settings = Settings(
            database=DatabaseSettings(url=url or f"sqlite:///{directory}/users.db"),
            password=PasswordSettings(memory=19456, iterations=2, parallelism=1),
        )
        self.database = Database(self.settings.database)
        if Schema(self.database).status().state in {"missing", "empty"}:
            Schema(self.database).initialize()
        self.services = Dependencies(self.settings, data_directory=directory)
        self.users = UserManager(self.database, self.services)
        for group in GROUPS:
            with contextlib.suppress(GroupExists):
                GroupManager(self.database, self.services).create_group(group)

    def importer(self, watcher: ImportObserver | None = None, *, chunk: int = 1000) -> Importer:
        return Importer(self.database, self.services, self.users, watcher, chunk_cost=chunk)

    def run(self, path: Path, options: ImportOptions | None = None, **more: Any) -> ImportResult:
        chunk = more.pop("chunk", 1000)
        watcher = more.pop("watcher", None)
        return self.importer(watcher, chunk=chunk).run(str(path), options or ImportOptions(), **more)

    def write(self, content: str | bytes, name: str = "users.csv") -> Path:
        path = self.directory / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def people(self) -> dict[str, Any]:
        """Return the users by name, with everything that an import can set except ids."""
        with transaction(self.database) as work:
            return {
                user.username: (
                    user.email,
                    user.password_hash,
                    user.is_active,
                    user.is_email_verified,
                    sorted(group.name for group in user.groups),
                )
                for user in work.session.scalars(select(User).order_by(User.username))
            }

    def events(self) -> list[tuple[Any, ...]]:
        """Return the events of users and groups, counted from 1, without ids, times, salts and hashes."""
        with transaction(self.database) as work:
            names = dict(work.session.execute(select(User.id, User.username)).all())
            rows = work.session.execute(
                select(EVENTS).where(EVENTS.c.operation != "import_users").order_by(EVENTS.c.seq)
            )
            return [
                (number, event.signal, event.operation, event.outcome, event.subject, _data(event.data or "", names))
                for number, event in enumerate(rows, 1)
            ]

    def import_events(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the name and the data of the events of the imports themselves."""
        with transaction(self.database) as work:
            own = select(EVENTS).where(EVENTS.c.operation == "import_users").order_by(EVENTS.c.seq)
            return [(event.signal, json.loads(event.data or "")) for event in work.session.execute(own)]

    def jobs(self) -> list[tuple[Any, ...]]:
        """Return the jobs of imports without ids and times."""
        with transaction(self.database) as work:
            jobs = work.session.scalars(select(ImportJob).order_by(ImportJob.started_at))
            return [(j.state, j.rows_done, j.created, j.updated, j.skipped, j.failed, j.owner) for j in jobs]

    def verify(self) -> int:
        """Verify the event log and that all users and memberships are complete.

        Returns:
            The number of events of users and groups.
        """
        with transaction(self.database) as work:
            orphans = work.session.execute(
                text(
                    "SELECT count(*) FROM user_groups_association a "
                    "WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = a.user_id)"
                )
            ).scalar()
            outside = work.session.execute(
                text(
                    "SELECT count(*) FROM users u "
                    "WHERE NOT EXISTS (SELECT 1 FROM user_groups_association a WHERE a.user_id = u.id)"
                )
            ).scalar()
        assert (orphans, outside) == (0, 0)
        return EventLog(self.database, self.services).verify().events - len(self.import_events())

    def state(self) -> Any:
        """Return the complete content for comparison."""
        return self.people(), self.events(), self.verify()

    def close(self) -> None:
        self.database.dispose()


@dataclass
class Recorder(ImportObserver):
    """Records the calls of the import, and runs the action of *at* for the number of finished chunks."""

    chunks: int = 0
    at: Mapping[int, Callable[[], object]] | None = None
    command: str | None = None
    lines: Sequence[int] = ()
    ends: Sequence[str] = ()

    def advanced(self, position: int, counts: Any) -> None:  # noqa: ARG002
        self.chunks += 1
        if self.at and (action := self.at.get(self.chunks)):
            action()

    def failed(self, outcome: Any) -> None:
        self.lines = [*self.lines, outcome.row.line]

    def interrupted(self, command: str | None, rows_done: int) -> None:  # noqa: ARG002
        self.command = command
        self.ends = [*self.ends, "interrupted"]

    def over(self) -> None:
        self.ends = [*self.ends, "over"]


def read_jsonl(path: Path, *, ids: bool = False) -> list[dict[str, Any]]:
    """Return the objects of a report, by default without the ids of users."""
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return found if ids else [{key: value for key, value in one.items() if key != "id"} for one in found]


def mixed_csv(rows: int, seed: int, *, updates: float = 0.1) -> str:
    """Files with new, existing, repeated, updated and refused users."""
    chance = random.Random(seed)
    lines = ["username,email,password_hash,groups,is_active,is_email_verified"]
    for number in range(rows):
        which = chance.random()
        name = f"user{number:06}"
        if which < updates and number:
            name = f"user{chance.randrange(number):06}"
        email = f"{name}@example.org"
        groups = chance.choice(["", "", "", "staff", "guests;staff"])
        stored = f'"{chance.choice([ARGON2, BCRYPT])}"'
        if which > 0.99:
            lines.append(chance.choice([f"{name},{email}", f'{name},"{email}', f"{name},{email},{stored},x,maybe,"]))
            continue
        if which > 0.97:
            name = chance.choice([f"bad {name}", name])
            email = chance.choice(["nowhere", email, f"user{chance.randrange(number + 1):06}@example.org"])
            groups = chance.choice(["nobody", groups])
            stored = chance.choice(["$y$unknown", stored])
        if which < updates:
            email = chance.choice([email, f"{name}@example.net"])
        flags = [chance.choice(["", "true", "false"]) for _ in range(2)]
        lines.append(",".join([name, email, stored, groups, *flags]))
    return "\n".join(lines) + "\n"


def _data(data: str, names: Mapping[int, str]) -> Any:
    found = json.loads(data)
    for part in (found, found.get("user") or {}):
        for key in ("id", "user_id"):
            if part.get(key) is not None:
                part[key] = names.get(part[key], "gone")
    # The time differs in each run.
    found.get("changes", {}).pop("created_at", None)
    return json.dumps(found, sort_keys=True)
