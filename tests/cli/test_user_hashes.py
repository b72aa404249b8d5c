"""`lback user hashes`."""

import csv
import io
import json
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

Cli = Callable[..., Any]

OLD_ARGON2 = f"$argon2id$v=19$m=8192,t=1,p=1${'A' * 22}${'A' * 43}"
MD5 = "{MD5}X03MO1qnZdYdgyfeuILPmQ=="
BROKEN = "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"


@pytest.fixture
def several(cli: Cli, register: Cli, lback: Any) -> Cli:
    """Two registered users, two with an older cost, one with a weak hash, two with no usable hash."""
    stored = {"ada": None, "ben": None, "cleo": OLD_ARGON2, "dan": OLD_ARGON2, "eve": MD5, "fay": "!", "gus": BROKEN}
    for name in stored:
        register(name, "--verified")
    connection = sqlite3.connect(lback.database)
    with connection:
        connection.executemany(
            "UPDATE users SET password = ? WHERE username = ?",
            [(text, name) for name, text in stored.items() if text is not None],
        )
    connection.close()
    return cli


COUNTED = [
    {"scheme": "argon2", "users": 4, "outdated": 2, "weakness": None},
    {"scheme": "unusable", "users": 2, "outdated": 0, "weakness": None},
    {"scheme": "ldap_md5", "users": 1, "outdated": 1, "weakness": "unsalted MD5"},
]
TABLE = """\
scheme    users  outdated  weakness
argon2    4      2
unusable  2      0
ldap_md5  1      1         unsalted MD5
"""
MESSAGE = "3 of 7 users have an outdated hash, which their next login replaces.\n"


def test_users_are_counted_by_scheme_in_every_format(several: Cli) -> None:
    assert several("user", "hashes") == (0, TABLE, MESSAGE)
    document = several("user", "hashes", "-o", "json")
    assert (document.status, json.loads(document.out), document.err) == (0, COUNTED, MESSAGE)
    lines = several("user", "hashes", "-o", "jsonl", "-q")
    assert ([json.loads(line) for line in lines.out.splitlines()], lines.err) == (COUNTED, "")
    rows = list(csv.DictReader(io.StringIO(several("user", "hashes", "-o", "csv").out)))
    assert rows == [{name: "" if value is None else str(value) for name, value in one.items()} for one in COUNTED]


def test_a_raised_cost_makes_hashes_outdated(several: Cli) -> None:
    counted = json.loads(several("user", "hashes", "-o", "json", LBACK_PASSWORD_ITERATIONS="3").out)
    assert counted[0] == {"scheme": "argon2", "users": 4, "outdated": 4, "weakness": None}


def test_without_users_there_are_no_counts(cli: Cli) -> None:
    assert cli("user", "hashes", "-o", "json") == (0, "[]\n", "")
    assert cli("user", "hashes") == (0, "", "No users.\n")


@pytest.mark.parametrize("page", [1, 3, 7, 8])
def test_counts_are_independent_of_the_page_size(several: Cli, monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    monkeypatch.setattr("lback_cli.repositories.user_reader.HASHES_PAGE", page)
    assert json.loads(several("user", "hashes", "-o", "json").out) == COUNTED
