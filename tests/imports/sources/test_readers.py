"""The rows that each reader returns for valid and invalid files, with their line numbers."""

import io
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lback_cli.errors import ValidationError
from lback_cli.imports.row import ImportRow
from lback_cli.imports.sources.registry import BUILT_IN_SOURCES, find_source
from lback_cli.security.kratos_hashes import native_form

ReadText = Callable[..., list[ImportRow]]
DES = "UMaTFk9ONYhVw"


def plainly(rows: list[ImportRow]) -> list[tuple[Any, ...]]:
    """Return (line, user name, address, error) of each row."""
    return [(row.line, row.username, row.email, row.error.message if row.error else None) for row in rows]


def django_user(name: str, **more: Any) -> dict[str, Any]:
    fields = {"username": name, "email": f"{name}@x.org", "password": "md5$a$" + "0" * 32, "last_login": None}
    return {"model": "auth.user", "pk": 1, "fields": fields | more}


# Users without addresses


def test_user_name_becomes_an_address_at_the_given_domain(read_text: ReadText) -> None:
    rows = read_text("htpasswd", f"alice:{DES}\nbob@y.org:{DES}\n", email_domain="Mail.Example.org")
    assert plainly(rows) == [(1, "alice", "alice@mail.example.org", None), (2, "bob", "bob@y.org", None)]


def test_user_name_that_is_not_an_address_is_refused_without_a_domain_and_keeps_its_hash(
    read_text: ReadText,
) -> None:
    rows = read_text("htpasswd", f"alice:{DES}\nbob@y.org:{DES}\n")
    assert plainly(rows) == [(1, "alice", "", "alice has no e-mail address."), (2, "bob", "bob@y.org", None)]
    assert rows[0].error is not None
    assert rows[0].error.hint == "Use --email-domain to make addresses from user names."
    assert rows[0].password_hash == f"{{CRYPT}}{DES}"
    assert rows[0].original == {"username": "alice", "password_hash": f"{{CRYPT}}{DES}"}


# htpasswd


def test_invalid_htpasswd_lines_fail_only_their_rows(read_text: ReadText) -> None:
    text = b"\xef\xbb\xbf# comment\n\nno colon\n:nameless\nempty:\n\xff:x\n" + b"x" * 70000 + b"\nlast:$2y$x:note\r\n"
    rows = read_text("htpasswd", text, email_domain="x.org")
    problem = "The line is not a name, a colon and a password hash."
    assert plainly(rows) == [
        (3, "", "", problem),
        (4, "", "", problem),
        (5, "", "", problem),
        (6, "", "", "Byte 1 of the line is not UTF-8."),
        (7, "", "", "The line has more than 65536 bytes."),
        (8, "last", "last@x.org", None),
    ]
    assert rows[-1].password_hash == "$2y$x"


# shadow


def test_shadow_skips_system_accounts_of_passwd(read_text: ReadText) -> None:
    passwd = b"root:x:0:0::/:\nann:x:1000:1000::/:\nnobody:x:65534:1::/:\nbroken\nbig:x:99999999999:1::/:\n"
    lines = [f"{name}:$6$a$b:1:0:99999:7:::" for name in ("root", "ann", "nobody", "big", "gone")]
    rows = read_text("shadow", "\n".join(lines), companion=passwd, email_domain="x.org")
    assert plainly(rows) == [
        (2, "ann", "ann@x.org", None),
        (4, "big", "big@x.org", None),
        (5, "gone", "gone@x.org", "'gone' is not in the passwd file."),
    ]
    assert len(read_text("shadow", "\n".join(lines), email_domain="x.org")) == 5


