"""`lback group`."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.installed_command import in_one_line

Cli = Callable[..., Any]

STAFF = """\
id           1
name         staff
description  Everybody
members      0
created at   TIME
updated at   TIME
"""


@pytest.fixture
def staff(cli: Cli) -> Cli:
    assert cli("group", "create", "Staff", "--description", "Everybody") == (0, STAFF, "Created the group staff.\n")
    return cli


def test_a_group_is_shown_and_listed_with_its_members(staff: Cli, register: Cli) -> None:
    register("alice", "--group", "staff")
    shown = STAFF.replace("members      0", "members      1")
    assert staff("group", "show", "staff") == (0, shown, "")
    assert staff("group", "show", "STAFF") == (0, shown, "")
    assert staff("group", "list") == (
        0,
        "id  name        members  description\n2   basic_user  1\n1   staff       1        Everybody\n",
        "",
    )


@pytest.mark.parametrize(
    ("form", "out"),
    [
        (
            "json",
            (
                '[\n  {"id": 1, "name": "staff", "description": "Everybody", "members": 0, '
                '"created_at": "TIME", "updated_at": "TIME"}\n]\n'
            ),
        ),
        (
            "jsonl",
            (
                '{"id": 1, "name": "staff", "description": "Everybody", "members": 0, '
                '"created_at": "TIME", "updated_at": "TIME"}\n'
            ),
        ),
        ("csv", "id,name,description,members,created_at,updated_at\n1,staff,Everybody,0,TIME,TIME\n"),
    ],
)
def test_groups_are_listed_in_every_format(staff: Cli, form: str, out: str) -> None:
    assert staff("group", "list", "-o", form) == (0, out, "")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("create", "STAFF"), 6, "The group 'staff' exists already. 'lback group show staff' shows it."),
        (
            ("create", "a b"),
            7,
            (
                "The group name 'a b' is not allowed. Use 1 to 64 of the characters a-z, 0-9, '.', '_' and '-', "
                "beginning with a letter or digit."
            ),
        ),
        (
            ("create", "x", "--description", "\x1b[31m"),
            7,
            "The description contains the invisible character U+001B. Use one line of plain text.",
        ),
        (
            ("create", "x", "--description", "\udcff"),
            7,
            "The description contains the invisible character U+DCFF. Use one line of plain text.",
        ),
        (("create", "x", "--description", "x" * 1001), 7, "The description has more than 1000 characters."),
        (("show", "x"), 5, "There is no group 'x'. 'lback group list' shows all groups."),
        (("show", "\udcff"), 5, "There is no group '\\udcff'. 'lback group list' shows all groups."),
        (("delete", "x", "--yes"), 5, "There is no group 'x'. 'lback group list' shows all groups."),
        (("delete", "staff"), 2, "There is no terminal to ask for confirmation. Use --yes."),
    ],
)
def test_invalid_group_commands_change_nothing(
    staff: Cli, arguments: tuple[str, ...], status: int, message: str
) -> None:
    outcome = staff("group", *arguments, "-o", "json")
    assert (outcome.status, outcome.out, in_one_line(json.loads(outcome.err)["error"])) == (status, "", message)
    assert [group["name"] for group in json.loads(staff("group", "list", "-o", "json").out)] == ["staff"]


def test_deleting_a_group_leaves_its_members(staff: Cli, register: Cli) -> None:
    register("alice", "--group", "staff")
    assert staff("group", "delete", "staff", "--yes", "--confirm=1") == (
        0,
        "",
        "Deleted the group staff.\n",
    )
    assert json.loads(staff("user", "show", "alice", "-o", "json").out)["groups"] == ["basic_user"]


def test_the_default_group_and_the_admin_group_cannot_be_deleted(cli: Cli, register: Cli) -> None:
    cli("group", "create", "admin", "-q")
    register("alice", "--group", "admin")
    assert cli("group", "delete", "basic_user", "--confirm=basic_user").status == 7
    assert cli("group", "delete", "admin", "--confirm=ADMIN") == (
        7,
        "",
        "error: 'admin' still has active administrators.\n",
    )
