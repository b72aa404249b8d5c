"""What an undo keeps, and the reasons that it gives."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from lback_cli.imports.options import ImportOptions
from lback_cli.managers.group_manager import GroupManager
from lback_cli.undo.selection import Request, Selection
from lback_cli.undo.undo import Undo
from tests.imports.harness import PASSWORD, World

CHANGES = {
    "email": ("UPDATE users SET email = 'x@c.example' WHERE id = 1", "ann@b.example → ann@example.org"),
    "is_active": ("UPDATE users SET is_active = 1 WHERE id = 1", "no → yes"),
    "display_name": ("UPDATE lback_user_attributes SET value = '\"X\"'", "Ann B → Ann"),
}
"""For each attribute a change outside lback, and what the undo would have done."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "world")
    made.users.register_user("ann", "ann@example.org", PASSWORD, verified=True, attributes={"display_name": "Ann"})
    yield made
    made.close()


def change_outside(world: World, statement: str) -> None:
    with world.database.session() as session:
        session.execute(text(statement))


def undo(world: World, *events: int, job: str | None = None) -> list[tuple[Any, ...]]:
    tool = Undo(world.database, world.services, world.users, GroupManager(world.database, world.services))
    plans = list(tool.run(Request(selection=Selection(import_job=job) if job else Selection(events=events))))
    return [(plan.subject, part.verdict, part.change, part.reason) for plan in plans for part in plan.parts]


def head(world: World) -> int:
    return world.verify()


@pytest.mark.parametrize("name", CHANGES)
def test_value_that_was_changed_outside_is_kept(world: World, name: str) -> None:
    statement, phrase = CHANGES[name]
    update = {"email": "ann@b.example", "is_active": False, "display_name": "Ann B"}
    world.users.update_user(1, {name: update[name]}, mail="none")
    updated = head(world)
    change_outside(world, statement)
    before = world.users.get_user_by_id(1)
    expected = ("done", "is so already") if name == "is_active" else ("kept", "changed outside lback")
    assert undo(world, updated) == [("ann", expected[0], f"{name} {phrase}", expected[1])]
    assert world.users.get_user_by_id(1) == before


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("email", "UPDATE users SET email = 'x@c.example'"),
        ("is_active", "UPDATE users SET is_active = 0"),
        ("display_name", "UPDATE lback_user_attributes SET value = '\"X\"'"),
        ("groups", "DELETE FROM user_groups_association"),
    ],
)
def test_new_user_who_was_changed_outside_is_kept(world: World, name: str, statement: str) -> None:
    registered = head(world)
    change_outside(world, statement)
    before = world.users.get_user_by_id(1)
    assert undo(world, registered) == [("ann", "kept", "delete", f"{name} changed outside lback")]
    assert world.users.get_user_by_id(1) == before


def test_new_user_who_set_a_password_is_kept(world: World) -> None:
    world.users.register_user("bob", "bob@example.org", None, mail="none")
    registered = head(world)
    world.users.reset_user_password(2, PASSWORD)
    assert undo(world, registered) == [("bob", "kept", "delete", "password changed since")]
    assert undo(world, registered, registered + 1) == [
        ("bob", "cannot", "password", "a password cannot be taken back"),
        ("bob", "reversed", "delete", None),
    ]


def test_flag_of_an_address_that_is_put_back_by_the_same_undo_has_no_verdict(world: World) -> None:
    world.users.update_user(1, {"email": "ann@b.example"}, mail="none")
    updated = head(world)
    undo(world, updated)
    world.users.update_user(1, {"is_email_verified": False}, mail="none")
    assert undo(world, updated) == [("ann", "done", "email ann@b.example → ann@example.org", "is undone already")]


def test_new_user_in_another_group_of_the_same_name_is_kept(world: World) -> None:
    groups = GroupManager(world.database, world.services)
    world.users.register_user("bob", "bob@example.org", PASSWORD, groups=["staff"], mail="none")
    registered = head(world)
    groups.rename_group("staff", "crew")
    groups.create_group("staff")
    new_id = "(SELECT id FROM groups WHERE name = 'staff')"
    crew = "(SELECT id FROM groups WHERE name = 'crew')"
    change_outside(world, f"UPDATE user_groups_association SET group_id = {new_id} WHERE group_id = {crew}")
    assert undo(world, registered) == [("bob", "kept", "delete", "groups changed outside lback")]


def test_update_of_an_import_that_set_a_password_is_reversed_except_for_the_password(world: World) -> None:
    hashed = world.services.hasher.hash(PASSWORD + "!")
    rows = world.write(f'username,email,password_hash,display_name\nann,ann@example.org,"{hashed}",Ann B\n')
    options = ImportOptions(mail="none", if_exists="update", overwrite_passwords=True)
    assert undo(world, job=world.run(rows, options).job) == [
        ("ann", "reversed", "display_name Ann B → Ann", None),
        ("ann", "cannot", "password", "a password cannot be taken back"),
    ]


def test_password_of_another_person_who_had_the_id_is_not_restored(world: World) -> None:
    world.users.register_user("bob", "bob@example.org", PASSWORD, mail="none")
    world.users.delete_user(2)
    deleted = head(world)
    change_outside(world, "UPDATE lback_deleted_users SET created_at = '2026-01-01 00:00:00.000000'")
    assert undo(world, deleted) == [
        ("bob", "reversed", "restore", None),
        ("bob", "cannot", "password", "the hash is gone"),
    ]
