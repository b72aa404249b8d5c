"""Hostile text from outside: terminal escapes, spreadsheet formulas and markup of rich."""

import csv
import io
import json
import sqlite3
import time
from collections.abc import Callable
from typing import Any

import pexpect
import pytest

Cli = Callable[..., Any]

LIMIT = 0.05
"""Seconds in which the library should refuse a value (see the threat model). Tests allow ten times as many."""

HOSTILE = {
    "markup": "[red]x[/red]",
    "closing markup": "[/red]",
    "link markup": "[link=https://example.org]x[/link]",
    "ESC": "\x1b[31mx",
    "OSC": "\x1b]0;title\x07",
    "C1": "x\x9b31m",
    "bidi": "abc\u202egnp.exe",
    "zero width": "ad\u200bmin",
    "newline": "a\nb",
    "lone surrogate": "a\udcffb",
    "100 KiB": "x" * 100 * 1024,
    "100 KiB of two-byte characters": "é" * 50 * 1024,
}

ROWS = {
    "ESC": "\x1b[31mred\x1b[0m",
    "OSC": "\x1b]0;title\x07",
    "C1": "\x9b31m",
    "bidi": "abc\u202egnp",
    "markup": "[red]x[/red]",
    "closing": "[/red]",
    "newline": "a\nb\tc\rd",
    "NUL": "a\0b",
    "formula": "=1+1",
    "at": "@SUM(A1)",
    "quote": "'x",
    "wide": "名前",
}


def is_clean(text: str, *, allowed: str = "\n") -> bool:
    return all(character.isprintable() or character in allowed for character in text)


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("field", ["username", "email"])
@pytest.mark.parametrize("form", ["rich", "json"])
def test_hostile_fields_are_refused_with_the_failure_signal_and_printable_output(
    cli: Cli, password: str, value: str, field: str, form: str
) -> None:
    fields = {"username": "alice", "email": "alice@example.org"} | {field: value}
    outcome = cli(
        *("user", "register", fields["username"], "--email", fields["email"], "--password-stdin"),
        *("--trace-format", form),
        input=password,
    )
    assert (outcome.status, outcome.out) == (7, "")
    assert is_clean(outcome.err)
    assert len(outcome.err) < 30_000, "long values are cut in the trace"
    assert "user_registration_failed" in outcome.err
    assert "validation_error" in outcome.err


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_find_no_user_and_change_nothing(cli: Cli, register: Cli, value: str) -> None:
    register("alice")
    for arguments, status in (
        (("user", "show", value), 5),
        (("user", "exists", value), 5),
        (("user", "delete", value, "--yes"), 5),
        (("user", "request-password-reset", value), 5),
        (("user", "list", "--group", value), 5),
        (("user", "update", "alice", "--add-group", value), 5),
        (("user", "update", "alice", "--username", value), 7),
        (("user", "update", "alice", "--email", value), 7),
        (("user", "verify-email", value), 7),
        (("group", "show", value), 5),
        (("group", "create", value), 7),
        (("group", "delete", value, "--yes"), 5),
        (("mail", "test", value), 7),
        (("signals", "show", value), 5),
        ((value,), 2),
        (("user", value), 2),
        (("user", "list", "-o", value), 2),
        (("user", "list", "--limit", value), 2),
        (("user", "list", "--after", value), 2),
    ):
        outcome = cli(*arguments, "--trace-signals")
        assert outcome.status == status, (arguments[:3], outcome)
        assert is_clean(outcome.out + outcome.err), arguments
    assert len(cli("user", "list", "-o", "jsonl").out.splitlines()) == 1


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_the_library_refuses_hostile_fields_quickly(
    tmp_path: Any, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from lback_cli import LbackError, UserManager, load_settings

    settings = load_settings(overrides={"database.url": "sqlite://"}, environment={}, directory=tmp_path)
    manager = UserManager.from_settings(settings)
    calls: dict[str, Callable[[], Any]] = {
        "username": lambda: manager.register_user(value, "a@example.org", "purple giraffes yodel at dusk"),
        "email": lambda: manager.register_user("alice", value, "purple giraffes yodel at dusk"),
        "password": lambda: manager.register_user("alice", "a@example.org", value[:14] if len(value) < 99 else value),
        "token": lambda: manager.verify_user_email(value),
    }
    for warm in (True, False):
        for name, call in calls.items():
            started = time.perf_counter()
            with pytest.raises(LbackError):
                call()
            taken = time.perf_counter() - started
            if not warm:
                with capsys.disabled():
                    print(f"\n{name}: {taken * 1000:.1f} ms", end="")  # noqa: T201 - the measurement
                assert taken < 10 * LIMIT


@pytest.fixture
def haunted(cli: Cli, lback: Any) -> Cli:
    """A database with hostile rows that another program has written."""
    assert cli("db", "init", "-q").status == 0
    now = "2026-01-01 00:00:00.000000"
    with sqlite3.connect(lback.database) as connection:
        for number, text in enumerate(ROWS.values(), start=1):
            connection.execute(
                "INSERT INTO users"
                " (id, username, email, password, is_active, is_email_verified, created_at, updated_at)"
                " VALUES (?, ?, ?, 'x', 1, 0, ?, ?)",
                (number, text, f"{text}@example.org", now, now),
            )
            connection.execute(
                "INSERT INTO groups (id, name, description, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
                (number, text, text, now, now),
            )
            connection.execute("INSERT INTO user_groups_association VALUES (?, ?)", (number, number))
    connection.close()
    return cli


@pytest.mark.parametrize("command", ["user list --limit 0", "group list"])
@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "yaml"])
def test_stored_control_characters_never_reach_stdout(haunted: Cli, command: str, form: str) -> None:
    outcome = haunted(*command.split(), "-o", form)
    assert (outcome.status, outcome.err) == (0, "")
    assert is_clean(outcome.out)
    if form == "json":
        key = "username" if command.startswith("user") else "name"
        assert {row[key] for row in json.loads(outcome.out)} == set(ROWS.values()), "programs get what is stored"


