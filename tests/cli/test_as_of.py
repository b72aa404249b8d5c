"""`--as-of`: users and groups as they were."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

Cli = Callable[..., Any]


@pytest.fixture
def history(cli: Cli, register: Cli) -> Cli:
    """Events: 1, 2 groups, 3 alice, 4 bob, 5 alice joins admin, 6 leaves it, 7 joins again, 8, 9 bob is erased."""
    cli("group", "create", "admin", "-q")
    register("alice", "--verified")
    register("bob", "--group", "admin")
    cli("user", "update", "alice", "--add-group", "admin", "--set", "display_name=Alice A.", "--actor", "bob")
    cli("user", "update", "alice", "--remove-group", "admin", "--username", "alicia")
    cli("user", "update", "alicia", "--add-group", "admin")
    cli("user", "erase", "bob", "--confirm", "bob")
    return cli


def test_show_a_user_as_of_a_moment(history: Cli) -> None:
    assert history("user", "show", "alice", "--as-of", "event:5") == (
        0,
        (
            "id              1\n"
            "username        alice\n"
            "email           alice@example.org\n"
            "display name    Alice A.\n"
            "active          yes\n"
            "email verified  yes\n"
            "groups          admin, basic_user\n"
            "created at      TIME\n"
            "password        set\n"
        ),
        "",
    )
    shown = json.loads(history("user", "show", "alicia", "--as-of", "event:4", "-o", "json").out)
    assert shown == {
        "id": 1,
        "username": "alice",
        "email": "alice@example.org",
        "external_id": None,
        "display_name": None,
        "is_active": True,
        "is_email_verified": True,
        "groups": ["basic_user"],
        "attributes": {},
        "created_at": "TIME",
        "password": "set",
        "marks": {},
    }


def test_list_users_as_of_a_moment(history: Cli) -> None:
    assert history("user", "list", "--as-of", "event:5") == (
        0,
        (
            "id  username  email              active  verified  groups\n"
            "1   alice     alice@example.org  yes     yes       admin, basic_user\n"
            "2   (erased)\n"
        ),
        "1 person was there and erased later: id:2. Whether they match the filters is unknown.\n",
    )
    members = history("user", "list", "--as-of", "event:5", "--group", "admin", "-o", "csv")
    assert members.out == (
        "id,username,email,external_id,display_name,is_active,is_email_verified,groups,created_at,password,marks\n"
        "1,alice,alice@example.org,,Alice A.,true,true,admin;basic_user,TIME,set,{}\n"
    )
    assert history("user", "list", "--as-of", "event:0", "-o", "json").out == "[]\n"


def test_show_a_group_as_of_a_moment(history: Cli) -> None:
    assert history("group", "show", "admin", "--as-of", "event:5") == (
        0,
        "id          1\nname        admin\nmembers     1\ncreated at  TIME\n",
        "1 person was there and erased later: id:2. They may have been members.\n",
    )


def test_list_groups_as_of_a_moment(history: Cli) -> None:
    history("group", "create", "staff", "-q")
    history("group", "rename", "staff", "crew", "-q")
    assert history("group", "list", "--as-of", "event:5") == (
        0,
        "id  name        members  description\n1   admin       1\n2   basic_user  1\n",
        "1 person was there and erased later: id:2. They may have been members.\n",
    )
    past = json.loads(history("group", "list", "--as-of", "event:10", "-o", "json").out)
    assert [(group["name"], group["members"]) for group in past] == [("admin", 1), ("basic_user", 1), ("staff", 0)]
    assert history("group", "list", "--as-of", "event:1", "--fields", "name,members", "-o", "value").out == "admin\t0\n"


@pytest.mark.parametrize(
    ("moment", "status", "message"),
    [
        ("soon", 2, "error: 'soon' is not a moment."),
        ("event:-1", 2, "error: 'event:-1' is not a moment."),
        ("event:99", 7, "error: The event log does not say what was at event:99."),
        ("2999-12-31", 7, "error: 2999-12-31 is in the future. A date means its end."),
    ],
)
def test_a_moment_that_is_none_or_out_of_reach(history: Cli, moment: str, status: int, message: str) -> None:
    for command in (("user", "show", "alicia"), ("user", "list"), ("group", "show", "admin"), ("group", "list")):
        outcome = history(*command, "--as-of", moment)
        assert (outcome.status, outcome.out, outcome.err.splitlines()[0]) == (status, "", message)


def test_no_user_had_that_name(history: Cli) -> None:
    hint = "       'lback user history USER' shows since when there is a user.\n"
    assert history("user", "show", "alice", "--as-of", "2020-01-01") == (
        5,
        "",
        f"error: There was no user 'alice' at 2020-01-01.\n{hint}",
    )
    assert history("user", "show", "alice", "--as-of", "900d").err == (
        f"error: There was no user 'alice' 900d ago.\n{hint}"
    )
    assert history("group", "show", "nix", "--as-of", "0s").err == (
        "error: There was no group 'nix' 0s ago.\n"
        "       'lback group list' with the same --as-of shows the groups and their names at that time.\n"
    )


def test_a_field_that_was_changed_outside_lback_is_marked(history: Cli, lback: Any) -> None:
    with closing(sqlite3.connect(lback.database)) as connection, connection:
        connection.execute("UPDATE users SET email = 'x@example.org' WHERE id = 1")
    shown = history("user", "show", "alicia", "--as-of", "0s")
    assert "email           x@example.org (changed outside lback)\n" in shown.out
    listed = history("user", "list", "--as-of", "0s", "-o", "json")
    assert json.loads(listed.out)[0]["marks"] == {"email": "changed outside lback"}
    assert history("user", "list", "--as-of", "0s").err == "alicia: email changed outside lback\n"
