"""A refused row of another system keeps all valid fields, so that the corrected row is complete."""

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lback_cli.security.passwords import PasswordHasher
from lback_cli.settings.schema import PasswordSettings

PASSWORD = "an umbrella under seven ladders"
Reject = Callable[[str, str | bytes], list[dict[str, Any]]]

SALT = bytes(range(16))
KEY = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), SALT, 1000, 32)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


DJANGO_HASH = f"pbkdf2_sha256$1000$salt${b64(hashlib.pbkdf2_hmac('sha256', PASSWORD.encode(), b'salt', 1000))}"


def keycloak_user(**more: Any) -> dict[str, Any]:
    secret = {"value": b64(KEY), "salt": b64(SALT)}
    data = {"hashIterations": 1000, "algorithm": "pbkdf2-sha256"}
    credential = {"type": "password", "secretData": json.dumps(secret), "credentialData": json.dumps(data)}
    return {"username": "ann", "groups": ["/sales/admin"], "credentials": [credential], **more}


def django_user(**more: Any) -> dict[str, Any]:
    fields = {"username": "ann", "email": "", "password": DJANGO_HASH, "last_login": None, "groups": [7], **more}
    return {"model": "auth.user", "pk": 1, "fields": fields}


GROUP = {"model": "auth.group", "pk": 7, "fields": {"name": "staff"}}


@pytest.fixture
def reject(lback: Any, tmp_path: Path) -> Reject:
    """Return a function that imports text and returns the rejects: ``reject("django", "[]")``."""

    def run(source: str, text: str | bytes) -> list[dict[str, Any]]:
        path, rejects = tmp_path / "input", tmp_path / "rejects.jsonl"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        result = lback("user", "import", str(path), "--from", source, "--mail", "none", "--rejects", str(rejects))
        assert result.status == 8, result
        return [json.loads(line) for line in rejects.read_text("utf-8").splitlines()]

    return run


@pytest.mark.parametrize(
    ("source", "document"),
    [("keycloak", {"realm": "demo", "users": [keycloak_user(groups=[])]}), ("django", [GROUP, django_user(groups=[])])],
)
def test_user_without_an_address_logs_in_after_it_is_added_to_the_reject(
    lback: Any, tmp_path: Path, reject: Reject, source: str, document: Any
) -> None:
    (refused,) = reject(source, json.dumps(document))
    assert refused["error"].startswith("ann has no e-mail address.")
    corrected = tmp_path / "corrected.jsonl"
    corrected.write_text(json.dumps({**refused, "email": "ann@example.org"}) + "\n", "utf-8")
    assert lback("user", "import", str(corrected), "--mail", "none").status == 0
    login = ("user", "authenticate", "ann", "--allow-unverified", "--password-stdin")
    assert lback(*login, input=PASSWORD).status == 0


def test_keycloak_keeps_the_password_and_the_groups_of_a_row_with_an_error(read_text: Any) -> None:
    hashed = f"$pbkdf2-sha256$1000${b64(SALT).rstrip('=')}${b64(KEY).rstrip('=')}".replace("+", ".")
    plain = [{"type": "password", "value": "secret words"}]
    users = [
        keycloak_user(),
        keycloak_user(email="a@x.org", enabled="maybe"),
        keycloak_user(credentials=plain),
        keycloak_user(credentials=[{"type": "password", "secretData": "{"}]),
    ]
    rows = read_text("keycloak", json.dumps({"realm": "demo", "users": users}))
    kept = {"username": "ann", "groups": ["sales.admin"]}
    assert [(row.error.message, row.original) for row in rows] == [
        ("ann has no e-mail address.", {**kept, "password_hash": hashed}),
        (
            "is_active must be true or false, and not 'maybe'.",
            {**kept, "email": "a@x.org", "is_active": "maybe", "password_hash": hashed},
        ),
        ("ann has no e-mail address.", {**kept, "password": "secret words"}),
        # Without the address, the reject cannot be imported without its password by mistake.
        ("The password of ann cannot be imported: it is damaged.", kept),
    ]
    assert PasswordHasher(PasswordSettings()).verify(PASSWORD, rows[0].password_hash).accepted


def test_django_row_with_an_error_keeps_its_groups_including_unknown_ones(read_text: Any) -> None:
    users = [
        django_user(),
        django_user(email="a@x.org", groups=[7, 8, ["editors"]]),
        django_user(groups=[8]),
        django_user(email="a@x.org", groups="staff"),
    ]
    rows = read_text("django", json.dumps([GROUP, *users]))
    kept = {"username": "ann", "password_hash": DJANGO_HASH}
    unknown = "The group '8' is not in the file, or comes after its members."
    assert [(row.error.message, row.original) for row in rows] == [
        ("ann has no e-mail address.", {**kept, "groups": ["staff"]}),
        (unknown, {**kept, "email": "a@x.org", "groups": ["staff", "auth.group #8", "editors"]}),
        ("ann has no e-mail address.", {**kept, "groups": ["auth.group #8"]}),
        ("The groups are not a list.", {**kept, "email": "a@x.org", "groups": "staff"}),
    ]