@pytest.mark.parametrize(
    ("password", "expires", "stored", "active"),
    [
        ("$6$a$b", "", "$6$a$b", None),
        ("$6$a$b", "1", "$6$a$b", False),
        ("$6$a$b", "9999999", "$6$a$b", None),
        ("!$6$a$b", "", "$6$a$b", False),
        ("!!$6$a$b", "", "$6$a$b", False),
        ("!", "", "!", False),
        ("!!", "", "!", False),
        ("*", "", "!", False),
        ("!*", "", "!", False),
        ("*LK*", "", "!", False),
        ("", "", None, None),
        (DES, "", f"{{CRYPT}}{DES}", None),
    ],
)
def test_shadow_locks_deactivate_the_user(
    read_text: ReadText, password: str, expires: str, stored: str | None, active: bool | None
) -> None:
    (row,) = read_text("shadow", f"ann:{password}:1:0:99999:7::{expires}:\n", email_domain="x.org")
    assert (row.error, row.password_hash, row.is_active) == (None, stored, active)


def test_invalid_shadow_lines_fail_only_their_rows(read_text: ReadText) -> None:
    rows = read_text("shadow", "ann:$6$a$b\nword\nben:*:1:0:99999:7:::\n", email_domain="x.org")
    assert plainly(rows) == [
        (1, "", "", "The line has 2 fields; one of a shadow file has 9."),
        (2, "", "", "The line has 1 fields; one of a shadow file has 9."),
        (3, "ben", "ben@x.org", None),
    ]


# JSON: Django, Keycloak, Kratos


def test_django_groups_are_found_by_key_and_by_name(read_text: ReadText) -> None:
    group = {"model": "auth.group", "pk": 7, "fields": {"name": "staff"}}
    users = [
        django_user("a", groups=[7]),
        django_user("b", groups=[["editors"], 7]),
        django_user("c", groups=[8]),
        django_user("d", groups=[{"x": 1}]),
        django_user("e", groups=5),
        django_user("f", groups=[]),
    ]
    rows = read_text("django", "\n".join(map(json.dumps, [group, *users])))
    found = [(row.line, row.groups, row.error.message if row.error else None) for row in rows]
    assert found == [
        (2, ("staff",), None),
        (3, ("editors", "staff"), None),
        (4, ("auth.group #8",), "The group '8' is not in the file, or comes after its members."),
        (5, ("auth.group #{'x': 1}",), "The group \"{'x': 1}\" is not in the file, or comes after its members."),
        (6, None, "groups must be names separated by semicolons, or a JSON list of names."),
        (7, None, None),
    ]
    assert rows[1].original["groups"] == ["editors", "staff"]


def test_django_skips_other_models_and_reads_a_custom_user_model(read_text: ReadText) -> None:
    own = {"model": "accounts.member", "fields": {"email": "zed@x.org", "password": "!abc", "last_login": None}}
    other = {"model": "shop.order", "pk": 1, "fields": {"password": "x"}}
    rows = read_text("django", json.dumps([other, own, 5, {"model": "auth.user"}], indent=1))
    assert plainly(rows) == [
        (9, "zed", "zed@x.org", None),
        (17, "", "", "Record 3 is not one of Django's: it has no fields."),
        (18, "", "", "Record 4 is not one of Django's: it has no fields."),
    ]


def test_django_user_without_a_field_is_read(read_text: ReadText) -> None:
    entries = [
        {"model": "auth.user", "fields": {"username": "a", "email": "a@x.org"}},
        {"model": "auth.user", "fields": {}},
        {"model": "accounts.member", "fields": {"username": "b", "email": "b@x.org", "password": "h"}},
        {"model": "accounts.member", "fields": {"email": "c@x.org", "password": "h"}},
        {"model": "accounts.member", "fields": {"phone": "1", "password": "h", "last_login": None}},
        {"model": "accounts.profile", "fields": {"username": "e", "email": "e@x.org"}},
        {"model": "shop.coupon", "fields": {"password": "h"}},
    ]
    rows = read_text("django", json.dumps(entries))
    assert [(row.username, row.email, row.password_hash, row.error and row.error.message) for row in rows] == [
        ("a", "a@x.org", None, None),
        ("", "", None, "The account has neither a user name nor an e-mail address."),
        ("b", "b@x.org", "h", None),
        ("c", "c@x.org", "h", None),
        ("", "", "h", "The account has neither a user name nor an e-mail address."),
    ]


