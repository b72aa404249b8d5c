"""The verdicts of events of groups."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lback_cli.managers.group_manager import GroupManager
from lback_cli.repositories.group_reader import GroupReader
from lback_cli.undo.selection import Request, Selection
from lback_cli.undo.undo import Undo
from tests.imports.harness import PASSWORD, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "world")
    made.users.register_user("ann", "ann@example.org", PASSWORD, groups=["staff"], verified=True)
    yield made
    made.close()


def groups(world: World) -> GroupManager:
    return GroupManager(world.database, world.services)


def undo(world: World, *events: int) -> list[tuple[Any, ...]]:
    tool = Undo(world.database, world.services, world.users, groups(world))
    plans = list(tool.run(Request(selection=Selection(events=events))))
    return [(plan.subject, part.verdict, part.change, part.reason) for plan in plans for part in plan.parts]


def create(world: World) -> None:
    groups(world).create_group("guild", description="Old")


def describe(world: World) -> None:
    groups(world).describe_group("guild", "New")


def rename(world: World) -> None:
    groups(world).rename_group("guild", "union")


def join(world: World) -> None:
    world.users.update_user(1, {"add_groups": ["guild"]})


Step = Callable[[World], None]


@pytest.mark.parametrize(
    ("before", "undone", "after", "expected"),
    [
        ([], create, [], ("reversed", "delete the group", None)),
        ([], create, [describe], ("kept", "delete the group", "changed since")),
        ([], create, [rename], ("kept", "delete the group", "changed since")),
        ([], create, [join], ("kept", "delete the group", "has 1 member")),
        ([create], describe, [], ("reversed", "description New → Old", None)),
        (
            [create],
            describe,
            [lambda world: groups(world).describe_group("guild", "Newer")],
            ("kept", "description New → Old", "changed since"),
        ),
        (
            [create],
            describe,
            [lambda world: groups(world).describe_group("guild", "Old")],
            ("done", "description New → Old", "is so already"),
        ),
        (
            [create],
            describe,
            [lambda world: groups(world).delete_group("guild")],
            ("kept", "description New → Old", "deleted since"),
        ),
        ([create], rename, [], ("reversed", "name union → guild", None)),
        (
            [create],
            rename,
            [lambda world: groups(world).rename_group("union", "league")],
            ("kept", "name union → guild", "changed since"),
        ),
        ([create], rename, [create], ("cannot", "name union → guild", "another group has the name")),
    ],
)
def test_event_of_a_group(
    world: World, before: list[Step], undone: Step, after: list[Step], expected: tuple[Any, ...]
) -> None:
    for step in before:
        step(world)
    undone(world)
    seq = world.verify()
    for step in after:
        step(world)
    state = groups_with_descriptions(world)
    ((_, *found),) = undo(world, seq)
    assert tuple(found) == expected
    assert (groups_with_descriptions(world) == state) == (expected[0] != "reversed")


def test_group_that_the_configuration_names_keeps_its_name(world: World) -> None:
    create(world)
    groups(world).rename_group("guild", "admin")
    assert undo(world, world.verify()) == [
        ("admin", "cannot", "name admin → guild", "the configuration names the group")
    ]


def test_default_group_is_not_deleted(world: World) -> None:
    world.users.delete_user(1)
    (event,) = (
        number for number, name, *data in world.events() if name == "group_created" and "basic_user" in str(data)
    )
    assert undo(world, event) == [("basic_user", "done", "delete the group", "every new user joins it")]


def test_member_who_left_the_restored_group_again_stays_out(world: World) -> None:
    groups(world).delete_group("staff")
    deleted = world.verify()
    assert undo(world, deleted) == [
        ("staff", "reversed", "create the group", None),
        ("staff", "reversed", "+1 member", None),
    ]
    world.users.update_user(1, {"remove_groups": ["staff"]})
    assert undo(world, deleted) == [
        ("staff", "done", "create the group", "is created already"),
        ("staff", "done", "+1 member", "have joined already"),
    ]
    ann = world.users.get_user_by_id(1)
    assert ann is not None
    assert ann.groups == ["basic_user"]


def groups_with_descriptions(world: World) -> dict[str, str | None]:
    with world.database.reading() as session:
        return {group.name: group.description for group in GroupReader(session).all()}
