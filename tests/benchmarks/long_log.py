"""Users and a long event log that fit together, as if the operations had run, made in minutes."""

import json
import random
import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from lback_cli.attributes import digest
from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.events.actor import acting_as
from lback_cli.events.hash_chain import GENESIS, canonical
from lback_cli.events.record import (
    COLUMNS,
    ChainLinks,
    EventRecord,
    administrative_event,
    random_ids,
    registered_event,
)
from lback_cli.managers.changes import RegistrationChanges
from lback_cli.managers.dependencies import Dependencies
from lback_cli.settings import DatabaseSettings, Settings

BATCH = 100
"""Events of one actor at one time."""

DAYS = 390
EPOCH = datetime.fromtimestamp(0, UTC)
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$QmJ1aWxkc29tZXRoaW5nb2YzMmJ5dGVz"
KINDS = {"login": 83, "failure": 8, "move": 4, "name": 3, "switch": 1, "same": 1}
"""What happens after the registrations, and how often in a hundred."""

INSERT = f"INSERT INTO lback_events ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
INDEXES = ("ix_lback_events_time", "ix_lback_events_subject_id")


@dataclass
class Company:
    """The users as the events so far left them; the index is the id."""

    groups: int
    team: "array[int]" = field(default_factory=lambda: array("i", [0]))
    renamed: "array[int]" = field(default_factory=lambda: array("i", [0]))
    is_active: bytearray = field(default_factory=lambda: bytearray(1))
    created_at: list[datetime] = field(default_factory=lambda: [EPOCH])
    last_login: dict[int, datetime] = field(default_factory=dict)