def test_django_field_of_the_wrong_type_fails_its_row(read_text: ReadText) -> None:
    users = [django_user("a", username=7), django_user("b", is_active="maybe"), django_user("c", email=["x"])]
    rows = read_text("django", "\n".join(map(json.dumps, users)))
    assert [row.error and row.error.message for row in rows] == [
        "username must be text.",
        "is_active must be true or false, and not 'maybe'.",
        "email must be text.",
    ]


BAD_RECORDS = {
    '{"fields": 1, "fields": 2}': "Record 1 has a key twice.",
    '{"fields": NaN}': "Record 1 has NaN, which is not a JSON value.",
    '{"fields": ' + "9" * 5000 + "}": "Record 1 has a number of 5000 digits.",
    '{"fields": 1e999}': "Record 1 has the number 1e999, which is too large.",
    '{"fields": ' + "[" * 200 + "]" * 200 + "}": "Record 1 is nested too deeply.",
    '{"fields": "\udcff"}': "Record 1 is not UTF-8.",
}


@pytest.mark.parametrize("record", BAD_RECORDS)
def test_ambiguous_json_record_fails_only_its_row(read_text: ReadText, record: str) -> None:
    good = json.dumps(django_user("zed"))
    expected = [(2, "", "", BAD_RECORDS[record]), (3, "zed", "zed@x.org", None)]
    assert plainly(read_text("django", f"[\n{record},\n{good}]")) == expected
    assert plainly(read_text("django", f"\n{record}\n{good}")) == expected


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        ("", " at record 1: the end of the file instead of ',' or ']'"),
        (",", " at record 2: expecting value"),
        (", {", " at record 2: expecting property name enclosed in double quotes"),
        (', {"a": "b', " at record 2: unterminated string starting at"),
        (" 5]", " at record 1: '5' instead of ',' or ']'"),
        ("] 5", ": there is more after its end"),
        (", " + "[" * 100_000, " at record 2: it is nested too deeply"),
        (', "' + "x" * 3_000_000, " at record 2: a part of it has more than 1048576 characters, or no end"),
    ],
)
def test_truncated_json_list_has_earlier_rows_and_an_error(read_text: ReadText, tail: str, reason: str) -> None:
    rows = read_text("django", f"[\n{json.dumps(django_user('zed'))}\n{tail}")
    assert plainly(rows) == [
        (2, "zed", "zed@x.org", None),
        (3, "", "", f"The file is not JSON{reason}."),
    ]


@pytest.mark.parametrize("text", ["x" * 3_000_000, '"\\[{' * 700_000, "\\" * 3_000_001, "x" * 1_048_600])
@pytest.mark.parametrize("between", [",\n", "\n"])
def test_json_record_that_is_too_long_fails_only_its_row(read_text: ReadText, text: str, between: str) -> None:
    users = [django_user("ann"), django_user("big", notes=[{"note": text}, {}]), django_user("zed")]
    document = between.join(map(json.dumps, users))
    rows = read_text("django", f"[{document}]" if "," in between else document)
    error = "Record 2 has more than 1048576 characters."
    expected = [(1, "ann", "ann@x.org", None), (2, "", "", error), (3, "zed", "zed@x.org", None)]
    assert plainly(rows) == expected
    assert (rows[1].raw or "").startswith('{"model": "auth.user"')


def test_long_json_record_without_an_end_does_not_hide_the_lines_after_it(read_text: ReadText) -> None:
    good = json.dumps(django_user("zed"))
    rows = read_text("django", f'{{"fields": ["{"x" * 2_000_000}", "\n{good}\n')
    assert [(row.line, row.username, row.error is None) for row in rows] == [(1, "", False), (2, "zed", True)]


