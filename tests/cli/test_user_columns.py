"""A list reads users column by column, and `user show` reads one: both must show the same."""

import csv
import io
import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

USERS = 1003
"""More than a page of the reader."""


@pytest.fixture
def varied(lback: Any) -> Any:
    """Users in every state that a list shows, as lback and other programs have stored them."""
    (lback.directory / "config.toml").write_text(
        "[attributes]\nbadge = { type = 'integer' }\nvip = { type = 'boolean' }\nnick = { type = 'text' }\n"
    )
    assert lback("db", "init", "-q").status == 0
    now = datetime.now(UTC).replace(tzinfo=None)
    with closing(sqlite3.connect(lback.database)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.executescript(
            "INSERT INTO groups (id, name, created_at, updated_at) VALUES"
            " (1, 'staff', '2026-01-01 00:00:00', '2026-01-01 00:00:00'),"
            " (2, 'a;b', '2026-01-01 00:00:00', '2026-01-01 00:00:00'),"
            " (3, '-c, \x1f d', '2026-01-01 00:00:00', '2026-01-01 00:00:00');"
        )
        for number in range(1, USERS + 1):
            created = f"2026-01-01 00:00:{number % 60:02}.{number:06}"
            stored = ("!", "$2b$12$" + 53 * ".", "$argon2id$x", "anything")[number % 4]
            row = (number, f"u{number}", f"u{number}@example.org", stored, number % 3 > 0, number % 2, created)
            connection.execute(
                "INSERT INTO users (id, username, email, password, is_active, is_email_verified, created_at,"
                " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?7, ?7)",
                row,
            )
            for group in (1, 2, 3, 99):  # there is no group 99
                if number % (group + 1) == 0:
                    connection.execute("INSERT INTO user_groups_association VALUES (?, ?)", (number, group))
            others = created if number % 7 else "2025-01-01 00:00:00.000000"  # of one who had the id before
            for name, value in (
                ("external_id", f"E{number}"),
                ("badge", number),
                ("vip", True),
                ("nick", 'q"\\\u2603'),
            ):
                if number % len(name) == 0:
                    connection.execute(
                        "INSERT INTO lback_user_attributes (user_id, name, value, digest, user_created_at)"
                        " VALUES (?, ?, ?, ?, ?)",
                        (number, name, json.dumps(value, ensure_ascii=False), f"{name}{number}", others),
                    )
            locked = now + timedelta(hours=1 if number % 2 else -1)
            if number % 5 == 0:
                connection.execute(
                    "INSERT INTO lback_accounts (key, user_id, user_created_at, last_login, locked_until, failures,"
                    " pending, updated_at) VALUES (?, ?, ?, ?, ?, 0, 0, ?6)",
                    (f"user:{number}", number, others, None if number % 3 else created, str(locked), created),
                )
            if number % 11 == 0:
                connection.execute(
                    "INSERT INTO lback_tokens (user_id, purpose, digest, email, created_at, expires_at)"
                    " VALUES (?, 'reset_password', ?, 'x', ?, ?)",
                    (number, f"d{number}", created, str(locked)),
                )
    return lback


def test_list_and_show_have_the_same_fields_of_every_user(varied: Any) -> None:
    listed = varied("user", "list", "-o", "json").result
    assert [user["id"] for user in listed] == list(range(1, USERS + 1))
    interesting = [1, 2, 4, 7, 10, 11, 12, 15, 22, 24, 30, 33, 35, 44, 55, 60, 77, 100, 210, 1000, 1003]
    for number in interesting:
        assert varied("user", "show", f"id:{number}", "-o", "json").result == listed[number - 1], number
    assert {user["password"] for user in listed} == {"set", "none", "invited"}
    assert {user["locked_until"] is None for user in listed} == {True, False}
    assert {len(user["groups"]) for user in listed} == {0, 1, 2, 3}
    assert listed[11]["groups"] == ["-c, \x1f d", "a;b", "staff"]
    assert {tuple(user["attributes"]) for user in listed} > {(), ("badge",), ("nick", "vip")}


def test_csv_and_value_have_the_values_of_json(varied: Any) -> None:
    listed = {user["id"]: user for user in varied("user", "list", "-o", "json").result}
    rows = list(csv.DictReader(io.StringIO(varied("user", "list", "-o", "csv").out)))
    values = [line.split("\t") for line in varied("user", "list", "-o", "value").out.splitlines()]
    assert len(rows) == len(values) == USERS
    for row, line in zip(rows, values, strict=True):
        user = listed[int(row["id"])]
        flat = {**user, **user["attributes"]}
        assert row["is_active"] == json.dumps(user["is_active"])
        assert [row[name] for name in ("created_at", "last_login")] == [user["created_at"], user["last_login"] or ""]
        assert (row["badge"], row["external_id"]) == (str(flat.get("badge", "")), user["external_id"] or "")
        assert [cell.removeprefix("'") for cell in row.values()] == line
    assert rows[11]["groups"] == r'["-c, \u001f d", "a;b", "staff"]'
    assert rows[11]["nick"] == 'q"\\\u2603'


def test_export_and_list_have_the_same_shapes(varied: Any) -> None:
    listed = list(csv.DictReader(io.StringIO(varied("user", "list", "-o", "csv").out)))
    exported = list(csv.DictReader(io.StringIO(varied("user", "export").out)))
    for one, other in zip(listed, exported, strict=True):
        shared = one.keys() & other.keys()
        assert {name: one[name] for name in shared} == {name: other[name] for name in shared}
    assert len(shared) == 13


def test_times_of_users_and_groups_have_whole_seconds_and_those_of_events_have_fractions(varied: Any) -> None:
    whole = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
    assert varied("group", "create", "guests", "-q").status == 0
    user, group = (
        varied("user", "show", "id:1", "-o", "json").result,
        varied("group", "show", "guests", "-o", "json").result,
    )
    assert all(whole.fullmatch(found[name]) for found in (user, group) for name in ("created_at", "updated_at"))
    (event,) = varied("events", "list", "--limit", "1", "-q", "-o", "json").result
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", event["time"])
