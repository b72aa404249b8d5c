"""`lback user show`, `exists` and `list`."""

import csv
import io
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from lback_cli.cli.user.list import NO_USERS
from tests.installed_command import in_one_line

Cli = Callable[..., Any]

NAMES = ["ada", "ben", "cleo"]


@pytest.fixture
def three(cli: Cli, register: Cli) -> Cli:
    cli("group", "create", "staff", "-q")
    register("ben", "--verified", "--group", "staff")
    register("ada", "--verified", "--inactive")
    register("cleo")
    return cli


def names(outcome: Any) -> list[str]:
    assert outcome.status == 0, outcome
    return [user["username"] for user in json.loads(outcome.out)]


def test_show_finds_a_user_by_name_address_and_id(three: Cli) -> None:
    for identifier in ("cleo", "CLEO", "cleo@example.org", "Cleo@Example.org", "id:3"):
        outcome = three("user", "show", identifier)
        assert outcome == (
            0,
            (
                "id              3\n"
                "username        cleo\n"
                "email           cleo@example.org\n"
                "active          yes\n"
                "email verified  no\n"
                "groups          basic_user\n"
                "created at      TIME\n"
                "updated at      TIME\n"
                "password        set\n"
            ),
            "",
        )


def test_show_of_an_unknown_user_is_exit_5(three: Cli) -> None:
    assert three("user", "show", "nobody") == (
        5,
        "",
        (
            "error: There is no user 'nobody'.\n"
            "       'lback user list --search nobody' finds users by a part of the name or the address.\n"
        ),
    )
    assert three("user", "show", "id:99999999999999999999", "-o", "json") == (
        5,
        "",
        (
            '{"error": {"code": "user_not_found", "message": "There is no user \'id:99999999999999999999\'.", '
            '"hint": "\'lback user list\' shows all users."}}\n'
        ),
    )


def test_exists_answers_with_its_exit_code_and_a_record(three: Cli) -> None:
    assert three("user", "exists", "ada") == (0, "user    ada\nexists  yes\n", "")
    assert three("user", "exists", "nobody") == (5, "user    nobody\nexists  no\n", "")
    assert three("user", "exists", "nobody", "-o", "jsonl") == (5, '{"user": "nobody", "exists": false}\n', "")


def test_list_shows_a_plain_table_in_a_pipe(three: Cli) -> None:
    assert three("user", "list") == (
        0,
        (
            "id  username  email             active  verified  groups\n"
            "1   ben       ben@example.org   yes     yes       basic_user, staff\n"
            "2   ada       ada@example.org   no      yes       basic_user\n"
            "3   cleo      cleo@example.org  yes     no        basic_user\n"
        ),
        "",
    )


def test_list_has_the_same_records_in_json_jsonl_and_csv(three: Cli) -> None:
    document = json.loads(three("user", "list", "-o", "json").out)
    lines = three("user", "list", "-o", "jsonl").out.splitlines()
    rows = list(csv.DictReader(io.StringIO(three("user", "list", "-o", "csv").out)))
    assert [json.loads(line) for line in lines] == document
    assert [list(row) for row in rows] == [[name for name in user if name != "attributes"] for user in document]
    assert rows[0] == {
        "id": "1",
        "username": "ben",
        "email": "ben@example.org",
        "external_id": "",
        "display_name": "",
        "is_active": "true",
        "is_email_verified": "true",
        "groups": "basic_user;staff",
        "created_at": "TIME",
        "updated_at": "TIME",
        "last_login": "",
        "locked_until": "",
        "password": "set",
    }
    assert document[0]["groups"] == ["basic_user", "staff"]