class LongLog:
    """Fills the tables of one SQLite file.

    Args:
        path: The file.
        users: How many users are registered, in the first half of the time.
        events: How many events there are.
        groups: How many groups there are. The first is the default group, and every user is in one other.
        end: The time of the last event.
    """

    def __init__(self, path: Path, users: int, events: int, groups: int, end: datetime) -> None:
        self._path = path
        self._users, self._events = users, events
        self._end = end
        self._chance = random.Random(1)
        self._company = Company(groups)
        self._changes = Dependencies(Settings(), data_directory=path.parent).attributes
        self._head = (0, GENESIS)

    def fill(self) -> None:
        """Make the database; the log verifies, and continues in the users of today."""
        database = Database(DatabaseSettings(url=f"sqlite:///{self._path}"))
        Schema(database).initialize()
        database.dispose()
        connection = sqlite3.connect(self._path, isolation_level=None)
        connection.execute("PRAGMA synchronous = OFF")
        indexes = [
            connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", [name]).fetchone()[0] for name in INDEXES
        ]
        connection.execute("BEGIN")
        for name in INDEXES:  # indexes are made faster at the end
            connection.execute(f"DROP INDEX {name}")
        self._write_events(connection)
        self._write_users(connection)
        for statement in indexes:
            connection.execute(statement)
        connection.execute("COMMIT")
        connection.close()

    def _write_events(self, connection: sqlite3.Connection) -> None:
        start = self._end - timedelta(days=DAYS)
        self._append(connection, start, "setup", [self._group(number) for number in range(1, self._company.groups + 1)])
        batches = (self._events - self._company.groups) // BATCH
        registering = -(-self._users // BATCH)
        step = timedelta(days=DAYS) / batches
        kinds, weights = [*KINDS], [*KINDS.values()]
        for number in range(1, batches + 1):
            now = start + number * step
            done = len(self._company.team) - 1
            # The registrations are spread over the first half.
            if done < self._users and done // BATCH <= number * 2 * registering // batches:
                records = self._registrations(now, min(BATCH, self._users - done))
                self._append(connection, now, f"personnel {number % 7}", records)
            else:
                kind = self._chance.choices(kinds, weights)[0]
                actor = "webapp" if kind in {"login", "failure"} else f"administrator {self._chance.randrange(40)}"
                self._append(connection, now, actor, [*self._events_of(kind, now)])
        connection.execute("UPDATE lback_event_head SET seq = ?, hash = ?", self._head)

    def _append(
        self, connection: sqlite3.Connection, now: datetime, actor: str, records: Sequence[EventRecord]
    ) -> None:
        with acting_as(actor), patch("lback_cli.events.record.utc_now", lambda: now):
            links = ChainLinks(records)
            places = links.places(*self._head)
        connection.executemany(INSERT, (row + place for row, place in zip(links.rows, places, strict=True)))
        self._head = (places[-1][0], places[-1][3])

    def _group(self, number: int) -> EventRecord:
        name = self._group_name(number)
        data = {"changes": {"description": {"to": None}, "name": {"to": name}}, "group": {"id": number, "name": name}}
        return administrative_event("group_created", "create_group", data)

    def _group_name(self, number: int) -> str:
        return "basic_user" if number == 1 else f"team {number:04}"

    def _registrations(self, now: datetime, count: int) -> list[EventRecord]:
        company, changes = self._company, RegistrationChanges(self._changes, now)
        records = []
        for operation_id in random_ids(count):
            user_id = len(company.team)
            # The second group has a tenth of the users.
            team = 2 if self._chance.random() < 0.1 else self._chance.randrange(2, company.groups + 1)
            company.team.append(team)
            company.renamed.append(0)
            company.is_active.append(1)
            company.created_at.append(now)
            kind = (True, True, True, canonical(["basic_user", self._group_name(team)]))
            data = changes.data(user_id, _username(user_id), _email(user_id), kind)
            records.append(registered_event(operation_id, user_id, _username(user_id), data))
        return records

    def _events_of(self, kind: str, now: datetime) -> Iterator[EventRecord]:
        company, known = self._company, len(self._company.team)
        for operation_id in random_ids(BATCH):
            user_id = self._chance.randrange(1, known)
            if kind == "failure" and user_id % 4 == 0:
                name = f"guess {self._chance.randrange(200_000)}"
                data = f'{{"exception":null,"reason":"user_not_found","user":null,"username":"{name}"}}'
                yield EventRecord(
                    "user_authentication_failed", "authenticate_user", operation_id, "user_not_found", None, name, data
                )
                continue
            name = _username(user_id)
            user = f'"user":{{"email":"{_email(user_id)}","id":{user_id},"username":"{name}"}}'
            if kind == "failure":
                reason = "incorrect_password"
                data = f'{{"exception":null,"reason":"{reason}",{user},"username":"{name}"}}'
                yield EventRecord(
                    "user_authentication_failed", "authenticate_user", operation_id, reason, user_id, name, data
                )
                continue
            if kind == "login":
                company.last_login[user_id] = now
                signal, operation, changes = "user_authenticated", "authenticate_user", "{}"
            else:
                signal, operation, changes = "user_updated", "update_user", canonical(self._change(kind, user_id))
            yield EventRecord(signal, operation, operation_id, None, user_id, name, f'{{"changes":{changes},{user}}}')

    def _change(self, kind: str, user_id: int) -> dict[str, object]:
        company = self._company
        if kind == "move":
            before, after = company.team[user_id], self._chance.randrange(2, company.groups + 1)
            if before == after:
                return {}
            company.team[user_id] = after
            return {"groups": {"added": [self._group_name(after)], "removed": [self._group_name(before)]}}
        if kind == "name":
            before = company.renamed[user_id]
            company.renamed[user_id] += 1
            return {"display_name": {"from": _display_name(before), "to": _display_name(before + 1)}}
        if kind == "switch":
            company.is_active[user_id] ^= 1
            return {"is_active": {"from": not company.is_active[user_id], "to": bool(company.is_active[user_id])}}
        return {}

    def _write_users(self, connection: sqlite3.Connection) -> None:
        company, end = self._company, _stored(self._end)
        start = _stored(self._end - timedelta(days=DAYS))
        connection.executemany(
            "INSERT INTO groups (id, name, created_at, updated_at) VALUES (?, ?, ?, ?)",
            ((number, self._group_name(number), start, start) for number in range(1, company.groups + 1)),
        )
        ids = range(1, len(company.team))
        connection.executemany(
            "INSERT INTO users (id, username, email, password, is_active, is_email_verified, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, 1, ?, ?)",
            (
                (number, _username(number), _email(number), HASH, company.is_active[number], created, created)
                for number in ids
                for created in [_stored(company.created_at[number])]
            ),
        )
        connection.executemany(
            "INSERT INTO user_groups_association VALUES (?, ?)",
            ((number, group) for number in ids for group in (1, company.team[number])),
        )
        connection.executemany(
            "INSERT INTO lback_user_attributes (user_id, name, value, digest, user_created_at) VALUES (?, ?, ?, ?, ?)",
            (
                (number, "display_name", json.dumps(name), digest(name), _stored(company.created_at[number]))
                for number in ids
                if (name := _display_name(company.renamed[number])) is not None
            ),
        )
        connection.executemany(
            "INSERT INTO lback_accounts (key, user_id, user_created_at, last_login, failures, pending, updated_at)"
            " VALUES (?, ?, ?, ?, 0, 0, ?)",
            (
                (f"user:{number}", number, _stored(company.created_at[number]), _stored(time), end)
                for number, time in company.last_login.items()
            ),
        )


def _username(user_id: int) -> str:
    return f"user{user_id:07}"


def _email(user_id: int) -> str:
    return f"user{user_id:07}@example.org"


def _display_name(version: int) -> str | None:
    return f"Name {version}" if version else None


def _stored(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S.%f")
