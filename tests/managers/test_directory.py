import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from lback_cli.errors import GroupNotFound, UserNotFound, ValidationError
from lback_cli.repositories.user_query import UserQuery
from lback_cli.settings.schema import UserSettings

Office = Any


def add_rows(office: Office, *rows: tuple[str, str]) -> None:
    """Insert users without normalization, as an application may."""
    with closing(sqlite3.connect(office.database.path)) as connection, connection:
        connection.executemany(
            "INSERT INTO users (username, email, password, created_at, updated_at) VALUES (?, ?, 'x', ?, ?)",
            [(*row, "2026-01-01 00:00:00.000000", "2026-01-01 00:00:00.000000") for row in rows],
        )


@pytest.fixture
def mike(office: Office) -> Office:
    """An office with one user, whose id is 1."""
    add_rows(office, ("mike", "mike@example.org"))
    return office


@pytest.mark.parametrize(
    "identifier",
    [
        "mike",
        "MIKE",
        "mi\N{KELVIN SIGN}e",
        "\N{FULLWIDTH LATIN SMALL LETTER M}ike",
        "mike@example.org",
        "Mike@EXAMPLE.org",
        "id:1",
        "id:0000001",
    ],
)
def test_a_user_is_found_by_name_address_or_id_in_any_spelling(mike: Office, identifier: str) -> None:
    assert mike.directory.find_user(identifier).username == "mike"
    assert mike.directory.exists(identifier)
    assert mike.directory.resolve_id(identifier) == 1
    assert mike.directory.resolve_email(identifier).lower() == "mike@example.org"


NOT_AN_IDENTIFIER = [
    *("", " ", "mik", "mike ", "mike%", "m_ke", "@", "mike@", "@example.org", "mike@example.or", "mike\0", "mike\n"),
    *("\udc80", "m\N{LATIN SMALL LETTER DOTLESS I}ke", "x" * 100_000, "mike\N{RIGHT-TO-LEFT OVERRIDE}", "x'; --"),
    *("id:", "id:x", "id:-1", "id: 1", "id:\N{SUPERSCRIPT ONE}", "id:\N{ARABIC-INDIC DIGIT ONE}", "ID:1"),
]


@pytest.mark.parametrize(
    "identifier", [*NOT_AN_IDENTIFIER, "id:0", "id:2", "id:9223372036854775808", "id:" + "9" * 5000]
)
def test_invalid_or_unknown_identifier_finds_no_user(mike: Office, identifier: str) -> None:
    with pytest.raises(UserNotFound) as caught:
        mike.directory.find_user(identifier)
    part = {"mik": "mik", "m_ke": "m_ke", "mike@": "mike", "mike@example.or": "mike"}.get(identifier)
    assert caught.value.hint == (
        "'lback user list' shows all users."
        if part is None
        else f"'lback user list --search {part}' finds users by a part of the name or the address."
    )
    assert len(caught.value.message) < 700
    assert caught.value.message.isprintable()
    assert not mike.directory.exists(identifier)


@pytest.mark.parametrize("identifier", NOT_AN_IDENTIFIER)
def test_unknown_name_has_no_id(mike: Office, identifier: str) -> None:
    with pytest.raises(UserNotFound):
        mike.directory.resolve_id(identifier)


def test_ids_and_addresses_are_resolved_without_a_lookup_where_possible(mike: Office) -> None:
    assert mike.directory.resolve_id("id:7") == 7
    assert mike.directory.resolve_email("id:7") == "id:7"
    assert mike.directory.resolve_email("nobody@example.org") == "nobody@example.org"
    assert mike.directory.resolve_email("id:1") == "mike@example.org"
    with pytest.raises(UserNotFound):
        mike.directory.resolve_email("nobody")


