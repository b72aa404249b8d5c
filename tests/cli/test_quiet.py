"""`-q`: no messages, no results that only say what was done, and all data that was asked for."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]


@pytest.fixture
def people(cli: Cli, register: Cli) -> Cli:
    cli("group", "create", "staff", "-q")
    register("ann", "--verified", "--group", "staff")
    register("bob")
    return cli


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("user exists ann", 0),
        ("user exists nosuch", 5),
        ("user update ann --deactivate", 0),
        ("user update ann --active", 2),
        ("user delete bob --yes", 0),
        ("user resend-verification bob", 0),
        ("user request-password-reset bob", 0),
        ("user unlock ann", 0),
        ("user erase bob --confirm=bob", 0),
        ("group create guests", 0),
        ("group add staff bob", 0),
        ("group remove staff ann", 0),
        ("group delete staff --confirm=staff", 0),
        ("events verify", 0),
        ("mail test you@example.org", 0),
        ("db init", 0),
        ("db upgrade", 0),
        ("user list --search nosuch", 0),
        ("user list --limit 1 --fields id -o value", 0),
    ],
)
def test_quiet_says_nothing_that_the_exit_code_says(people: Cli, command: str, status: int) -> None:
    outcome = people(*command.split(), "-q")
    assert outcome.status == status
    assert outcome.out == ("1\n" if command.endswith("value") else "")
    assert (outcome.err == "") == (status != 2)


def test_quiet_keeps_data_that_was_asked_for(people: Cli) -> None:
    generated = people("user", "reset-password", "ann", "--generate-password", "-q")
    label, _, password = generated.out.rstrip().rpartition("  ")
    assert (generated.err, label) == ("", "generated password")
    assert people("user", "authenticate", "ann", "--password-stdin", "-q", input=password) == (0, "", "")
    assert people("user", "show", "ann", "-q").out.startswith("id ")
    assert people("group", "list", "-q").out.count("\n") == 3
    exists = people("user", "exists", "ann", "-q", "-o", "json")
    assert (json.loads(exists.out), exists.err) == ({"user": "ann", "exists": True}, "")
    updated = people("user", "update", "ann", "--deactivate", "-q", "-o", "json")
    assert (json.loads(updated.out)["outcome"], updated.err) == ("updated", "")


def test_quiet_doctor_shows_only_what_needs_attention(people: Cli, lback: Any) -> None:
    everything = people("doctor")
    assert everything.status == 0
    shown = people("doctor", "-q").out.splitlines()
    assert {line.split()[0] for line in shown if not line.startswith("  ")} <= {"warn", "FAIL"}
    assert len(shown) < everything.out.count("\n")
    Path(lback.database).chmod(0o644)
    failed = people("doctor", "-q")
    assert (failed.status, failed.out.count("FAIL")) == (9, 1)
    assert len(json.loads(people("doctor", "-q", "-o", "json").out)) > 10, "programs get every check"
