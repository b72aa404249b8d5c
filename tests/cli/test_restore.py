"""Deleted users are kept for a while, and `lback user restore` brings them back."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

Cli = Callable[..., Any]


@pytest.fixture
def ann(cli: Cli, register: Cli) -> Cli:
    for group in ("crew", "staff"):
        cli("group", "create", group, "-q")
    register("ann", "--verified", "--group", "staff", "--group", "crew", "--set", "external_id=7")
    return cli


def execute(lback: Any, statement: str) -> list[Any]:
    with closing(sqlite3.connect(lback.database)) as connection, connection:
        return connection.execute(statement).fetchall()


def test_a_deleted_user_is_restored_with_id_password_and_groups(ann: Cli, password: str) -> None:
    before = json.loads(ann("user", "show", "ann", "-o", "json").out)
    deleted = ann("user", "delete", "ann", "--yes")
    day = (datetime.now(UTC) + timedelta(days=30)).astimezone().date()
    assert deleted.err == f"Deleted ann. Until {day}, this restores the user: lback user restore id:1\n"
    listed = json.loads(ann("user", "list", "--deleted", "-o", "json").out)
    assert [(user["id"], user["username"], user["groups"]) for user in listed] == [
        (1, "ann", ["basic_user", "crew", "staff"])
    ]
    restored = ann("user", "restore", "ANN", "--trace-format", "json", "-o", "json")
    user = json.loads(restored.out)
    assert (restored.status, user.pop("outcome")) == (0, "restored")
    assert {name: value for name, value in user.items() if name != "updated_at"} == {
        name: value for name, value in before.items() if name != "updated_at"
    }
    sent = [json.loads(line)["signal"] for line in restored.err.splitlines() if line.startswith("{")]
    assert sent == [
        *("user_registration_started", "user_pre_register", "user_email_verification_successful"),
        "user_registered",
    ]
    event = json.loads(ann("events", "list", "--limit", "1", "-o", "json").out)[0]
    assert (event["signal"], event["data"]["changes"]["username"]) == ("user_restored", {"to": "ann"})
    assert ann("user", "authenticate", "ann", "--password-stdin", input=password).status == 0
    assert ann("user", "list", "--deleted", "-o", "json").out == "[]\n"
    assert ann("user", "restore", "ann").status == 5


def test_groups_that_are_gone_are_named_and_renamed_ones_are_joined(ann: Cli) -> None:
    ann("user", "delete", "ann", "--yes")
    ann("group", "delete", "crew", "--yes")
    ann("group", "create", "crew", "-q")
    ann("group", "rename", "staff", "team")
    restored = ann("user", "restore", "id:1", "-q")
    assert (restored.status, restored.err) == (8, "These groups are gone: crew.\n")
    assert json.loads(ann("user", "show", "ann", "-o", "json").out)["groups"] == ["basic_user", "team"]


def test_a_new_group_with_the_id_of_a_deleted_one_is_not_joined(ann: Cli, lback: Any) -> None:
    [(crew,)] = execute(lback, "SELECT id FROM groups WHERE name = 'crew'")
    ann("user", "delete", "ann", "--yes")
    ann("group", "delete", "crew", "--yes")
    ann("group", "create", "secret", "-q")
    execute(lback, f"UPDATE groups SET id = {crew} WHERE name = 'secret'")
    restored = ann("user", "restore", "id:1", "-q")
    assert (restored.status, restored.err) == (8, "These groups are gone: crew.\n")
    assert json.loads(ann("user", "show", "ann", "-o", "json").out)["groups"] == ["basic_user", "staff"]


def test_a_name_that_is_taken_is_a_conflict_which_another_name_resolves(ann: Cli, register: Cli) -> None:
    ann("user", "delete", "ann", "--yes")
    register("ann", "--set", "external_id=7")
    assert ann("user", "restore", "id:1") == (
        6,
        "",
        "error: The user name 'ann' is taken.\n       ann (id:2) has it. Choose another one with --username.\n",
    )
    assert "The e-mail address" in ann("user", "restore", "id:1", "--username", "anna").err
    other = ("--username", "anna", "--email", "anna@example.org")
    assert ann("user", "restore", "id:1", *other).err.startswith("error: The external_id '7' is taken.\n")
    ann("user", "update", "id:2", "--set", "external_id=")
    assert ann("user", "restore", "id:1", *other).status == 0
    user = json.loads(ann("user", "show", "anna", "-o", "json").out)
    assert (user["id"], user["email"], user["is_email_verified"]) == (1, "anna@example.org", False)


def test_who_is_not_found_but_kept_can_be_restored_says_the_error(ann: Cli, register: Cli) -> None:
    assert ann("user", "delete", "ann", "--yes").status == 0
    hint = (
        "A deleted user was called that. 'lback user restore {}' restores the user, "
        "and 'lback user list --deleted' shows all."
    )
    commands = ["user show", "user update --activate", "user reset-password --generate-password"]
    for called, proposed in {"ann": "ann", "ANN": "ANN", "ann@example.org": "id:1"}.items():
        for command in commands:
            outcome = ann(*command.split(), called, "-o", "json")
            errors = [json.loads(line)["error"] for line in outcome.err.splitlines()]
            assert errors == [
                {"code": "user_not_found", "message": f"There is no user '{called}'.", "hint": hint.format(proposed)}
            ]
    assert json.loads(ann("user", "show", "id:1", "-o", "json").err)["error"]["hint"] == hint.format("id:1")
    register("ann")
    ann("user", "delete", "ann", "--yes")
    assert json.loads(ann("user", "show", "ann", "-o", "json").err)["error"]["hint"] == hint.format("id:2")


def test_what_is_kept_expires_and_is_purged_at_the_next_deletion(ann: Cli, register: Cli, lback: Any) -> None:
    register("bob")
    ann("user", "delete", "ann", "--yes")
    execute(lback, "UPDATE lback_deleted_users SET kept_until = '2020-01-01 00:00:00.000000'")
    assert ann("user", "list", "--deleted", "-o", "json").out == "[]\n"
    assert ann("user", "restore", "ann").status == 5
    assert execute(lback, "SELECT user_id FROM lback_deleted_users") == [(1,)]
    ann("user", "delete", "bob", "--yes")
    assert execute(lback, "SELECT user_id FROM lback_deleted_users") == [(2,)]


def test_nothing_is_kept_if_the_configuration_says_so(ann: Cli, lback: Any) -> None:
    assert ann("user", "delete", "ann", "--yes", LBACK_USERS_KEEP_DELETED="0").err == "Deleted ann.\n"
    assert execute(lback, "SELECT count(*) FROM lback_deleted_users") == [(0,)]


def test_erasing_removes_what_is_kept(ann: Cli, lback: Any) -> None:
    ann("user", "delete", "ann", "--yes")
    ann("user", "erase", "ann", "--confirm", "ann")
    assert execute(lback, "SELECT count(*) FROM lback_deleted_users") == [(0,)]
    assert b"argon2id" not in lback.database.read_bytes()


def test_undoing_a_deletion_restores_the_password_that_is_kept(ann: Cli, password: str) -> None:
    ann("user", "delete", "ann", "--yes")
    assert ann("undo", "5", "--yes").status == 0
    assert ann("user", "authenticate", "ann", "--password-stdin", input=password).status == 0


def test_several_deleted_users_with_one_name_are_distinguished_by_id(ann: Cli, register: Cli) -> None:
    ann("user", "delete", "ann", "--yes")
    register("ann")
    ann("user", "delete", "ann", "--yes")
    outcome = ann("user", "restore", "ann")
    assert (outcome.status, outcome.err) == (
        7,
        "error: Several deleted users were called 'ann': id:2, id:1.\n       Name the id.\n",
    )
    assert ann("user", "list", "--deleted", "--group", "staff").status == 2


def test_a_copy_of_the_database_has_what_is_kept(ann: Cli, lback: Any, password: str) -> None:
    ann("user", "delete", "ann", "--yes")
    copy = f"sqlite:///{lback.directory}/copy.db"
    assert ann("db", "copy", "--to", copy).status == 0
    assert ann("user", "restore", "ann", "--database-url", copy).status == 0
    login = ("user", "authenticate", "ann", "--password-stdin", "--database-url", copy)
    assert ann(*login, input=password).status == 0