def test_early_error_in_a_long_json_list_stops_the_reading() -> None:
    users = [django_user(f"u{number}", note="x" * 1000) for number in range(3000)]
    text = json.dumps(users).replace(', {"model"', ', {"model" "auth.user", "x"', 1)
    file = io.BytesIO(text.encode())
    first, last = find_source("django")().read(file)
    assert first.error is None
    assert last.error is not None
    assert last.error.message == "The file is not JSON at record 2: expecting ':' delimiter."
    assert file.tell() < 100_000


def test_reading_continues_after_a_line_that_is_not_json(read_text: ReadText) -> None:
    good = json.dumps(django_user("zed"))
    rows = read_text("django", f'{good}\n{{"fields": {{"a": tru}}}}\n  "more":\n{good}\n{{"x"\n')
    assert [(row.line, row.username, row.error is None) for row in rows] == [
        (1, "zed", True),
        (2, "", False),
        (4, "zed", True),
        (5, "", False),
    ]


def test_an_empty_document_has_no_rows(read_text: ReadText) -> None:
    assert [read_text("django", text) for text in ("", "[]", " [ ] ")] == [[], [], []]
    assert read_text("kratos", "") == []
    assert read_text("keycloak", '{"realm": "demo"}') == []


def test_keycloak_reads_users_at_any_position_in_the_realm(read_text: ReadText) -> None:
    user = {"username": "ann", "email": "a@x.org", "groups": ["/a/b"], "enabled": False, "emailVerified": True}
    (row,) = read_text("keycloak", json.dumps({"realm": "demo", "clients": [{"users": [1]}], "users": [user], "n": 12}))
    assert (row.username, row.groups, row.is_active, row.is_email_verified) == ("ann", ("a.b",), False, True)


def test_keycloak_groups_never_lose_their_parents(read_text: ReadText) -> None:
    user = {"username": "ann", "email": "a@x.org", "groups": ["/projects/x/admin", "/admin"]}
    (row,) = read_text("keycloak", json.dumps({"realm": "demo", "users": [user]}))
    assert row.groups == ("projects.x.admin", "admin")


@pytest.mark.parametrize(
    ("credential", "reason"),
    [
        ({"secretData": "{", "credentialData": "{}"}, "it is damaged"),
        ({"secretData": "{}"}, "it is damaged"),
        ({"secretData": "[]", "credentialData": "[]"}, "it is damaged"),
        (
            {"secretData": '{"value": "AA==", "salt": "AA=="}', "credentialData": "{}"},
            "it has a key of 1 bytes, of which lback needs 16",
        ),
        ({"secretData": '{"value": "AA=="}', "credentialData": '{"hashIterations": "many"}'}, "it is damaged"),
        ({"secretData": '{"value": "*", "salt": "AA=="}', "credentialData": "{}"}, "it is damaged"),
        ({"secretData": '{"value": "A"}', "credentialData": '{"algorithm": "argon2"}'}, "it is damaged"),
        ({"secretData": '{"value": "A"}', "credentialData": '{"algorithm": ["x"]}'}, "it is damaged"),
        (
            {"secretData": '{"value": "A"}', "credentialData": '{"algorithm": "md5"}'},
            "it is hashed by md5, which lback does not support",
        ),
        ({"secretData": "[" * 100_000, "credentialData": "{}"}, "it is damaged"),
        ({"secretData": '{"value": "AA=="}', "credentialData": '{"hashIterations": 1e999}'}, "it is damaged"),
        ({"secretData": '{"value": "AA=="}', "credentialData": '{"hashIterations": NaN}'}, "it is damaged"),
        ({"secretData": '{"value": "$2a$x", "value": "$2a$y"}', "credentialData": "{}"}, "it is damaged"),
    ],
)
def test_unreadable_keycloak_credential_fails_its_row(
    read_text: ReadText, credential: dict[str, str], reason: str
) -> None:
    user = {"username": "ann", "email": "a@x.org", "credentials": [{"type": "password", **credential}]}
    realm = {"realm": "demo", "users": [user, {"username": "b", "email": "b@x.org"}]}
    row, following = read_text("keycloak", json.dumps(realm))
    assert row.error is not None
    assert row.error.message == f"The password of ann cannot be imported: {reason}."
    assert row.error.hint == "Leave the credential out to invite the user to set a password."
    assert following.error is None


