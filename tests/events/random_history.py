"""Random histories with groups, attributes and imports, and the users that events alone lead to."""

import csv
import runpy
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from sqlalchemy import text

from lback_cli import signals
from lback_cli.cli.output.serializers import user_view
from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.imports.importer import Importer
from lback_cli.imports.options import IfExists, ImportOptions
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.directory import Directory
from lback_cli.managers.event_log import EventLog
from lback_cli.managers.group_manager import GroupManager
from lback_cli.managers.kept_users import KeptUsers
from lback_cli.managers.user_manager import UserManager
from lback_cli.repositories.user_query import UserQuery
from lback_cli.settings.schema import AttributeSettings
from lback_cli.undo.selection import Request, Selection
from lback_cli.undo.undo import Undo

from .harness import ACTIONS, NAMES, Installation, RandomOperations, settings_for

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "rebuild_users.py"

ATTRIBUTES = {
    "phone": AttributeSettings(type="text"),
    "badge": AttributeSettings(type="integer"),
    "vip": AttributeSettings(type="boolean"),
    "born": AttributeSettings(type="date"),
}
VALUES: dict[str, tuple[Any, ...]] = {
    "text": ('Ann "Ö" O\'Hara', "=1+1", None, None),
    "integer": (0, -12, None),
    "boolean": (True, False, None),
    "date": ("2026-01-31", None),
}
"""Values by type. Every attribute in the list of attributes gets those of its type."""

GROUPS = ("staff", "guests", "admin", "changed")


class WideInstallation(Installation):
    """The managers on a new database, with declared attributes."""

    def __init__(self, url: str, directory: Path) -> None:
        self.directory = directory
        self.settings = replace(settings_for(url, directory), attributes=ATTRIBUTES)
        self.database = Database(self.settings.database)
        Schema(self.database).initialize()
        self.services = Dependencies(self.settings, data_directory=directory)
        self.users = UserManager(self.database, self.services)
        self.groups = GroupManager(self.database, self.services)
        self.log = EventLog(self.database, self.services)

    def users_by_id(self) -> dict[int, dict[str, Any]]:
        """Return the users as results show them, without what events do not record."""
        known, now = self.services.attributes, self.services.now()
        with Directory(self.database, self.services).select_users(UserQuery()) as users:
            return {user.id: comparable(user_view(user, known, now)) for user in users}

    def rebuilt(self) -> dict[int, dict[str, Any]]:
        """Return what the example of the documentation makes of the exported events."""
        return rebuilt(self.export())

    def incomplete(self) -> set[int]:
        """Return the ids of users who have erased events, because these mentioned an erased person."""
        return {event["subject_id"] for event in self.export() if event["data"] is None}