@pytest.mark.parametrize(
    ("form", "out"),
    [
        ("table", ""),
        ("json", "[]\n"),
        ("jsonl", ""),
        ("yaml", "[]\n"),
        (
            "csv",
            (
                "id,username,email,external_id,display_name,is_active,is_email_verified,groups,"
                "created_at,updated_at,last_login,locked_until,password\n"
            ),
        ),
    ],
)
def test_an_empty_list_is_empty_in_every_format(cli: Cli, form: str, out: str) -> None:
    first, none = f"{NO_USERS}\n", "No users match.\n"
    for options, message in (((), first), (("--inactive",), none), (("--after", "1"), none)):
        expected = "" if form in {"json", "jsonl", "yaml"} else message
        assert cli("user", "list", "-o", form, *options) == (0, out, expected)
    assert cli("user", "list", "-o", form, "-q") == (0, out, "")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), ["ben", "ada", "cleo"]),
        (("--sort", "username"), ["ada", "ben", "cleo"]),
        (("--sort", "email", "--desc"), ["cleo", "ben", "ada"]),
        (("--sort", "id", "--desc"), ["cleo", "ada", "ben"]),
        (("--inactive",), ["ada"]),
        (("--active", "--verified"), ["ben"]),
        (("--unverified",), ["cleo"]),
        (("--group", "staff"), ["ben"]),
        (("--group", "STAFF"), ["ben"]),
        (("--search", "E"), ["ben", "ada", "cleo"]),
        (("--search", "LE"), ["ben", "ada", "cleo"]),
        (("--search", "cl"), ["cleo"]),
        (("--search", "%"), []),
        (("--search", "a_a"), []),
        (("--search", "[red]"), []),
        (("--search", "\x1b[31m"), []),
        (("--after", "1"), ["ada", "cleo"]),
        (("--after", "99999999999999999999999999"), []),
        (("--sort", "username", "--after", "ada"), ["ben", "cleo"]),
        (("--sort", "username", "--desc", "--after", "cleo"), ["ben", "ada"]),
        (("--limit", "0"), ["ben", "ada", "cleo"]),
        (("--limit", "99999999999999999999999999"), ["ben", "ada", "cleo"]),
    ],
)
def test_list_filters_sorts_and_pages(three: Cli, options: tuple[str, ...], expected: list[str]) -> None:
    assert names(three("user", "list", "-o", "json", *options)) == expected


def test_a_page_names_the_option_for_the_next_page(three: Cli) -> None:
    first = three("user", "list", "--sort", "username", "--limit", "2", "-o", "json")
    assert first.err == "2 of 3 users. --after ben shows the next page, --limit 0 all.\n"
    assert names(first) == NAMES[:2]
    second = three("user", "list", "--sort", "username", "--limit", "2", "--after", "ben", "-o", "json")
    assert (names(second), second.err) == (NAMES[2:], "")


def test_the_last_page_names_no_next_page(three: Cli) -> None:
    assert three("user", "list", "--limit", "3").err == ""


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (("--after", "ada"), 2, "--after: 'ada' is not an id. With --sort id it is the last id shown."),
        (("--after", "-1"), 2, "--after: '-1' is not an id. With --sort id it is the last id shown."),
        (("--group", "staf"), 5, "There is no group 'staf'. Did you mean staff? 'lback group list' shows all groups."),
        (("--search", "\udcff"), 7, "'\\udcff' is not text that users can have. Send UTF-8."),
        (("--sort", "email", "--after", "\udcff"), 7, "'\\udcff' is not text that users can have. Send UTF-8."),
        (("--group", "\udcff"), 5, "There is no group '\\udcff'. 'lback group list' shows all groups."),
    ],
)
def test_list_refuses_invalid_arguments(three: Cli, options: tuple[str, ...], status: int, message: str) -> None:
    outcome = three("user", "list", "-o", "json", *options)
    assert (outcome.status, outcome.out, in_one_line(json.loads(outcome.err)["error"])) == (status, "", message)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("locked", ["ben"]),
        ("last-login-before=2100-01-01", ["ada"]),
        ("never-logged-in", ["ben", "cleo"]),
        ("group=staff", ["ben"]),
        ("external_id=E-1", ["cleo"]),
        ("inactive", ["ada"]),
    ],
)
def test_every_condition_goes_with_every_field(three: Cli, lback: Any, condition: str, expected: list[str]) -> None:
    three("user", "update", "cleo", "--set", "external_id=E-1", "-q")
    with closing(sqlite3.connect(lback.database)) as database, database:
        database.execute(
            "INSERT INTO lback_accounts (key, user_id, user_created_at, last_login, failures, pending, locked_until,"
            " updated_at) SELECT 'user:' || id, id, created_at, CASE username WHEN 'ada' THEN created_at END, 0, 0,"
            " CASE username WHEN 'ben' THEN '2099-01-01 00:00:00.000000' END, created_at FROM users"
        )
    for form in ("json", "csv", "table"):
        assert three("user", "list", "--where", condition, "-o", form).status == 0, form
    assert names(three("user", "list", "--where", condition, "-o", "json")) == expected
    exported = three("user", "export", "--where", condition, "--format", "jsonl")
    assert [json.loads(line)["username"] for line in exported.out.splitlines()] == expected
