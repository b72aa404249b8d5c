"""On every path and database, the changes in an event are the difference of the user's rows before and after it.

The tests take the attributes from the list of attributes, so they cover a new one unasked.
"""

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from lback_cli import signals
from lback_cli.attributes import Attribute
from lback_cli.imports.importer import Importer
from lback_cli.imports.options import ImportOptions
from tests.installed_command import InstalledCommand

from .random_history import ATTRIBUTES, WideInstallation

Rows = dict[int, dict[str, Any]]
Values = dict[str, Any]

OLD: dict[str, Any] = {"text": "Ann 1", "integer": 1, "boolean": True, "date": "2026-01-31"}
NEW: dict[str, Any] = {"text": 'Bea "2"', "integer": -2, "boolean": False, "date": "1999-12-31"}
NAMED: dict[str, tuple[Any, Any]] = {
    "username": ("ann", "bea"),
    "email": ("ann@example.org", "bea@example.org"),
    "groups": (["staff"], ["guests"]),
    "password": ("purple giraffes yodel at dusk", "green zebras hum before noon"),
}
"""The old and new values of attributes whose rules are more than a type."""


CHANGED_TOO = {"email": ("is_email_verified",)}
"""What an update of an attribute changes besides it: a new address is not verified."""


class Users:
    """Ways to create, update and delete a user on one installation."""

    def __init__(self, installation: WideInstallation, lback: InstalledCommand) -> None:
        self.made, self.lback = installation, lback
        self.attributes = [*installation.services.attributes]
        self.rows = [attribute.name for attribute in self.attributes if attribute.storage == "row"]

    @property
    def user_id(self) -> int:
        """The id of the one user."""
        (user_id,) = stored(self)
        return user_id

    def update(self, values: Values) -> None:
        """Change the one user to *values*."""
        raise NotImplementedError

    def create(self, values: Values) -> None:
        """Create a user with *values*."""
        raise NotImplementedError

    def delete(self) -> None:
        """Delete the one user."""
        self.made.users.delete_user(self.user_id)


class Library(Users):
    """The methods of `UserManager`."""

    def create(self, values: Values) -> None:
        self.made.users.register_user(
            values["username"],
            values["email"],
            values["password"],
            groups=values["groups"],
            verified=values["is_email_verified"],
            active=values["is_active"],
            attributes={name: values[name] for name in self.rows},
        )

    def update(self, values: Values) -> None:
        groups = values.pop("groups", None)
        changed = values if groups is None else {**values, "add_groups": groups, "remove_groups": ["staff"]}
        self.made.users.update_user(self.user_id, changed)


class Command(Users):
    """The commands."""

    def create(self, values: Values) -> None:
        options = [f"--group={group}" for group in values["groups"]]
        options += ["--verified"] * values["is_email_verified"] + ["--inactive"] * (not values["is_active"])
        self._run("register", values["username"], f"--email={values['email']}", *options, *self._sets(values), **values)

    def update(self, values: Values) -> None:
        flags = {"is_active": ("--deactivate", "--activate"), "is_email_verified": ("--unverified", "--verified")}
        options = [choices[values[name]] for name, choices in flags.items() if name in values]
        options += [f"--{name}={values[name]}" for name in ("username", "email") if name in values]
        options += [f"--add-group={group}" for group in values.get("groups", ())]
        options += ["--remove-group=staff"] * ("groups" in values)
        self._run("update", f"id:{self.user_id}", *options, *self._sets(values), **values)

    def delete(self) -> None:
        self._run("delete", f"id:{self.user_id}", "--yes")

    def _sets(self, values: Values) -> list[str]:
        given = {name: values[name] for name in self.rows if name in values}
        return [
            f"--set={name}={str(value).lower() if value in (True, False) else value}" for name, value in given.items()
        ]

    def _run(self, *words: str, password: str | None = None, **_values: Any) -> None:
        declared = [f'[attributes.{name}]\ntype = "{attribute.type}"\n' for name, attribute in ATTRIBUTES.items()]
        configuration = self.made.directory / "lback.toml"
        configuration.write_text("".join(declared))
        command = ["user", *words, "--config", str(configuration)]
        command += ["--password-stdin"] * (password is not None)
        url = self.made.settings.database.url
        done = self.lback(*command, input=password or "", LBACK_DATABASE_URL=url)
        assert done.status == 0, done.err


class BulkImport(Users):
    """Imports of a file with one row."""

    def create(self, values: Values) -> None:
        self._run(values)

    def update(self, values: Values) -> None:
        (current,) = stored(self).values()
        self._run({"username": "ann", "email": current["email"], **values})

    def _run(self, values: Values) -> None:
        path = self.made.directory / "users.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [*values])
            writer.writeheader()
            writer.writerow({**values, "groups": ",".join(values["groups"])} if "groups" in values else values)
        options = ImportOptions(if_exists="update", overwrite_passwords=True, mail="none")
        result = Importer(self.made.database, self.made.services, self.made.users).run(str(path), options)
        assert result.counts.failed == 0


