"""lback and an application of the framework share a database: each accepts what the other wrote."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lback_cli import signals
from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.errors import AuthenticationFailed, InvalidToken, LastAdministrator, UserExists, ValidationError
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_manager import UserManager
from lback_cli.settings import DatabaseSettings, EmailSettings, Settings

from .framework import PASSWORD, Application, now
from .shared import Shared

NEW_PASSWORD = "purple giraffes yodel at dusk"


def minutes_left(expiry: Any) -> float:
    left: timedelta = expiry - now()
    return left.total_seconds() / 60


def test_application_accepts_user_that_lback_registered(shared: Shared) -> None:
    before = shared.application.rows()
    shared.users.register_user("carol", "carol@example.org", NEW_PASSWORD, groups=["admin"])
    carol = shared.application.user("carol")
    assert carol.password.startswith("$2b$12$")
    assert shared.application.logs_in("carol", NEW_PASSWORD)
    assert not shared.application.logs_in("carol", NEW_PASSWORD.upper())
    assert carol.group_names == ["admin", "basic_user"]
    assert carol.created_at.tzinfo is None
    assert abs(minutes_left(carol.created_at)) < 1
    assert re.fullmatch("[0-9a-f]{32}", carol.email_verification_token)
    assert 59 < minutes_left(carol.email_verification_token_expiry) <= 60
    token = shared.token("verify")
    assert token == carol.email_verification_token
    assert not carol.is_email_verified
    assert shared.application.verify(token)
    assert shared.application.user("carol").is_email_verified
    assert shared.users.authenticate_user("carol", NEW_PASSWORD).username == "carol"
    after = shared.application.rows()
    assert [row for row in after["users"] if row[2] != "carol@example.org" and "carol" not in row] == before["users"]
    assert after["groups"] == before["groups"]
    assert after["notes"] == before["notes"]


def test_lback_authenticates_application_users_and_changes_no_row(shared: Shared) -> None:
    before = shared.application.rows()
    for login in ("bob", "bob@example.org", "BOB", "Alice Smith", "Alice@Example.ORG"):
        assert shared.users.authenticate_user(login, PASSWORD).is_active
    for login, password in (
        ("bob", PASSWORD.upper()),
        ("bob", ""),
        ("alice smith", PASSWORD),
        ("alice@example.org", PASSWORD),
        ("b\N{LATIN SMALL LETTER O WITH ACUTE}b", PASSWORD),
    ):
        with pytest.raises(AuthenticationFailed):
            shared.users.authenticate_user(login, password)
    assert shared.application.rows() == before


def test_verification_token_of_the_application_works_once(shared: Shared) -> None:
    shared.application.assign("bob", is_email_verified=False)
    token = shared.application.issue("bob", "verify")
    received: list[dict[str, Any]] = []

    def record(_sender: Any, **arguments: Any) -> None:
        received.append(arguments)

    with signals.user_email_verification_failed.connected_to(record):
        for wrong in (token[:-1], token.upper(), token + "0", "", "\0" * 32, "\ud800" * 32, token[:31] + "'"):
            with pytest.raises(InvalidToken):
                shared.users.verify_user_email(wrong)
    assert received[0]["token_prefix"] == token[:10]
    assert shared.users.verify_user_email(token).username == "bob"
    bob = shared.application.user("bob")
    assert (bob.is_email_verified, bob.email_verification_token, bob.email_verification_token_expiry) == (
        True,
        None,
        None,
    )
    assert not shared.application.verify(token)
    with pytest.raises(InvalidToken):
        shared.users.verify_user_email(token)


def test_reset_token_of_the_application_works_once_and_stores_bcrypt(shared: Shared) -> None:
    token = shared.application.issue("bob", "reset")
    with pytest.raises(ValidationError):
        shared.users.reset_password(token, "short")
    assert shared.application.user("bob").auth_token == token, "a refused password does not spend it"
    shared.users.reset_password(token, NEW_PASSWORD)
    bob = shared.application.user("bob")
    assert bob.password.startswith("$2b$12$")
    assert (bob.auth_token, bob.token_expiry) == (None, None)
    assert shared.application.logs_in("bob", NEW_PASSWORD)
    assert not shared.application.reset(token, PASSWORD)
    with pytest.raises(InvalidToken):
        shared.users.reset_password(token, NEW_PASSWORD)


def test_reset_link_of_lback_that_the_application_used_is_spent(shared: Shared) -> None:
    shared.users.reset_password_request("bob@example.org")
    token, bob = shared.token("reset"), shared.application.user("bob")
    assert re.fullmatch("[0-9a-f]{64}", token)
    assert (bob.auth_token, 59 < minutes_left(bob.token_expiry) <= 60) == (token, True)
    assert shared.application.reset(token, NEW_PASSWORD)
    assert shared.users.authenticate_user("bob", NEW_PASSWORD).username == "bob"
    assert not shared.application.reset(token, PASSWORD)
    with pytest.raises(InvalidToken):
        shared.users.reset_password(token, NEW_PASSWORD)


def test_reset_link_of_lback_that_lback_used_is_spent(shared_file: Shared) -> None:
    shared_file.users.reset_password_request("bob@example.org")
    token = shared_file.token("reset")
    shared_file.users.reset_password(token, NEW_PASSWORD)
    assert not shared_file.application.reset(token, PASSWORD)
    with pytest.raises(InvalidToken):
        shared_file.users.reset_password(token, NEW_PASSWORD)
    assert shared_file.application.logs_in("bob", NEW_PASSWORD)


def test_only_the_newest_token_works(shared_file: Shared) -> None:
    shared_file.users.reset_password_request("bob@example.org")
    older = shared_file.token("reset")
    newer = shared_file.application.issue("bob", "reset")
    with pytest.raises(InvalidToken):
        shared_file.users.reset_password(older, NEW_PASSWORD)
    shared_file.users.reset_password_request("bob@example.org")
    assert not shared_file.application.reset(newer, NEW_PASSWORD)
    with pytest.raises(InvalidToken):
        shared_file.users.reset_password(newer, NEW_PASSWORD)
    assert shared_file.application.reset(shared_file.token("reset"), NEW_PASSWORD)


def test_token_expires_as_the_column_says(shared_file: Shared) -> None:
    shared_file.application.assign("bob", is_email_verified=False)
    for purpose, use in (
        ("verify", shared_file.users.verify_user_email),
        ("reset", lambda token: shared_file.users.reset_password(token, NEW_PASSWORD)),
    ):
        late = shared_file.application.issue("bob", purpose, lifetime=timedelta(seconds=-2))
        with pytest.raises(InvalidToken, match="used or expired"):
            use(late)
        use(shared_file.application.issue("bob", purpose, lifetime=timedelta(seconds=30)))
    endless = shared_file.application.issue("bob", "reset")
    shared_file.application.assign("bob", token_expiry=None)
    with pytest.raises(InvalidToken):
        shared_file.users.reset_password(endless, NEW_PASSWORD)


@pytest.mark.parametrize("change", [{"password": NEW_PASSWORD}, {"email": "robert@example.org"}])
def test_new_password_or_address_invalidates_the_tokens_of_both(shared_file: Shared, change: dict[str, str]) -> None:
    bob = shared_file.application.user("bob")
    verify, reset = shared_file.application.issue("bob", "verify"), shared_file.application.issue("bob", "reset")
    shared_file.users.update_user(bob.id, change)
    assert not shared_file.application.verify(verify)
    assert not shared_file.application.reset(reset, PASSWORD)
    with pytest.raises(InvalidToken):
        shared_file.users.reset_password(reset, NEW_PASSWORD)
    if "email" in change:
        assert shared_file.application.verify(shared_file.token("verify"))


def test_application_accepts_password_that_an_administrator_set(shared_file: Shared) -> None:
    bob = shared_file.application.user("bob")
    shared_file.users.reset_user_password(bob.id, NEW_PASSWORD)
    assert shared_file.application.logs_in("bob", NEW_PASSWORD)
    assert shared_file.application.user("bob").auth_token is None


def test_password_longer_than_72_bytes_is_refused(shared_file: Shared) -> None:
    for password, size in (("violet kettle " * 6, 84), ("\N{LATIN SMALL LETTER U WITH DIAERESIS}zxcqwerb " * 7, 77)):
        with pytest.raises(ValidationError) as caught:
            shared_file.users.register_user("carol", "carol@example.org", password)
        assert caught.value.message == (
            f"The password has {size} bytes in UTF-8; the maximum with [compat] lback_framework is 72."
        )
    longest = "violet kettle " * 5 + "zq"
    assert len(longest) == 72
    shared_file.users.register_user("carol", "carol@example.org", longest, verified=True)
    assert shared_file.application.logs_in("carol", longest)
    with pytest.raises(AuthenticationFailed):
        shared_file.users.authenticate_user("carol", longest + "x")


def test_administrators_of_the_application_are_administrators_of_lback(shared: Shared) -> None:
    root = shared.application.user("root")
    with pytest.raises(LastAdministrator):
        shared.users.delete_user(root.id)
    shared.users.update_user(shared.application.user("bob").id, {"add_groups": ["admin"]})
    assert shared.application.user("bob").group_names == ["admin", "basic_user"]
    with pytest.raises(UserExists):
        shared.users.register_user("bob", "other@example.org", NEW_PASSWORD)


def test_one_of_four_concurrent_uses_of_a_token_succeeds(shared: Shared) -> None:
    token = shared.application.issue("bob", "reset")
    together = threading.Barrier(4)
    outcomes: list[str] = []

    def use(number: int) -> None:
        together.wait()
        try:
            shared.users.reset_password(token, f"{NEW_PASSWORD} {number}")
        except InvalidToken:
            outcomes.append("refused")
        else:
            outcomes.append(f"{NEW_PASSWORD} {number}")

    threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = (outcome for outcome in outcomes if outcome != "refused")
    assert outcomes.count("refused") == 3
    assert shared.application.logs_in("bob", winner)


ADDED = {
    "sqlite": (
        "ALTER TABLE users ADD nickname VARCHAR",
        "ALTER TABLE users ADD plan VARCHAR NOT NULL DEFAULT 'free'",
        "ALTER TABLE users ADD initial GENERATED ALWAYS AS (substr(username, 1, 1))",
        "ALTER TABLE user_groups_association ADD since DATETIME",
    ),
    "postgresql": (
        "ALTER TABLE users ADD nickname VARCHAR",
        "ALTER TABLE users ADD plan VARCHAR NOT NULL DEFAULT 'free'",
        "ALTER TABLE users ADD initial VARCHAR GENERATED ALWAYS AS (left(username, 1)) STORED",
        "ALTER TABLE user_groups_association ADD since TIMESTAMP DEFAULT now()",
    ),
    "mariadb": (
        "ALTER TABLE users ADD nickname VARCHAR(50)",
        "ALTER TABLE users ADD plan VARCHAR(50) NOT NULL DEFAULT 'free'",
        "ALTER TABLE users ADD initial VARCHAR(1) GENERATED ALWAYS AS (left(username, 1))",
        "ALTER TABLE user_groups_association ADD since DATETIME DEFAULT now()",
    ),
}
"""Columns that an application may add: nullable, with a default, computed, and in an association table."""


def test_columns_that_the_application_added_stay_unchanged(
    application: Application, share: Callable[[Application], Shared]
) -> None:
    application.execute(*ADDED["mariadb" if application.dialect in {"mysql", "mariadb"} else application.dialect])
    application.execute("UPDATE users SET nickname = 'Al', plan = 'paid' WHERE username = 'bob'")
    definitions, rows = application.definitions(), application.rows()
    warnings = Schema(Database(DatabaseSettings(url=application.url))).check_adoptable().warnings
    assert [warning for warning in warnings if "collation" not in warning] == [
        f"{column} was added by the application; lback leaves it unchanged"
        for column in ("users.nickname", "users.plan", "users.initial", "user_groups_association.since")
    ]
    shared = share(application)
    assert (application.definitions(), application.rows()) == (definitions, rows)
    carol = shared.users.register_user("carol", "carol@example.org", NEW_PASSWORD, verified=True)
    shared.users.update_user(application.user("bob").id, {"username": "robert", "add_groups": ["admin"]})
    shared.users.delete_user(application.user("quiet").id)
    columns = "username, nickname, plan, initial"
    assert application.all(f"SELECT {columns} FROM users WHERE username IN ('carol', 'robert') ORDER BY username") == [
        ("carol", None, "free", "c"),
        ("robert", "Al", "paid", "r"),
    ]
    assert application.logs_in(carol.username, NEW_PASSWORD)


@pytest.mark.parametrize("side", ["lback", "the application"])
def test_invited_user_has_no_password_until_the_link_sets_one(shared_file: Shared, side: str) -> None:
    shared_file.users.register_user("carol", "carol@example.org", None)
    carol = shared_file.application.user("carol")
    for password in ("", "!", NEW_PASSWORD):
        # The framework raises unless the stored value is a bcrypt hash.
        assert not shared_file.application.logs_in("carol", password)
        with pytest.raises(AuthenticationFailed):
            shared_file.users.authenticate_user("carol", password)
    token = shared_file.token("reset")
    assert token == carol.auth_token
    assert 7 * 24 * 60 - 1 < minutes_left(carol.token_expiry) <= 7 * 24 * 60, "as long as [tokens] invitation_lifetime"
    if side == "lback":
        shared_file.users.reset_password(token, NEW_PASSWORD)
        assert shared_file.application.user("carol").is_email_verified, "the invitation proves the address"
    else:
        assert shared_file.application.reset(token, NEW_PASSWORD)
    assert shared_file.application.user("carol").is_email_verified, "or neither side would let carol in"
    assert shared_file.application.logs_in("carol", NEW_PASSWORD)
    assert shared_file.users.authenticate_user("carol", NEW_PASSWORD).username == "carol"


def test_hash_that_the_application_cannot_verify_is_refused(shared_file: Shared) -> None:
    argon2 = "$argon2id$v=19$m=19456,t=2,p=1$" + "a" * 21 + "Q$" + "b" * 42 + "Q"
    wrapped = "bcrypt$" + shared_file.application.user("root").password
    for stored, scheme in ((argon2, "argon2"), (wrapped, "bcrypt")):
        with pytest.raises(ValidationError) as caught:
            shared_file.users.register_user("carol", "carol@example.org", None, password_hash=stored)
        assert caught.value.message == (
            f"The password hash of carol uses {scheme} in a form that the application cannot verify."
        )
        with pytest.raises(ValidationError):
            shared_file.users.update_user(shared_file.application.user("bob").id, {"password_hash": stored})
    native = shared_file.application.user("root").password
    shared_file.users.register_user("carol", "carol@example.org", None, password_hash=native, verified=True)
    assert shared_file.application.logs_in("carol", PASSWORD)
    assert shared_file.users.authenticate_user("carol", PASSWORD).username == "carol"


def test_tokens_and_hashes_from_before_compatibility_still_work(shared_file: Shared, tmp_path: Path) -> None:
    """lback wrote a token and a hash while [compat] was off."""
    plain = Settings(
        database=DatabaseSettings(url=shared_file.application.url), email=EmailSettings(directory=shared_file.mail)
    )
    before = UserManager(shared_file.database, Dependencies(plain, data_directory=tmp_path))
    before.register_user("dave", "dave@example.org", NEW_PASSWORD)
    newest = max(shared_file.mail.glob("*.eml")).read_text("utf-8")
    found = re.search(r"token=([\w-]{43})", newest)
    assert found is not None
    assert not shared_file.application.verify(found[1])
    assert shared_file.users.verify_user_email(found[1]).username == "dave"
    assert shared_file.users.authenticate_user("dave", NEW_PASSWORD).username == "dave"
    assert shared_file.application.user("dave").password.startswith("$argon2id$"), "no hash is replaced at login"


def test_verification_token_that_was_used_stays_used_when_compatibility_is_turned_off(
    shared_file: Shared, tmp_path: Path
) -> None:
    user = shared_file.users.register_user("dave", "dave@example.org", NEW_PASSWORD)
    token = shared_file.token("verify")
    shared_file.users.verify_user_email(token)
    plain = Settings(
        database=DatabaseSettings(url=shared_file.application.url), email=EmailSettings(directory=shared_file.mail)
    )
    after = UserManager(shared_file.database, Dependencies(plain, data_directory=tmp_path))
    after.update_user(user.id, {"is_email_verified": False})
    with pytest.raises(InvalidToken) as caught:
        after.verify_user_email(token)
    assert caught.value.message == "This verification token is used or expired."


def test_installed_command_shares_the_database(
    lback: Callable[..., Any], on_sqlite: Application, tmp_path: Path
) -> None:
    def run(*arguments: str, **options: Any) -> Any:
        return lback(*arguments, LBACK_DATABASE_URL=on_sqlite.url, LBACK_COMPAT_LBACK_FRAMEWORK="true", **options)

    assert run("db", "adopt", "-q").status == 0
    register = ("user", "register", "carol", "--email", "carol@example.org", "--generate-password", "-o", "json")
    made = run(*register).result
    assert on_sqlite.logs_in("carol", made["generated_password"])
    carol = on_sqlite.user("carol")
    (mail,) = sorted((tmp_path / "mail").glob("*.eml"))
    assert f"token={carol.email_verification_token}" in mail.read_text("utf-8")
    assert run("user", "verify-email", carol.email_verification_token).status == 0
    logged_in = run("user", "authenticate", "carol", "--password-stdin", input=made["generated_password"])
    assert logged_in.status == 0
    assert run("user", "authenticate", "Alice Smith", "--password-stdin", input=PASSWORD).status == 0
    assert run("events", "verify").status == 0