@pytest.mark.parametrize("number", range(1, len(ROWS) + 1))
def test_a_user_with_hostile_fields_can_be_shown_traced_and_deleted(haunted: Cli, number: int) -> None:
    shown = haunted("user", "show", f"id:{number}")
    assert (shown.status, is_clean(shown.out)) == (0, True)
    updated = haunted("user", "update", f"id:{number}", "--deactivate", "--trace-signals", "--debug")
    assert (updated.status, is_clean(updated.out + updated.err)) == (0, True)
    mailed = haunted("user", "resend-verification", f"id:{number}", "--trace-format", "json", "-o", "json")
    assert is_clean(mailed.out + mailed.err)
    assert mailed.status in (0, 9)
    deleted = haunted("user", "delete", f"id:{number}", "--yes", "--trace-signals", FORCE_COLOR="1")
    assert deleted.status == 0
    assert is_clean(deleted.out + deleted.err, allowed="\n\x1b"), "the only escapes are the colors of lback"


def test_csv_contains_no_formulas(haunted: Cli) -> None:
    outcome = haunted("user", "list", "-o", "csv", "--limit", "0")
    rows = list(csv.DictReader(io.StringIO(outcome.out, newline="")))
    names = [row["username"] for row in rows]
    assert names[list(ROWS).index("formula")] == "'=1+1"
    assert names[list(ROWS).index("at")] == "'@SUM(A1)"
    assert names[list(ROWS).index("quote")] == "''x"
    for text in names:
        assert not text.startswith(("=", "+", "-", "@"))


@pytest.mark.usefixtures("haunted")
def test_a_terminal_shows_hostile_rows_as_escapes(lback: Any) -> None:
    child = pexpect.spawn(
        lback.program,
        ["user", "list", "--no-color"],
        env=lback.environment,
        cwd=str(lback.directory),
        dimensions=(60, 200),
        timeout=20,
    )
    child.expect(pexpect.EOF)
    shown = child.before.decode()
    child.close()
    assert child.exitstatus == 0
    assert is_clean(shown, allowed="\r\n")
    for visible in ("\\x1b[31mred", "[red]x[/red]", "[/red]", "\\x9b31m", "\\u202e", "a\\x0ab\\x09c\\x0dd", "a\\x00b"):
        assert visible in shown


@pytest.mark.usefixtures("haunted")
@pytest.mark.parametrize("words", [(), ("--format", "jsonl"), ("--to", "apply")])
def test_an_export_on_a_terminal_shows_hostile_rows_as_escapes(lback: Any, words: tuple[str, ...]) -> None:
    child = pexpect.spawn(
        lback.program, ["user", "export", *words], env=lback.environment, cwd=str(lback.directory), timeout=20
    )
    child.expect(pexpect.EOF)
    shown = child.before.decode()
    child.close()
    assert child.exitstatus == 0
    assert is_clean(shown, allowed="\r\n")
    assert "[31mred" in shown
    if not words:
        piped = lback("user", "export").out
        assert "\x1b[31mred" in piped, "programs get what is stored"