class ImportWithReceivers(BulkImport):
    """Imports that send signals to receivers, so that no row takes the bulk path."""

    def _run(self, values: Values) -> None:
        def listen(_sender: Any, **_arguments: Any) -> None:
            """Receive a signal."""

        with signals.user_registered.connected_to(listen), signals.user_updated.connected_to(listen):
            super()._run(values)


PATHS = {"library": Library, "command": Command, "bulk import": BulkImport, "with receivers": ImportWithReceivers}


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def made(
    request: pytest.FixtureRequest, tmp_path: Path, database_on: Callable[[str], AbstractContextManager[str]]
) -> Iterator[WideInstallation]:
    """An installation with declared attributes and two groups."""
    kind = request.param
    place = nullcontext(f"sqlite:///{tmp_path}/users.db") if kind == "sqlite" else database_on(kind)
    with place as url:
        installation = WideInstallation(url, tmp_path)
        for group in ("staff", "guests"):
            installation.groups.create_group(group)
        yield installation
        installation.database.dispose()


@pytest.mark.parametrize("path", PATHS)
def test_changes_are_the_difference_of_the_rows(made: WideInstallation, lback: InstalledCommand, path: str) -> None:
    users = PATHS[path](made, lback)

    checked(users, lambda: users.create({each.name: value_of(each, 0) for each in users.attributes}))
    for attribute in users.attributes:
        if attribute.name == "username" and isinstance(users, BulkImport):
            continue  # an import finds users by their names, and cannot change these
        (current,) = stored(users).values()
        value = not current[attribute.name] if attribute.type == "boolean" else value_of(attribute, 1)
        assert [*checked(users, partial(users.update, {attribute.name: value}))] == [
            attribute.name,
            *CHANGED_TOO.get(attribute.name, ()),
        ]
        if attribute.type != "secret":
            assert checked(users, partial(users.update, {attribute.name: value})) == {}
    checked(users, users.delete)


def checked(users: Users, act: Callable[[], Any]) -> Values:
    """Run *act*, and check that the changes in its event are what it did to the rows; return them."""
    before, seq = stored(users), len(users.made.export())
    act()
    after = stored(users)
    events = [event for event in users.made.export()[seq:] if event["signal"].startswith("user_")]
    (user_id,) = {*before, *after}
    if not events and before == after:
        return {}  # an import leaves no event of a row that is as it was
    (event,) = [event for event in events if event["subject_id"] == user_id]
    changes = event["data"]["changes"]
    assert changes == difference(users.attributes, before.get(user_id), after.get(user_id))
    return changes  # type: ignore[no-any-return]


def value_of(attribute: Attribute, number: int) -> Any:
    """Return the old value of *attribute* (0) or the new one (1)."""
    return NAMED[attribute.name][number] if attribute.name in NAMED else (OLD, NEW)[number][attribute.type]


def stored(users: Users) -> Rows:
    """Return the rows of all users by id, read without lback."""
    attributes: dict[int, Values] = defaultdict(dict)
    groups: dict[int, list[str]] = defaultdict(list)
    memberships = "SELECT m.user_id, g.name FROM user_groups_association m JOIN {} g ON g.id = m.group_id"
    with users.made.database.engine.connect() as connection:
        quote = connection.dialect.identifier_preparer.quote_identifier
        for user_id, name, value in connection.execute(text("SELECT user_id, name, value FROM lback_user_attributes")):
            attributes[user_id][name] = json.loads(value)
        for user_id, name in connection.execute(text(memberships.format(quote("groups")))):
            groups[user_id].append(name)
        return {
            row["id"]: {
                **row,
                **attributes[row["id"]],
                "is_active": bool(row["is_active"]),
                "is_email_verified": bool(row["is_email_verified"]),
                "groups": groups[row["id"]],
                "created_at": datetime.fromisoformat(str(row["created_at"])[:26]).isoformat(timespec="microseconds")
                + "Z",
            }
            for row in connection.execute(text("SELECT * FROM users")).mappings()
        }


def difference(attributes: list[Attribute], before: Values | None, after: Values | None) -> Values:
    """Return the changes from *before* to *after*, as docs/event-log.md describes them."""
    old, new = before or {}, after or {}
    found: Values = {}
    for name in (*(attribute.name for attribute in attributes), "created_at"):
        was, now = old.get(name), new.get(name)
        if name == "groups":
            left, joined = (set(names or ()) for names in (was, now))
            change: Any = {"added": sorted(joined - left), "removed": sorted(left - joined)}
        elif name == "password":
            change = "removed" if after is None else "set" if before is None else "changed"
        else:
            change = ({} if before is None else {"from": was}) | ({} if after is None else {"to": now})
        if before is None or after is None or was != now:
            found[name] = change
    return found