def test_rows_of_other_programs_are_found_as_stored(office: Office) -> None:
    add_rows(office, ("Mike", "Mike@Example.org"), ("mike", "mike@example.org"), ("Some Body", "odd address@x"))
    found = [
        office.directory.find_user(identifier).id
        for identifier in ("Mike", "mike", "MIKE", "Mike@Example.org", "mike@example.org", "Some Body", "odd address@x")
    ]
    assert found == [1, 2, 2, 1, 2, 3, 3]


def test_find_by_username_ignores_addresses(mike: Office) -> None:
    assert mike.directory.find_by_username("MIKE").id == 1
    assert mike.directory.find_by_username("mike@example.org") is None
    assert mike.directory.find_by_username("id:1") is None
    assert mike.directory.find_by_username("nobody") is None


def test_unicode_names_are_found_in_every_form(open_office: Callable[..., Office]) -> None:
    office = open_office(users=UserSettings(unicode_names=True))
    office.register("Zoé", "zoe@example.org", verified=True)
    for spelling in ("zoé", "ZOÉ", "zoe\N{COMBINING ACUTE ACCENT}", "\N{FULLWIDTH LATIN CAPITAL LETTER Z}oé"):
        assert office.directory.find_user(spelling).username == "zoé"


def listed(office: Office, query: UserQuery) -> tuple[list[str], str | int | None]:
    with office.directory.list_users(query, ["username"]) as listing:
        return [name for (names,) in listing for name in names], listing.next_after


@pytest.fixture
def five(office: Office) -> Office:
    """An office with users a to e, whose ids are 1 to 5, and whose addresses are in the opposite order."""
    add_rows(office, *((name, f"{9 - number}@example.org") for number, name in enumerate("abcde")))
    return office


@pytest.mark.parametrize(
    ("query", "names", "next_after"),
    [
        (UserQuery(), "abcde", None),
        (UserQuery(limit=5), "abcde", None),
        (UserQuery(limit=6), "abcde", None),
        (UserQuery(limit=4), "abcd", 4),
        (UserQuery(limit=2, after=2), "cd", 4),
        (UserQuery(limit=2, after=4), "e", None),
        (UserQuery(limit=2, after=5), "", None),
        (UserQuery(limit=2, descending=True), "ed", 4),
        (UserQuery(limit=2, sort="username", after="b"), "cd", "d"),
        (UserQuery(limit=2, sort="email"), "ed", "6@example.org"),
        (UserQuery(limit=2, sort="email", after="6@example.org"), "cb", "8@example.org"),
        (UserQuery(limit=3, searches=["C"]), "c", None),
        (UserQuery(limit=1, searches=["EXAMPLE"]), "a", 1),
    ],
)
def test_page_has_the_start_of_the_next_one(
    five: Office, query: UserQuery, names: str, next_after: str | int | None
) -> None:
    assert listed(five, query) == (list(names), next_after)


def test_unknown_group_is_an_error_and_an_empty_group_is_not(five: Office) -> None:
    five.groups.create_group("staff")
    assert listed(five, UserQuery(groups=["staff"])) == ([], None)
    assert listed(five, UserQuery(groups=["STAFF"])) == ([], None)
    with pytest.raises(GroupNotFound) as caught:
        listed(five, UserQuery(groups=["stuff"]))
    assert caught.value.message == "There is no group 'stuff'."


@pytest.mark.parametrize("part", ["search", "prefix", "after"])
@pytest.mark.parametrize("value", ["\udc80", "a\0b"])
def test_text_that_no_database_can_hold_is_refused(five: Office, part: str, value: str) -> None:
    given: Any = {"searches": [value]} if part == "search" else {part: value}
    query = UserQuery(sort="username", **given)
    with pytest.raises(ValidationError) as caught:
        listed(five, query)
    assert caught.value.field == part


def test_reading_takes_no_lock_and_writes_nothing(five: Office) -> None:
    before = five.database.path.read_bytes()
    with closing(sqlite3.connect(five.database.path, timeout=0, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert five.directory.exists("a")
        assert len(listed(five, UserQuery())[0]) == 5
        writer.execute("ROLLBACK")
    assert five.database.path.read_bytes() == before