def test_keycloak_accepts_plain_passwords_and_bcrypt_hashes(
    read_text: ReadText,
) -> None:
    plain = {"username": "a", "email": "a@x.org", "credentials": [{"type": "password", "value": "secret words"}]}
    secret = {"type": "password", "secretData": '{"value": "$2a$x"}', "credentialData": '{"algorithm": "bcrypt"}'}
    realm = {"realm": "demo", "users": [plain, {**plain, "credentials": [{"type": "otp"}, secret]}]}
    rows = read_text("keycloak", json.dumps(realm))
    assert [(row.password, row.password_hash) for row in rows] == [("secret words", None), (None, "$2a$x")]


@pytest.mark.parametrize("text", ["", "[]", "<xml/>", "user:hash"])
def test_file_without_a_realm_is_refused(read_text: ReadText, text: str) -> None:
    with pytest.raises(ValidationError, match="not a realm that Keycloak exported"):
        read_text("keycloak", text)


def test_kratos_reads_lists_lines_and_pages_alike(read_text: ReadText) -> None:
    identities = [
        {
            "traits": {"email": "a@x.org"},
            "verifiable_addresses": [{"value": "a@x.org", "verified": True, "via": "email"}],
        },
        {
            "traits": {"username": "ben"},
            "verifiable_addresses": [{"value": "b@x.org", "verified": False, "via": "email"}],
        },
        {"traits": {"phone": "1"}, "verifiable_addresses": [{"value": "1", "verified": True, "via": "sms"}]},
        {
            "traits": {"username": "cy"},
            "credentials": {"password": {"identifiers": ["cy"], "config": {"password": "pw"}}},
        },
        {"id": "no traits"},
    ]
    expected = [
        ("a", "a@x.org", True, None),
        ("ben", "b@x.org", False, None),
        ("", "", None, "The account has neither a user name nor an e-mail address."),
        ("cy", "cy@y.org", None, None),
        ("", "", None, "Record 5 is not an identity: it has no traits."),
    ]
    for text in (
        json.dumps(identities),
        "\n".join(map(json.dumps, identities)),
        json.dumps({"identities": identities, "next_page_token": ""}),
        json.dumps({"next_page_token": "", "identities": identities}),
        json.dumps({"total": 5, "identities": identities}),
    ):
        rows = read_text("kratos", text, email_domain="y.org")
        assert [
            (row.username, row.email, row.is_email_verified, row.error and row.error.message) for row in rows
        ] == expected
        assert rows[3].password == "pw"


def test_long_and_repeated_pages_of_kratos_are_read(read_text: ReadText) -> None:
    identities = [{"traits": {"email": f"u{number}@x.org"}, "pad": "x" * 1000} for number in range(2500)]
    empty = json.dumps({"identities": None, "next_page_token": ""})
    text = json.dumps({"identities": identities, "next_page_token": ""}, indent=1)
    rows = read_text("kratos", f'{text}\n{empty}\n{{"identities": [{json.dumps(identities[0])}, tru]}}\n{text}')
    assert len(rows) == 5002
    (broken,) = [row for row in rows if row.error is not None]
    assert broken.error is not None
    assert broken.error.message == "The file is not JSON at record 2: expecting value."
    assert rows.index(broken) == 2501
    assert [(row.line, row.username) for row in (rows[0], rows[1], rows[-1])] == [
        (3, "u0"),
        (9, "u1"),
        (text.count("\n") + 4 + 2 + 6 * 2499, "u2499"),
    ]