LDIF = b"""\
dn: uid=ann,ou=people
uid: ann
jpegPhoto:: %s
nonsense
userPassword:: e1NT
 SEF9YQ==
mail: %s

dn: uid=ben
changetype: modify
replace: mail
mail: b@x.org
-
""" % (b"A" * 3000, b"m" * 70_000)
UNREADABLE = {
    "htpasswd": (b":$2y$nameless\nann\n\xff:$2y$x\n", [":$2y$nameless", "ann", "\\xff:$2y$x"]),
    "shadow": (b"ann:$6$a$b\n\xff:$6$a$b:1:0:99999:7:::\n", ["ann:$6$a$b", "\\xff:$6$a$b:1:0:99999:7:::"]),
    "ldif": (
        LDIF,
        [
            (
                f"dn: uid=ann,ou=people\nuid: ann\njpegPhoto:: {'A' * 1012}\nnonsense\n"
                f"userPassword:: e1NTSEF9YQ==\nmail: {'m' * 1018}"
            ),
            "dn: uid=ben\nchangetype: modify\nreplace: mail\nmail: b@x.org\n-",
        ],
    ),
}


@pytest.mark.parametrize("source", UNREADABLE)
def test_unreadable_record_is_unchanged_in_the_rejects(reject: Reject, source: str) -> None:
    text, records = UNREADABLE[source]
    assert [one["username"] for one in reject(source, text)] == records


def test_ldif_change_record_is_identified(read_text: Any) -> None:
    _, change = read_text("ldif", LDIF)
    assert change.error.message == "The record is a change ('modify'), not an entry."


def test_account_missing_from_passwd_keeps_its_hash(read_text: Any) -> None:
    (row,) = read_text("shadow", "ann:!$6$a$b:1:0:99999:7:::", companion=b"", email_domain="x.org")
    assert row.error.message == "'ann' is not in the passwd file."
    assert row.original == {"username": "ann", "email": "ann@x.org", "password_hash": "$6$a$b", "is_active": False}


NOT_READ = "The rest of that record, and of a list the records after it, were not read."


@pytest.mark.parametrize(
    ("source", "text", "errors", "records"),
    [
        (
            "django",
            '[{"fields": {"a": 1, "a": 2}}, {"model": "x"}, {"fields": tru}]',
            [
                "Record 1 has a key twice.",
                "Record 2 is not one of Django's: it has no fields.",
                f"The file is not JSON at record 3: expecting value. {NOT_READ}",
            ],
            ['{"fields": {"a": 1, "a": 2}}', '{"model": "x"}', '{"fields": tru}]'],
        ),
        (
            "django",
            '{"fields": tru}\n{"é": 5}\n',
            [
                f"The file is not JSON at record 1: expecting value. {NOT_READ}",
                "Record 2 is not one of Django's: it has no fields.",
            ],
            ['{"fields": tru}', '{"é": 5}'],
        ),
        (
            "keycloak",
            '{"realm": "demo", "clients": [1, 2], "users": [[], {"username": "ann", "username": "ben"}], "x": tru}',
            [
                "Record 1 is not a user: it is not an object.",
                "Record 2 has a key twice.",
                f"The file is not JSON: expecting value. {NOT_READ}",
            ],
            ["[]", '{"username": "ann", "username": "ben"}', "tru}"],
        ),
        (
            "kratos",
            '{"identities": [{"id": 1}, {"id": 2}]}',
            [f"Record {number} is not an identity: it has no traits." for number in (1, 2)],
            ['{"id": 1}', '{"id": 2}'],
        ),
        (
            "kratos",
            '{"traits": 1, "é": "\\ud83d"}\n{"traits": 1, "x": "\\udc80"}',
            [f"Record {number} is not an identity: it has no traits." for number in (1, 2)],
            ['{"traits": 1, "é": "\\ud83d"}', '{"traits": 1, "x": "\\udc80"}'],
        ),
    ],
)
def test_unreadable_json_record_is_reported_by_number_and_kept_in_the_rejects(
    reject: Reject, source: str, text: str, errors: list[str], records: list[str]
) -> None:
    rejects = reject(source, text)
    assert [(one["error"], one["username"]) for one in rejects] == list(zip(errors, records, strict=True))


def test_long_unreadable_json_record_is_cut_and_its_length_reported(reject: Reject) -> None:
    text = json.dumps({"traits": 1, "x": "y" * 100_000})
    (refused,) = reject("kratos", text)
    assert refused["username"] == text[:65_536]
    assert f"the first 65536 of its {len(text)} bytes." in refused["error"]
