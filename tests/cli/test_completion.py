"""Shell completion."""

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

Cli = Callable[..., Any]


@pytest.fixture
def complete(lback: Any) -> Callable[..., list[str]]:
    """Return what bash is offered for the last word of a command line."""

    def offered(line: str, **variables: str) -> list[str]:
        words = line.split(" ")
        finished = lback(_LBACK_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1), **variables)
        assert finished.err == ""
        return sorted(line for line in finished.out.split("\n") if line)

    return offered


def test_completion_offers_groups_commands_options_and_choices(complete: Cli) -> None:
    assert complete("lback s") == ["signals"]
    assert complete("lback user re") == [
        "register",
        "rename",
        "request-password-reset",
        "resend-verification",
        "reset-password",
    ]
    assert "--generate-password" in complete("lback user register --ge")
    assert complete("lback user list -o js") == ["json", "jsonl"]
    assert complete("lback signals show user_del") == ["user_deleted", "user_deletion_failed", "user_deletion_started"]


def test_completion_offers_users_and_groups_without_control_characters(
    complete: Cli, register: Cli, cli: Cli, lback: Any
) -> None:
    for name in ("ada", "adam", "ben"):
        register(name, "--verified")
    cli("group", "create", "staff", "-q")
    with sqlite3.connect(lback.database) as connection:
        connection.execute("UPDATE users SET username = 'ad\x1b[31m' || char(10) || 'x' WHERE username = 'adam'")
        connection.execute(
            "INSERT INTO groups (name, created_at, updated_at)"
            " SELECT 'st\x9b', created_at, created_at FROM groups LIMIT 1"
        )
    connection.close()
    assert complete("lback user show ad") == ["ada"]
    assert complete("lback user list --group st") == ["staff"]


def test_completion_with_an_unusable_database_offers_nothing(complete: Cli) -> None:
    for line in ("lback user show a", "lback group show s"):
        assert complete(line, LBACK_DATABASE_URL="sqlite:////no/where") == []
        assert complete(line, LBACK_DATABASE_URL="nonsense") == []
