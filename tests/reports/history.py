"""A company's users and event log over some weeks, made by the real managers at chosen times."""

import contextlib
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from sqlalchemy import update

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.errors import LbackError
from lback_cli.events.actor import acting_as
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.event_log import EventLog
from lback_cli.managers.group_manager import GroupManager
from lback_cli.managers.user_manager import UserManager
from lback_cli.models.tables import USERS
from tests.events.harness import PASSWORD, settings_for

START = datetime(2026, 9, 1, 8, tzinfo=UTC)
GROUPS = ("admin", "staff", "editors", "auditors", "support", "interns")
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "abc\u202egnp.exe",
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd",
    "\U0001f469\u200d\U0001f680 rocket",
    "&lt;b&gt;</td></table>",
    "=cmd|' /C calc'!A0",
    "x" * 255,
)
"""User names that an application may have stored."""


class History:
    """The managers on one database, with a clock that is set."""

    def __init__(self, url: str, directory: Path) -> None:
        self.settings = settings_for(url, directory)
        self.now = START
        self.database = Database(self.settings.database)
        Schema(self.database).initialize()
        self.services = Dependencies(self.settings, data_directory=directory, clock=lambda: self.now)
        self.users = UserManager(self.database, self.services)
        self.groups = GroupManager(self.database, self.services)
        self.log = EventLog(self.database, self.services)

    @contextlib.contextmanager
    def at(self, time: datetime, actor: str) -> Iterator[None]:
        """Let the operations of the block happen at *time*, by *actor*."""
        self.now = time
        with patch("lback_cli.events.record.utc_now", lambda: self.now), acting_as(actor):
            yield

    def login(self, time: datetime, name: str, *, right: bool = True) -> None:
        """Try to log in from the web application."""
        with self.at(time, "webapp"), contextlib.suppress(LbackError):
            self.users.authenticate_user(name, PASSWORD if right else "a wrong password")

    def rename_behind_lback(self, user_id: int, username: str) -> None:
        """Store a user name as another application would."""
        with self.database.session() as session:
            session.execute(update(USERS).where(USERS.c.id == user_id).values(username=username))


def company(history: History, *, people: int, days: int, seed: int = 1) -> None:
    """Register *people*, and let them work for some *days*."""
    chance = random.Random(seed)
    with history.at(START, "setup"):
        for name in GROUPS:
            history.groups.create_group(name, description=f"The {name}")
    names = [f"user{number:03}" for number in range(people)]
    for number, name in enumerate(names):
        joined = START + timedelta(days=chance.randrange(days) if number > people // 2 else 0, minutes=number)
        group = "admin" if number < 3 else chance.choice(GROUPS[1:])
        with history.at(joined, "personnel" if number % 3 else "import"):
            history.users.register_user(
                name, f"{name}@example.org", PASSWORD, groups=[group], verified=True, mail="none"
            )
    for day in range(days):
        _day(history, chance, names, day)


def _day(history: History, chance: random.Random, names: Sequence[str], day: int) -> None:
    """Let people log in, an attacker guess at night, and administrators change groups and users."""
    midnight = START.replace(hour=0) + timedelta(days=day)
    busy = 0.5 if midnight.weekday() < 5 else 0.06
    for name in names:
        if chance.random() < busy:
            history.login(midnight + timedelta(minutes=chance.gauss(9 * 60, 60)), name)
        if chance.random() < busy / 8:
            history.login(midnight + timedelta(minutes=chance.gauss(9 * 60, 60)), name, right=False)
    if day % 10 == 4:
        for attempt in range(14):
            history.login(
                midnight + timedelta(hours=2, minutes=attempt * 3),
                chance.choice(["root", "admin", names[0]]),
                right=False,
            )
    if day % 7 == 3:
        with history.at(midnight + timedelta(hours=11), "alice"), contextlib.suppress(LbackError):
            change = {chance.choice(["add_groups", "add_groups", "remove_groups"]): [chance.choice(GROUPS)]}
            history.users.update_user(chance.randrange(len(names)) + 1, change)
    if day in {5, 6}:
        with history.at(midnight + timedelta(hours=16), "bob"):
            history.users.update_user(11, {"add_groups" if day == 5 else "remove_groups": ["auditors", "support"]})
    if day % 9 == 8:
        with history.at(midnight + timedelta(hours=15), "bob"), contextlib.suppress(LbackError):
            history.users.update_user(chance.randrange(3, len(names)) + 1, {"is_active": False})