def rebuilt(events: Iterable[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Return the users that *events* lead to by the example of the documentation."""
    apply = cast("Callable[[Any, Any], None]", runpy.run_path(str(EXAMPLE))["apply"])
    users: dict[int, dict[str, Any]] = {}
    for event in events:
        apply(users, event)
    return {user_id: comparable(user) for user_id, user in users.items()}


def comparable(user: dict[str, Any]) -> dict[str, Any]:
    unrecorded = {"id", "updated_at", "last_login", "locked_until", "password", "attributes", "marks"}
    fields = {**user, **user.get("attributes", {})}
    found = {name: value for name, value in fields.items() if name not in unrecorded and value is not None}
    return found | {"created_at": str(found["created_at"])[:19]}


class RandomHistory(RandomOperations):
    """Random operations, changes of groups and attributes, imports in every mode, restorations and undos."""

    installation: WideInstallation

    def __init__(self, installation: WideInstallation, seed: int) -> None:
        super().__init__(installation, seed)
        for group in GROUPS:
            installation.groups.create_group(group)
        self._values = {attribute.name: VALUES[attribute.type] for attribute in installation.services.attributes.rows}
        self._imports = 0
        self._actions = [*(action for name, action in sorted(ACTIONS.items()) if name != "commit"), *_MORE]

    def step(self) -> str:
        """Run a random action and return its name."""
        action = self.random.choice(self._actions)
        self._run_action(action)
        return action.__name__

    def _run_action(self, action: Callable[[Any], None]) -> None:
        from contextlib import suppress

        from lback_cli.errors import LbackError

        from .harness import Interrupted

        with suppress(LbackError, Interrupted):
            action(self)

    def attributes(self) -> None:
        name = self.random.choice(sorted(self._values))
        self.installation.users.update_user(self.user_id(), {name: self.random.choice(self._values[name])})

    def memberships(self) -> None:
        kind = self.random.choice(["add_groups", "remove_groups"])
        groups = self.random.sample(GROUPS, self.random.randint(1, 2))
        self.installation.users.update_user(self.user_id(), {kind: groups})

    def create_group(self) -> None:
        self.installation.groups.create_group(self.random.choice(GROUPS), description=self.random.choice(["x", None]))

    def rename_group(self) -> None:
        old, new = self.random.sample((*GROUPS, "renamed", "again"), 2)
        self.installation.groups.rename_group(old, new)

    def describe_group(self) -> None:
        self.installation.groups.describe_group(self.random.choice(GROUPS), self.random.choice(["x", "y", ""]))

    def delete_group(self) -> None:
        group = self.random.choice(GROUPS)
        self.installation.users.update_user(self.user_id(), {"add_groups": [group]})
        self.installation.groups.delete_group(group)

    def import_file(self) -> None:
        """Import a few users: a chunk at a time or all at once, in bulk or with a receiver."""
        self._imports += 1
        path = self.installation.directory / f"{self._imports}.csv"
        header = ("username", "email", "is_active", "is_email_verified", "groups", *self._values)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows(self._row(name) for name in self.random.sample(NAMES, 3))
        if_exists = cast("IfExists", self.random.choice(["skip", "update"]))
        options = ImportOptions(mail="none", if_exists=if_exists, atomic=self.random.random() < 0.3)
        made = self.installation
        importer = Importer(made.database, made.services, made.users, chunk_cost=self.random.choice([1, 1000]))
        if self.random.random() < 0.5:
            importer.run(str(path), options)
        else:
            with signals.user_registered.connected_to(_listen):
                importer.run(str(path), options)

    def restore(self) -> None:
        """Restore a deleted user, at times under another name."""
        made = self.installation
        kept = KeptUsers(made.database, made.services)
        ids = [user.id for user in kept.select()]
        if ids:
            name = self.random.choice([None, self.name()])
            email = None if name is None else f"{name}@example.net"
            found = kept.restorable(f"id:{self.random.choice(ids)}", username=name, email=email)
            made.users.restore_user(found.user)

    def undo(self) -> None:
        """Undo some of the last events, which may be those of another undo."""
        made = self.installation
        last = made.log.checkpoint().seq
        first = self.random.randint(max(1, last - 8), last)
        events = range(first, self.random.randint(first, last) + 1)
        undo = Undo(made.database, made.services, made.users, made.groups)
        for _ in undo.run(Request(selection=Selection(events=events))):
            pass

    def _row(self, name: str) -> list[str]:
        groups = self.random.choice(["", "", self.random.choice(GROUPS)])
        flags = [self.random.choice(["", "true", "false"]) for _ in range(2)]
        values = ["" if (value := self.random.choice(some)) is None else str(value) for some in self._values.values()]
        return [name, f"{name}@{self.random.choice(['example.org', 'example.com'])}", *flags, groups, *values]


class HistoryWithoutErasures(RandomHistory):
    """Random histories without erasures, which cannot be undone, and after which less is known."""

    def __init__(self, installation: WideInstallation, seed: int) -> None:
        super().__init__(installation, seed)
        self._actions = [action for action in self._actions if action is not ACTIONS["erase"]]


class HistoryWithAnApplication(HistoryWithoutErasures):
    """Random histories in which an application also changes users itself, to values that no user had before.

    Attributes:
        outside: The fields that the application changed, by user.
    """

    def __init__(self, installation: WideInstallation, seed: int) -> None:
        super().__init__(installation, seed)
        self.outside: dict[int, set[str]] = {}
        self._changes = 0
        self._actions += [self._act_as_application] * 4

    def _act_as_application(self, _history: RandomHistory) -> None:
        if self.installation.users_by_id():
            self.change_outside()

    def change_outside(self) -> tuple[int, str, str]:
        """Change a user without lback, and return the user, the field and the value."""
        user_id = self.random.choice(sorted(self.installation.users_by_id()))
        field, domain = self.random.choice([("username", ""), ("email", "@example.net")])
        self._changes += 1
        value = f"outside{self._changes}{domain}"
        with self.installation.database.session() as session:
            session.execute(text(f"UPDATE users SET {field} = :value WHERE id = :id"), {"value": value, "id": user_id})
        self.outside.setdefault(user_id, set()).add(field)
        return user_id, field, value


_MORE = (
    *(RandomHistory.attributes, RandomHistory.memberships, RandomHistory.memberships),
    *(RandomHistory.create_group, RandomHistory.create_group, RandomHistory.delete_group, RandomHistory.rename_group),
    RandomHistory.describe_group,
    *(RandomHistory.import_file, RandomHistory.import_file, RandomOperations.register),
    *(RandomHistory.restore, RandomHistory.undo, RandomHistory.undo),
)


def _listen(_sender: Any, **_arguments: Any) -> None:
    """Receive a signal, so that users are not registered in bulk."""
