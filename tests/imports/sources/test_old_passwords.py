"""Accounts written by real tools are imported and log in with their old password, which replaces the hash."""

from pathlib import Path
from typing import Any

import pytest

from lback_cli.imports.row import ImportRow
from lback_cli.imports.sources.registry import find_source

SCHEMES = {
    "django.json": {
        "pbkdf2_sha256": "django_pbkdf2_sha256",
        "pbkdf2_sha1": "django_pbkdf2_sha1",
        "argon2": "argon2",
        "bcrypt_sha256": "django_bcrypt_sha256",
        "scrypt": "scrypt",
        "md5": "django_salted_md5",
        "by": "django_salted_md5",
    },
    "keycloak.json": {
        "argon2": "argon2",
        "sha256": "pbkdf2_sha256",
        "sha1": "pbkdf2_sha1",
        "old": "pbkdf2_sha256",
    },
    "kratos.json": {
        "bcrypt": "bcrypt",
        "scrypt": "scrypt",
        "pbkdf2": "pbkdf2_sha256",
        "ssha256": "ldap_salted_sha256",
        "sha512": "ldap_salted_sha512",
        "md5-crypt": "md5_crypt",
    },
    "htpasswd": {
        "bcrypt": "bcrypt",
        "apr1": "apr_md5_crypt",
        "sha1": "ldap_sha1",
        "sha256": "sha256_crypt",
        "sha512": "sha512_crypt",
        "carol": "bcrypt",
    },
    "shadow": {"sha512": "sha512_crypt", "sha256": "sha256_crypt", "md5": "md5_crypt", "bcrypt": "bcrypt"},
    "slapcat.ldif": {
        "ssha": "ldap_salted_sha1",
        "smd5": "ldap_salted_md5",
        "sha": "ldap_sha1",
        "ssha256": "ldap_salted_sha256",
        "ssha512": "ldap_salted_sha512",
        "sha256": "hex_sha256",
        "pbkdf2": "pbkdf2_sha1",
        "pbkdf2-sha256": "pbkdf2_sha256",
        "pbkdf2-sha512": "pbkdf2_sha512",
        "argon2": "argon2",
        "crypt": "sha512_crypt",
    },
}
"""The active users of each fixture that have a hash, with its scheme."""

LOCKED = {
    "django.json": "bcrypt",
    "keycloak.json": "sha512",
    "kratos.json": "argon2",
    "shadow": "locked",
    "slapcat.ldif": "locked",
}
"""An inactive user of each fixture."""

REFUSED = {
    "keycloak.json": {
        "custom": "The password of custom cannot be imported: it is hashed by whirlpool, which lback does not support."
    },
    "kratos.json": {"firebase": "The password hash of firebase is Firebase's scrypt, which lback cannot verify."},
}


def rows_of(fixtures: Path, name: str) -> list[ImportRow]:
    source = {"slapcat.ldif": "ldif"}.get(name, name.partition(".")[0])
    companion = (fixtures / "passwd").read_bytes() if source == "shadow" else None
    with (fixtures / name).open("rb") as file:
        return list(find_source(source)(companion, "example.com").read(file))


def make_groups(target: Any) -> None:
    from lback_cli.managers.group_manager import GroupManager

    for group in ("editors", "staff", "sales.admin"):
        GroupManager(target.database, target.services).create_group(group)


@pytest.mark.parametrize("name", SCHEMES)
def test_imported_users_log_in_with_the_old_password(target: Any, fixtures: Path, old_password: str, name: str) -> None:
    make_groups(target)
    rows = rows_of(fixtures, name)
    outcomes = target.import_rows(rows)
    refused = {username: outcome for username, outcome in outcomes.items() if outcome != "created"}
    assert refused == REFUSED.get(name, {})
    assert outcomes.keys() == {row.username for row in rows}
    inspect = target.services.hasher.inspect
    assert {username: inspect(target.stored(username)).scheme for username in SCHEMES[name]} == SCHEMES[name]

    for username in SCHEMES[name]:
        before = target.stored(username)
        assert target.login(username, old_password + "!") == "incorrect_password", username
        assert target.stored(username) == before
        assert target.login(username, old_password) == "accepted", username
        after = target.stored(username)
        assert after.startswith("$argon2id$v=19$m=64,t=1,p=1$"), username
        assert target.login(username, old_password) == "accepted"
        assert target.stored(username) == after


@pytest.mark.parametrize("name", LOCKED)
def test_locked_account_is_imported_as_locked(target: Any, fixtures: Path, old_password: str, name: str) -> None:
    make_groups(target)
    target.import_rows(rows_of(fixtures, name))
    assert target.login(LOCKED[name], old_password) == "user_inactive"
    assert target.login(LOCKED[name], "something else") == "incorrect_password"


def test_des_of_htpasswd_rejects_a_password_with_the_same_first_characters(target: Any, fixtures: Path) -> None:
    target.import_rows(rows_of(fixtures, "htpasswd"))
    assert target.login("des", "sesame42x") == "incorrect_password"
    assert target.login("des", "sesame43") == "incorrect_password"
    assert target.login("des", "sesame42") == "accepted"
    assert target.services.hasher.inspect(target.stored("des")).scheme == "argon2"


def test_yescrypt_of_shadow_is_verified_where_the_system_can_and_refused_where_not(
    target: Any, fixtures: Path, old_password: str
) -> None:
    from lback_cli.security import yescrypt

    outcomes = target.import_rows(rows_of(fixtures, "shadow"))
    if yescrypt._library() is None:
        assert outcomes["yescrypt"].endswith("which this system cannot verify without libxcrypt.")
        return
    assert outcomes["yescrypt"] == "created"
    assert target.services.hasher.inspect(target.stored("yescrypt")).scheme == "yescrypt"
    assert target.login("yescrypt", old_password + "\0x") == "incorrect_password"
    assert target.login("yescrypt", old_password) == "accepted"
    assert target.services.hasher.inspect(target.stored("yescrypt")).scheme == "argon2"


def test_user_without_a_password_is_imported_without_one(target: Any, fixtures: Path) -> None:
    rows = {row.username: row for name in ("django.json", "shadow") for row in rows_of(fixtures, name)}
    assert (rows["sso"].password_hash, rows["sso"].password) == (None, None)
    assert (rows["fresh"].password_hash, rows["fresh"].is_active) == ("!", False)
    assert target.import_rows([rows["sso"], rows["fresh"]]) == {"sso": "created", "fresh": "created"}
    assert [target.stored(name) for name in ("sso", "fresh")] == ["!", "!"]
    assert target.login("fresh", "!") == "incorrect_password"


def test_groups_are_imported_by_name(target: Any, fixtures: Path) -> None:
    make_groups(target)
    target.import_rows(rows_of(fixtures, "django.json") + rows_of(fixtures, "keycloak.json")[1:])
    from lback_cli.managers.directory import Directory

    user = Directory(target.database, target.services).find_user("pbkdf2_sha256")
    assert list(user.groups) == ["basic_user", "editors", "staff"]
