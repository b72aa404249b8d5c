"""Files as other tools write them: Active Directory, ldapsearch, and unusual ones of Django and Kratos; their marks."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from lback_cli.imports.row import ImportRow
from lback_cli.imports.sources.registry import BUILT_IN_SOURCES, find_source, recognised_source

ReadText = Callable[..., list[ImportRow]]

ENTRY = "dn: CN={0},DC=corp,DC=example\nobjectClass: top\nobjectClass: person\nobjectClass: user\n{1}\n\n"
FILETIME_OF_2000 = 125_911_584_000_000_000


def read_with_counts(source: str, text: str, **options: Any) -> tuple[list[ImportRow], Counter[str]]:
    import io

    reader = find_source(source)(**options)
    return list(reader.read(io.BytesIO(text.encode()))), reader.left_out


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("sAMAccountName: ann\nmail: ann@x.org\nuserAccountControl: 512", ("ann", "ann@x.org", True)),
        ("sAMAccountName: ann\nmail: ann@x.org\nuserAccountControl: 514", ("ann", "ann@x.org", False)),
        (
            "sAMAccountName: ann\nuserPrincipalName: ann@corp.example\nuserAccountControl: 66050",
            ("ann", "ann@corp.example", False),
        ),
        ("userPrincipalName: ann@corp.example", ("ann", "ann@corp.example", None)),
        (
            f"sAMAccountName: ann\nmail: ann@x.org\nuserAccountControl: 512\naccountExpires: {FILETIME_OF_2000}",
            ("ann", "ann@x.org", False),
        ),
        (
            "sAMAccountName: ann\nmail: ann@x.org\nuserAccountControl: 512\naccountExpires: 9223372036854775807",
            ("ann", "ann@x.org", True),
        ),
        ("sAMAccountName: ann\nmail: ann@x.org\nuserAccountControl: x\naccountExpires: 0", ("ann", "ann@x.org", None)),
    ],
)
def test_user_of_active_directory_is_read(
    read_text: ReadText, attributes: str, expected: tuple[str, str, bool | None]
) -> None:
    (row,) = read_text("ldif", ENTRY.format("Ann", attributes))
    assert (row.username, row.email, row.is_active, row.error) == (*expected, None)


def test_machines_and_other_entries_are_left_out() -> None:
    text = (
        ENTRY.format("PC7", "objectClass: computer\nsAMAccountName: PC7$")
        + ENTRY.format("Trust", "sAMAccountName: OTHER$")
        + "dn: OU=Staff,DC=corp\nobjectClass: organizationalUnit\n\n"
        + "ref: ldap://other.example/DC=corp\n\n"
        + ENTRY.format("Ann", "mail: ann@x.org")
    )
    rows, left_out = read_with_counts("ldif", text)
    assert [(row.username, row.line) for row in rows] == [("ann", 19)]
    assert left_out == {
        "accounts of machines": 2,
        "entries that are not people": 1,
        "references to other servers": 1,
    }


def test_person_without_name_and_address_is_named_by_dn(read_text: ReadText) -> None:
    text = ENTRY.format("Ann", "description: x") + "dn: uid=bob\nuid: bob\n\n"
    for options in ({}, {"email_domain": "x.org"}):
        first, second = read_text("ldif", text, **options)
        assert first.error is not None
        assert first.error.message == "CN=Ann,DC=corp,DC=example has neither a user name nor an e-mail address."
        assert (second.error is None) == bool(options)


SEARCH = """\
# extended LDIF
#
# LDAPv3

# ann
dn: uid=ann
uid: ann
mail: a@x.org

# search result
search: 2
{}

# numResponses: 2
"""
CONTROL = "control: 1.2.840.113556.1.4.319 false AA=="


@pytest.mark.parametrize("result", ["result: 0 Success", f"result: 0 Success\n{CONTROL}"])
def test_end_of_a_complete_search_is_not_an_entry(read_text: ReadText, result: str) -> None:
    assert [(row.username, row.error) for row in read_text("ldif", SEARCH.format(result))] == [("ann", None)]


def test_end_of_an_incomplete_search_is_an_error(read_text: ReadText) -> None:
    _, end = read_text("ldif", SEARCH.format("result: 4 Size limit exceeded"))
    assert end.error is not None
    assert end.error.message == (
        "The search ended early, so entries are missing: its result is '4 Size limit exceeded'."
    )


def test_models_of_django_have_any_case_and_numbers_for_booleans(read_text: ReadText) -> None:
    user = {"username": "ann", "email": "a@x.org", "password": "md5$a$b", "is_active": 0, "groups": ["1"]}
    entries = [
        {"model": "auth.Group", "pk": 1, "fields": {"name": "staff"}},
        {"model": "AUTH.USER", "pk": 1, "fields": user},
        {"model": "auth.user", "pk": 2, "fields": {**user, "is_active": 1, "groups": [1]}},
        {"model": "auth.user", "pk": 3, "fields": {**user, "is_active": 2}},
    ]
    rows = read_text("django", json.dumps(entries))
    assert [(row.groups, row.is_active, row.error and row.error.message) for row in rows] == [
        (("staff",), False, None),
        (("staff",), True, None),
        (None, None, "is_active must be true or false."),
    ]


def test_verified_address_of_kratos_is_compared_in_canonical_form(read_text: ReadText) -> None:
    identity = {
        "traits": {"email": "Upper.Cased@Example.org"},
        "verifiable_addresses": [
            {"value": "other@example.org", "verified": False, "via": "email"},
            {"value": "upper.cased@example.org", "verified": True, "via": "email"},
        ],
    }
    (row,) = read_text("kratos", json.dumps([identity]))
    assert row.is_email_verified is True


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b'[{"model": "auth.user", "pk": 1, "fields": {}}]', "django"),
        (b' {"id": "x", "realm" : "demo"', "keycloak"),
        (b'[{"id": "x", "schema_id": "default", "traits": {}}]', "kratos"),
        (b"# comment\n\ndn: uid=ann\n", "ldif"),
        (b"version: 1\n", "ldif"),
        (b"# users\nann:$2y$05$abc\n", "htpasswd"),
        (b"ann:{SHA}abc=\n", "htpasswd"),
        (b"root:*:19000:0:99999:7:::\n", "shadow"),
        (b'{"users": [{"localId": "u1"}]}', None),
        (b"username,email\nann,a@x.org\n", None),
        (b"ann:x:1000:1000::/home/ann:/bin/sh\n", None),
        (b"", None),
    ],
)
def test_source_is_recognised_by_its_own_marks(start: bytes, name: str | None) -> None:
    assert recognised_source(start) == name
    assert [source for source in BUILT_IN_SOURCES if find_source(source).recognises(start)] == ([name] if name else [])