def test_kratos_page_without_a_list_is_a_failed_row(read_text: ReadText) -> None:
    (row,) = read_text("kratos", '{"identities": 5}')
    assert row.error is not None
    assert row.error.message.endswith("is not an identity: it has no traits.")


@pytest.mark.parametrize(
    "stored",
    [
        "$2a$10$x",
        "$scrypt$ln=14,r=8,p=1$AAAA$AAAA",
        "$scrypt$ln=1000,r=8,p=1$AAAA$" + "A" * 43,
        "$pbkdf2-sha256$i=1000,l=128$AAAA$AAAA",
        "$pbkdf2-sha224$i=1000,l=128$AAAA$" + "A" * 43,
        "$sha1$pf=e1NBTFR9e1BBU1NXT1JEfQ==$AAAA$AAAA",
        "$sha1$pf=*$AAAA$AAAA",
        "$firescrypt$x",
        "",
    ],
)
def test_kratos_hash_without_another_form_is_unchanged(stored: str) -> None:
    assert native_form(stored) == stored


# LDIF


LDIF = """\
version: 1

# a comment that
 goes on
dn: ou=people,dc=x
objectClass: organizationalUnit

dn: uid=ann,ou=people,dc=x
objectClass: inetOrgPerson
UID: ann
mail;lang-en: a@x
 .org
mail: second@x.org
jpegPhoto:: !!!!
userPassword: {SSHA}
 abc

dn:: dWlkPWJlbg==
changetype: add
uid:: YmVu
mail: b@x.org
userPassword:: e0NSWVBUfSEkNiRhJGI=
pwdAccountLockedTime: 000001010000Z


dn: cn=cy,dc=x
objectclass: INETORGPERSON
mail: c@x.org
userPassword: {cleartext}over the wall
"""


def test_ldif_is_unfolded_decoded_and_numbered_by_its_dn(read_text: ReadText) -> None:
    for text in (LDIF, LDIF.replace("\n", "\r\n"), "\ufeff" + LDIF, LDIF.rstrip("\n")):
        rows = read_text("ldif", text)
        assert plainly(rows) == [
            (8, "ann", "a@x.org", None),
            (18, "ben", "b@x.org", None),
            (26, "c", "c@x.org", None),
        ]
        assert [(row.password_hash, row.password, row.is_active) for row in rows] == [
            ("{SSHA}abc", None, None),
            ("{CRYPT}$6$a$b", None, False),
            (None, "over the wall", None),
        ]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("dn: uid=a\nuid: a\nnonsense", "Line 3 is not an attribute: it has no colon."),
        ("dn: uid=a\nuid:: *", "Line 2 has a value that cannot be used: it is not base64."),
        ("dn: uid=a\nuid:: /w==", "Line 2 has a value that cannot be used: it is not UTF-8."),
        (
            "dn: uid=a\nuid:< file:///etc/passwd",
            "Line 2 has a value that cannot be used: it is in another file, which is not read.",
        ),
        ("dn: uid=a\nmail: " + "x" * 70000, "Line 2 has a value that cannot be used: it has more than 65536 bytes."),
        ("uid: a", "The entry has no dn."),
        ("dn: uid=a\nchangetype: modify\nreplace: mail\nmail: b", "The record is a change ('modify'), not an entry."),
        ("dn: uid=a\nuid: a", "a has no e-mail address."),
    ],
)
def test_unreadable_ldif_entry_fails_only_its_row(read_text: ReadText, lines: str, message: str) -> None:
    bad, good = read_text("ldif", f"{lines}\n\ndn: uid=z\nuid: z\nmail: z@x.org\njpegPhoto: {'x' * 200000}\n")
    assert (bad.line, bad.error and bad.error.message) == (1, message)
    assert (good.username, good.error) == ("z", None)


