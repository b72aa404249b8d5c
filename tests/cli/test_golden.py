"""Transcripts of lists on terminals, with long and hostile names: ``golden/NAME-COLUMNS.txt``.

A test writes its transcript if the file is missing, so delete a file to make it anew, and read the difference.
"""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pexpect
import pytest
from rich.cells import cell_len

GOLDEN = Path(__file__).with_name("golden")

USERS = 501
NAMES = {
    2: "a" * 255,
    3: "anna-katharina.von-der-heydte-schulze",
    4: "\u05e9\u05dc\u05d5\u05dd\u05e2\u05d5\u05dc\u05dd",  # Hebrew, from right to left
    5: "\u0645\u0631\u062d\u0628\u0627",  # Arabic
    6: "\u540d\u524d\u540d\u524d\u540d\u524d",  # Japanese, two columns a character
    7: "\N{GRINNING FACE}\N{ROCKET}\N{WAVING HAND SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}",
    8: "\u0928\u0941\u0915\u094d\u0915\u0921\u093c",  # Devanagari, with marks
    9: "e\N{COMBINING ACUTE ACCENT}" * 12,
    10: "\x1b[31mred\x1b[0m\x07",
    11: "a\u202egnp.exe",
    12: "tab\there\nand a new line",
    13: "[red]markup[/red]",
    14: "\N{MAN}\N{ZERO WIDTH JOINER}\N{ROCKET}",
    15: "\N{REGIONAL INDICATOR SYMBOL LETTER D}\N{REGIONAL INDICATOR SYMBOL LETTER E}",
}
"""Names by user id, as another program may have stored them; all others are plain."""

COMMANDS = {
    "user-list": "user list --no-pager",
    "user-show": "user show id:3",
    "user-show-hostile": "user show id:10",
    "group-list": "group list",
    "events-list": "events list --no-pager",
}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, fork_server: Any) -> Any:
    """The command with a database of 501 users, three groups and 60 events, in UTC."""
    from tests.installed_command import InstalledCommand, environment_in

    directory = tmp_path_factory.mktemp("office")
    lback = InstalledCommand(directory, environment_in(directory) | {"TZ": "UTC", "NO_COLOR": "1"}, fork_server)
    assert lback("db", "init", "-q").status == 0
    with sqlite3.connect(lback.database) as connection:
        fill(connection)
    connection.close()
    return lback


def fill(connection: sqlite3.Connection) -> None:
    day = "2026-03-04"
    users = [
        (
            number,
            NAMES.get(number, f"user{number}"),
            f"{NAMES.get(number, f'user{number}')}@example.org",
            number % 5 != 0,
            number % 3 != 0,
            f"{day} {number // 60:02}:{number % 60:02}:00.000000",
        )
        for number in range(1, USERS + 1)
    ]
    connection.executemany(
        "INSERT INTO users (id, username, email, password, is_active, is_email_verified, created_at, updated_at)"
        " VALUES (?1, ?2, ?3, 'x', ?4, ?5, ?6, ?6)",
        users,
    )
    groups = [(1, "basic_user", None), (2, "staff", "People who work here, " * 12), (3, NAMES[11], NAMES[10])]
    connection.executemany(
        "INSERT INTO groups (id, name, description, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?4)",
        [(*group, f"{day} 00:00:00.000000") for group in groups],
    )
    connection.executescript(
        "INSERT INTO user_groups_association SELECT id, 1 FROM users;"
        "INSERT INTO user_groups_association SELECT id, 2 FROM users WHERE id % 4 = 0;"
        "INSERT INTO user_groups_association SELECT id, 3 FROM users WHERE id < 12;"
    )
    failed = "user_authentication_failed"
    events = [
        (
            number,
            f"{day}T10:{number % 60:02}:00.123456Z",
            failed if number % 3 == 0 else "user_registered",
            "incorrect_password" if number % 3 == 0 else None,
            number % 20 + 1,
            NAMES.get(number % 20 + 1, f"user{number % 20 + 1}"),
            json.dumps({"user": {"username": NAMES.get(number % 20 + 1, "plain"), "email": "a@example.org"}}),
        )
        for number in range(1, 61)
    ]
    connection.executemany(
        "INSERT INTO lback_events (seq, id, time, signal, operation, operation_id, outcome, actor, host, pid, version,"
        " invocation_id, subject_id, subject, data, salt, digest, previous_hash, hash) VALUES (?1, 'e' || ?1, ?2, ?3,"
        " 'register_user', 'o', ?4, 'root', 'h', 1, '0.1.0', 'i', ?5, ?6, ?7, 's', 'd', 'p', 'h')",
        events,
    )


def on_terminal(lback: Any, arguments: str, columns: int, **variables: str) -> str:
    """Return what the command shows on a terminal of that width."""
    child = pexpect.spawn(
        lback.program,
        arguments.split(),
        env=lback.environment | variables,
        cwd=str(lback.directory),
        dimensions=(24, columns),
        encoding="utf-8",
        timeout=30,
    )
    shown = str(child.read()).replace("\r\n", "\n")
    child.close()
    assert child.exitstatus == 0, shown
    return shown


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("name", COMMANDS)
def test_terminal_shows_the_kept_transcript(office: Any, name: str, columns: int) -> None:
    kept = GOLDEN / f"{name}-{columns}.txt"
    shown = on_terminal(office, COMMANDS[name], columns)
    if not kept.exists():
        kept.write_text(shown, "utf-8")
        pytest.fail(f"{kept} was missing and is written now. Read it before you keep it.")
    assert shown.splitlines() == kept.read_text("utf-8").splitlines()


@pytest.mark.parametrize("columns", [1, 20, 44, 80, 400])
@pytest.mark.parametrize("command", ["user list --no-pager", "group list", "events list --no-pager"])
def test_no_line_of_a_table_is_wider_than_the_terminal(office: Any, command: str, columns: int) -> None:
    *table, _ = on_terminal(office, f"{command} -q", columns).splitlines()
    assert len(table) == {"user": 100, "group": 3, "events": 50}[command.split(maxsplit=1)[0]]
    assert max(map(cell_len, table)) <= columns
    assert all(character.isprintable() for line in table for character in line)


def test_columns_of_0_is_a_terminal_of_unknown_width(office: Any) -> None:
    shown = on_terminal(office, "user list --no-pager -q", 120, COLUMNS="0")
    assert shown == on_terminal(office, "user list --no-pager -q", 120)
    assert on_terminal(office, "group list", 0) == on_terminal(office, "group list", 80)


def test_columns_begin_at_the_same_place_whatever_is_before_them(office: Any) -> None:
    header, *lines = on_terminal(office, "user list --no-pager -q --fields id,username,password", 120).splitlines()
    start = cell_len(header[: header.index("password")])
    assert {cell_len(line[: line.rindex("set")]) for line in lines} == {start}
