"""A damaged database is exit 9 or 7 and named, whatever the command; never exit 1."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

Cli = Callable[..., Any]

COMMANDS = [
    "user list",
    "user list -o json --where locked",
    "user show ann",
    "user show ann --as-of event:3",
    "user list --as-of event:3",
    "user history ann",
    "user export",
    "user list --deleted",
    "user update ann --set display_name=Ann",
    "user update ben ann --deactivate --plan",
    "group list",
    "group show basic_user",
    "events list",
    "events list -o json",
    "events show 3",
    "events export",
    "events verify",
    "events summary",
    "report access",
    "report activity",
    "undo 3 --plan",
]

DAMAGE = [
    "UPDATE lback_events SET signal = x'00ff' WHERE seq = 3",
    'UPDATE lback_events SET data = \'{"user": 5, "changes": 7}\' WHERE seq = 3',
    "UPDATE lback_events SET data = x'ff00fe' WHERE seq = 3",
    "UPDATE lback_events SET time = 'noon' WHERE seq = 3",
    "UPDATE lback_event_head SET seq = 'many'",
    "UPDATE users SET username = x'ff' WHERE username = 'ben'",
    "UPDATE users SET created_at = 'yesterday' WHERE username = 'ann'",
    "UPDATE users SET created_at = '2026-02-31 00:00:00.000000' WHERE username = 'ann'",
    "UPDATE users SET is_active = 'maybe' WHERE username = 'ann'",
    "UPDATE users SET password = x'00' WHERE username = 'ann'",
    "UPDATE lback_accounts SET last_login = 'never'",
    "UPDATE groups SET name = x'ff' WHERE name = 'basic_user'",
]


@pytest.fixture
def people(cli: Cli, register: Cli, password: str) -> Cli:
    register("ann", "--verified")
    register("ben")
    assert cli("user", "authenticate", "ann", "--password-stdin", "-q", input=password).status == 0
    return cli


@pytest.mark.parametrize("damage", DAMAGE)
def test_no_stored_value_is_reported_as_a_bug(people: Cli, lback: Any, damage: str) -> None:
    with closing(sqlite3.connect(lback.database)) as database, database:
        assert database.execute(damage).rowcount == 1
    script = "\n".join(COMMANDS)
    answers = [
        json.loads(line) for line in people("run", "-", "--keep-going", "-o", "jsonl", input=script).out.splitlines()
    ]
    assert len(answers) == len(COMMANDS)
    bugs = {command: answer for command, answer in zip(COMMANDS, answers, strict=True) if answer["exit"] == 1}
    assert bugs == {}


def test_the_damaged_cell_is_named(people: Cli, lback: Any) -> None:
    with closing(sqlite3.connect(lback.database)) as database, database:
        database.execute("UPDATE users SET username = x'ff' WHERE username = 'ben'")
    outcome = people("user", "list", "-o", "json")
    assert (outcome.status, json.loads(outcome.err)["error"]["message"]) == (
        9,
        "The column username of users is damaged in row 2.",
    )


def test_a_bug_is_still_a_bug(people: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise TypeError("a bug")

    monkeypatch.setattr("lback_cli.managers.directory.Directory.list_users", fail)
    outcome = people("user", "list")
    assert (outcome.status, outcome.err.splitlines()[0]) == (1, "error: TypeError: a bug")