# lback


def test_lbacks_own_export_is_read_in_both_forms(read_text: ReadText) -> None:
    header = "id,username,email,is_active,is_email_verified,groups,created_at,updated_at,password_hash"
    csv = f'{header}\n1,ann,a@x.org,no,yes,"b, c",x,y,!\n'
    line = {
        "id": 1,
        "username": "ann",
        "email": "a@x.org",
        "is_active": False,
        "groups": ["b", "c"],
        "password_hash": "!",
    }
    for text in (csv, "\ufeff" + csv, json.dumps(line), "\ufeff\n" + json.dumps(line)):
        (row,) = read_text("lback", text)
        assert (row.username, row.is_active, row.groups, row.password_hash) == ("ann", False, ("b", "c"), "!")


# All sources


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1, max_size=40), st.integers(0, 3)), max_size=30), st.integers(1, 300))
def test_json_records_are_read_in_pieces_of_any_size(records: list[tuple[str, int]], piece: int) -> None:
    from lback_cli.imports.formats.json_stream import json_records

    class Cut(io.BytesIO):
        """A file that returns a few bytes at a time."""

        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(piece, size or piece))

    document, line, expected = "[", 1, []
    for number, (text, blank) in enumerate(records):
        document += ("," if number else "") + "\n" * blank
        line += blank
        expected.append((line, {"t": text, "n": number}))
        document += json.dumps({"t": text, "n": number}, ensure_ascii=number % 2 == 0)
    raw = (document + "]").encode("utf-8", "surrogatepass")
    if any("\ud800" <= character <= "\udfff" for text, _ in records for character in text):
        return
    assert [(record.line, record.data) for record in json_records(Cut(raw)) if record.error is None] == expected


def test_json_can_be_split_at_any_byte() -> None:
    from lback_cli.imports.formats.json_stream import json_records

    document = (
        r'[{"a\n\u00e9": [1.5e+10, -0.25E-7, true, false, null, -1, "\ud83d\ude00 \ud800x \\", {}, [ ] , {"k" : 1}]},'
        ' {"é€😀" : -123456789012345}]'
    )

    class Cut(io.BytesIO):
        """A file that returns *first* bytes, and then one at a time."""

        first = 0

        def read(self, size: int | None = -1, /) -> bytes:  # noqa: ARG002
            return super().read(1 if self.tell() else self.first)

    for place in range(1, len(document.encode()) + 1):
        file = Cut(document.encode())
        file.first = place
        assert [(record.data, record.error) for record in json_records(file)] == [
            (data, None) for data in json.loads(document)
        ]


@pytest.mark.parametrize("source", sorted({*BUILT_IN_SOURCES} - {"lback"}))  # which has the format of a table
def test_memory_does_not_grow_with_the_file(tmp_path: Path, source: str) -> None:
    one = {
        "django": json.dumps(django_user("u")).encode(),
        "keycloak": b'{"username": "u", "email": "u@x.org", "credentials": []}',
        "kratos": b'{"traits": {"email": "u@x.org"}}',
        "htpasswd": b"u@x.org:$2y$x\n",
        "shadow": b"u@x.org:$6$x:1:0:99999:7:::\n",
        "ldif": b"dn: uid=u\nuid: u\nmail: u@x.org\n\n",
    }[source]
    start, between, end = {
        "django": (b"[", b",", b"]"),
        "keycloak": (b'{"realm": "demo", "users": [', b",", b"]}"),
        "kratos": (b"[", b",", b"]"),
    }.get(source, (b"", b"", b""))

    def peak(records: int) -> int:
        path = tmp_path / str(records)
        path.write_bytes(start + between.join([one] * records) + end)
        tracemalloc.start()
        try:
            with path.open("rb") as file:
                assert sum(row.error is None for row in find_source(source)().read(file)) == records
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)
    assert peak(10_000) < peak(3_000) + 100_000
