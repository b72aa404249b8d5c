"""lback and an application of the framework at work on one database: each accepts what the other wrote."""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from lback_cli import signals
from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.errors import AuthenticationFailed, InvalidToken, LastAdministrator, UserExists, ValidationError
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_manager import UserManager
from lback_cli.settings import CompatSettings, DatabaseSettings, EmailSettings, LinkSettings, Settings

from .framework import PASSWORD, Application, now

NEW_PASSWORD = "purple giraffes yodel at dusk"


@dataclass
class Beside:
    """The application, and lback's manager on its database."""

    application: Application
    database: Database
    users: UserManager
    mail: Path

    def token(self, page: str) -> str:
        """The token in the newest mail, whose link leads to that endpoint of the application."""
        newest = max(self.mail.glob("*.eml"))
        body = message_from_bytes(newest.read_bytes(), policy=default).get_body(("plain",))
        assert body is not None
        found = re.search(rf"https://app\.example/{page}/(\S+)", body.get_content())
        assert found is not None, body.get_content()
        return found[1]


@pytest.fixture
def join(tmp_path: Path) -> Iterator[Callable[[Application], Beside]]:
    """Adopt an application."""
    opened: list[Database] = []

    def adopt(application: Application) -> Beside:
        mail = tmp_path / "mail"
        settings = Settings(
            database=DatabaseSettings(url=application.url),
            email=EmailSettings(directory=mail),
            links=LinkSettings(
                verify_email="https://app.example/verify/{token}", reset_password="https://app.example/reset/{token}"
            ),
            compat=CompatSettings(lback_framework=True),
        )
        database = Database(settings.database)
        opened.append(database)
        Schema(database).adopt()
        return Beside(
            application, database, UserManager(database, Dependencies(settings, data_directory=tmp_path)), mail
        )

    yield adopt
    for database in opened:
        database.dispose()


@pytest.fixture
def beside(application: Application, join: Callable[[Application], Beside]) -> Beside:
    """Both, on each database."""
    return join(application)


@pytest.fixture
def at_home(on_sqlite: Application, join: Callable[[Application], Beside]) -> Beside:
    """Both, on a SQLite file: bcrypt takes its time, and what these tests are about is the same everywhere."""
    return join(on_sqlite)


def minutes_left(expiry: Any) -> float:
    left: timedelta = expiry - now()
    return left.total_seconds() / 60


def test_whom_lback_registers_the_application_knows(beside: Beside) -> None:
    before = beside.application.rows()
    beside.users.register_user("carol", "carol@example.org", NEW_PASSWORD, groups=["admin"])
    carol = beside.application.user("carol")
    assert carol.password.startswith("$2b$12$")
    assert beside.application.logs_in("carol", NEW_PASSWORD)
    assert not beside.application.logs_in("carol", NEW_PASSWORD.upper())
    assert carol.group_names == ["admin", "basic_user"]
    assert carol.created_at.tzinfo is None
    assert abs(minutes_left(carol.created_at)) < 1
    assert re.fullmatch("[0-9a-f]{32}", carol.email_verification_token)
    assert 59 < minutes_left(carol.email_verification_token_expiry) <= 60
    token = beside.token("verify")
    assert token == carol.email_verification_token
    assert not carol.is_email_verified
    assert beside.application.verify(token)
    assert beside.application.user("carol").is_email_verified
    assert beside.users.authenticate_user("carol", NEW_PASSWORD).username == "carol"
    after = beside.application.rows()
    assert [row for row in after["users"] if row[2] != "carol@example.org" and "carol" not in row] == before["users"]
    assert after["groups"] == before["groups"]
    assert after["notes"] == before["notes"]


def test_whom_the_application_registered_lback_logs_in_and_leaves_as_they_are(beside: Beside) -> None:
    before = beside.application.rows()
    for login in ("bob", "bob@example.org", "BOB", "Alice Smith", "Alice@Example.ORG"):
        assert beside.users.authenticate_user(login, PASSWORD).is_active
    for login, password in (
        ("bob", PASSWORD.upper()),
        ("bob", ""),
        ("alice smith", PASSWORD),
        ("alice@example.org", PASSWORD),
        ("b\N{LATIN SMALL LETTER O WITH ACUTE}b", PASSWORD),
    ):
        with pytest.raises(AuthenticationFailed):
            beside.users.authenticate_user(login, password)
    assert beside.application.rows() == before


def test_a_token_of_the_application_verifies_here_once(beside: Beside) -> None:
    beside.application.assign("bob", is_email_verified=False)
    token = beside.application.issue("bob", "verify")
    seen: list[dict[str, Any]] = []

    def see(_sender: Any, **arguments: Any) -> None:
        seen.append(arguments)

    with signals.user_email_verification_failed.connected_to(see):
        for wrong in (token[:-1], token.upper(), token + "0", "", "\0" * 32, "\ud800" * 32, token[:31] + "'"):
            with pytest.raises(InvalidToken):
                beside.users.verify_user_email(wrong)
    assert seen[0]["token_prefix"] == token[:10]
    assert beside.users.verify_user_email(token).username == "bob"
    bob = beside.application.user("bob")
    assert (bob.is_email_verified, bob.email_verification_token, bob.email_verification_token_expiry) == (
        True,
        None,
        None,
    )
    assert not beside.application.verify(token)
    with pytest.raises(InvalidToken):
        beside.users.verify_user_email(token)


def test_a_token_of_the_application_resets_here_once_and_its_password_is_bcrypt(beside: Beside) -> None:
    token = beside.application.issue("bob", "reset")
    with pytest.raises(ValidationError):
        beside.users.reset_password(token, "short")
    assert beside.application.user("bob").auth_token == token, "a refused password does not spend it"
    beside.users.reset_password(token, NEW_PASSWORD)
    bob = beside.application.user("bob")
    assert bob.password.startswith("$2b$12$")
    assert (bob.auth_token, bob.token_expiry) == (None, None)
    assert beside.application.logs_in("bob", NEW_PASSWORD)
    assert not beside.application.reset(token, PASSWORD)
    with pytest.raises(InvalidToken):
        beside.users.reset_password(token, NEW_PASSWORD)


def test_a_reset_link_of_lback_works_at_the_application_and_then_nowhere(beside: Beside) -> None:
    beside.users.reset_password_request("bob@example.org")
    token, bob = beside.token("reset"), beside.application.user("bob")
    assert re.fullmatch("[0-9a-f]{64}", token)
    assert (bob.auth_token, 59 < minutes_left(bob.token_expiry) <= 60) == (token, True)
    assert beside.application.reset(token, NEW_PASSWORD)
    assert beside.users.authenticate_user("bob", NEW_PASSWORD).username == "bob"
    assert not beside.application.reset(token, PASSWORD)
    with pytest.raises(InvalidToken):
        beside.users.reset_password(token, NEW_PASSWORD)


def test_a_reset_link_of_lback_works_here_and_then_nowhere(at_home: Beside) -> None:
    at_home.users.reset_password_request("bob@example.org")
    token = at_home.token("reset")
    at_home.users.reset_password(token, NEW_PASSWORD)
    assert not at_home.application.reset(token, PASSWORD)
    with pytest.raises(InvalidToken):
        at_home.users.reset_password(token, NEW_PASSWORD)
    assert at_home.application.logs_in("bob", NEW_PASSWORD)


def test_only_the_newest_token_works_whoever_issued_it(at_home: Beside) -> None:
    at_home.users.reset_password_request("bob@example.org")
    older = at_home.token("reset")
    newer = at_home.application.issue("bob", "reset")
    with pytest.raises(InvalidToken):
        at_home.users.reset_password(older, NEW_PASSWORD)
    at_home.users.reset_password_request("bob@example.org")
    assert not at_home.application.reset(newer, NEW_PASSWORD)
    with pytest.raises(InvalidToken):
        at_home.users.reset_password(newer, NEW_PASSWORD)
    assert at_home.application.reset(at_home.token("reset"), NEW_PASSWORD)


def test_expiry_is_what_the_column_says(at_home: Beside) -> None:
    at_home.application.assign("bob", is_email_verified=False)
    for purpose, use in (
        ("verify", at_home.users.verify_user_email),
        ("reset", lambda token: at_home.users.reset_password(token, NEW_PASSWORD)),
    ):
        late = at_home.application.issue("bob", purpose, lifetime=timedelta(seconds=-2))
        with pytest.raises(InvalidToken, match="used or expired"):
            use(late)
        use(at_home.application.issue("bob", purpose, lifetime=timedelta(seconds=30)))
    endless = at_home.application.issue("bob", "reset")
    at_home.application.assign("bob", token_expiry=None)
    with pytest.raises(InvalidToken):
        at_home.users.reset_password(endless, NEW_PASSWORD)


@pytest.mark.parametrize("change", [{"password": NEW_PASSWORD}, {"email": "robert@example.org"}])
def test_a_new_password_or_address_kills_the_tokens_of_both(at_home: Beside, change: dict[str, str]) -> None:
    bob = at_home.application.user("bob")
    verify, reset = at_home.application.issue("bob", "verify"), at_home.application.issue("bob", "reset")
    at_home.users.update_user(bob.id, change)
    assert not at_home.application.verify(verify)
    assert not at_home.application.reset(reset, PASSWORD)
    with pytest.raises(InvalidToken):
        at_home.users.reset_password(reset, NEW_PASSWORD)
    if "email" in change:
        assert at_home.application.verify(at_home.token("verify"))


def test_an_administrator_sets_a_password_that_the_application_takes(at_home: Beside) -> None:
    bob = at_home.application.user("bob")
    at_home.users.reset_user_password(bob.id, NEW_PASSWORD)
    assert at_home.application.logs_in("bob", NEW_PASSWORD)
    assert at_home.application.user("bob").auth_token is None


def test_a_password_that_bcrypt_would_cut_is_refused_with_the_rule(at_home: Beside) -> None:
    for password, size in (("violet kettle " * 6, 84), ("\N{LATIN SMALL LETTER U WITH DIAERESIS}zxcqwerb " * 7, 77)):
        with pytest.raises(ValidationError) as caught:
            at_home.users.register_user("carol", "carol@example.org", password)
        assert caught.value.message == (
            f"The password has {size} bytes in UTF-8; with [compat] lback_framework 72 are the most."
        )
    longest = "violet kettle " * 5 + "zq"
    assert len(longest) == 72
    at_home.users.register_user("carol", "carol@example.org", longest, verified=True)
    assert at_home.application.logs_in("carol", longest)
    with pytest.raises(AuthenticationFailed):
        at_home.users.authenticate_user("carol", longest + "x")


def test_the_applications_administrators_are_administrators_here(beside: Beside) -> None:
    root = beside.application.user("root")
    with pytest.raises(LastAdministrator):
        beside.users.delete_user(root.id)
    beside.users.update_user(beside.application.user("bob").id, {"add_groups": ["admin"]})
    assert beside.application.user("bob").group_names == ["admin", "basic_user"]
    with pytest.raises(UserExists):
        beside.users.register_user("bob", "other@example.org", NEW_PASSWORD)


def test_of_many_who_use_one_token_one_succeeds(beside: Beside) -> None:
    token = beside.application.issue("bob", "reset")
    together = threading.Barrier(4)
    outcomes: list[str] = []

    def use(number: int) -> None:
        together.wait()
        try:
            beside.users.reset_password(token, f"{NEW_PASSWORD} {number}")
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
    assert beside.application.logs_in("bob", winner)


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
"""Columns that applications add: without a value, with a default, computed, and in a table of pairs."""


def test_columns_that_the_application_added_are_left_as_they_are(
    application: Application, join: Callable[[Application], Beside]
) -> None:
    application.execute(*ADDED["mariadb" if application.dialect in {"mysql", "mariadb"} else application.dialect])
    application.execute("UPDATE users SET nickname = 'Al', plan = 'paid' WHERE username = 'bob'")
    definitions, rows = application.definitions(), application.rows()
    remarks = Schema(Database(DatabaseSettings(url=application.url))).check_adoptable().remarks
    assert [remark for remark in remarks if "collation" not in remark] == [
        f"{column} is a column of the application's own, which lback leaves as it is"
        for column in ("users.nickname", "users.plan", "users.initial", "user_groups_association.since")
    ]
    beside = join(application)
    assert (application.definitions(), application.rows()) == (definitions, rows)
    carol = beside.users.register_user("carol", "carol@example.org", NEW_PASSWORD, verified=True)
    beside.users.update_user(application.user("bob").id, {"username": "robert", "add_groups": ["admin"]})
    beside.users.delete_user(application.user("quiet").id)
    columns = "username, nickname, plan, initial"
    assert application.all(f"SELECT {columns} FROM users WHERE username IN ('carol', 'robert') ORDER BY username") == [
        ("carol", None, "free", "c"),
        ("robert", "Al", "paid", "r"),
    ]
    assert application.logs_in(carol.username, NEW_PASSWORD)


@pytest.mark.parametrize("side", ["lback", "the application"])
def test_who_is_invited_has_no_password_until_the_link_sets_one(at_home: Beside, side: str) -> None:
    at_home.users.register_user("carol", "carol@example.org", None)
    carol = at_home.application.user("carol")
    for password in ("", "!", NEW_PASSWORD):
        # The framework's check raises on what is no bcrypt hash.
        assert not at_home.application.logs_in("carol", password)
        with pytest.raises(AuthenticationFailed):
            at_home.users.authenticate_user("carol", password)
    token = at_home.token("reset")
    assert token == carol.auth_token
    assert 7 * 24 * 60 - 1 < minutes_left(carol.token_expiry) <= 7 * 24 * 60, "as long as [tokens] invitation_lifetime"
    if side == "lback":
        at_home.users.reset_password(token, NEW_PASSWORD)
        assert at_home.application.user("carol").is_email_verified, "whoever had the invitation has the address"
    else:
        assert at_home.application.reset(token, NEW_PASSWORD)
    assert at_home.application.logs_in("carol", NEW_PASSWORD)
    assert at_home.users.authenticate_user("carol", NEW_PASSWORD, allow_unverified=True).username == "carol"


def test_a_hash_that_the_application_cannot_check_is_not_taken_over(at_home: Beside) -> None:
    argon2 = "$argon2id$v=19$m=19456,t=2,p=1$" + "a" * 21 + "Q$" + "b" * 42 + "Q"
    wrapped = "bcrypt$" + at_home.application.user("root").password
    for stored, scheme in ((argon2, "argon2"), (wrapped, "bcrypt")):
        with pytest.raises(ValidationError) as caught:
            at_home.users.register_user("carol", "carol@example.org", None, password_hash=stored)
        assert caught.value.message == (
            f"The password hash of carol is of {scheme}, in a form that the application cannot verify."
        )
        with pytest.raises(ValidationError):
            at_home.users.update_user(at_home.application.user("bob").id, {"password_hash": stored})
    native = at_home.application.user("root").password
    at_home.users.register_user("carol", "carol@example.org", None, password_hash=native, verified=True)
    assert at_home.application.logs_in("carol", PASSWORD)
    assert at_home.users.authenticate_user("carol", PASSWORD).username == "carol"


def test_lback_of_before_is_still_understood(at_home: Beside, tmp_path: Path) -> None:
    """A token and a hash that lback wrote without [compat] serve until they are used."""
    plain = Settings(
        database=DatabaseSettings(url=at_home.application.url), email=EmailSettings(directory=at_home.mail)
    )
    before = UserManager(at_home.database, Dependencies(plain, data_directory=tmp_path))
    before.register_user("dave", "dave@example.org", NEW_PASSWORD)
    newest = max(at_home.mail.glob("*.eml")).read_text("utf-8")
    found = re.search(r"token=([\w-]{43})", newest)
    assert found is not None
    assert not at_home.application.verify(found[1])
    assert at_home.users.verify_user_email(found[1]).username == "dave"
    assert at_home.users.authenticate_user("dave", NEW_PASSWORD).username == "dave"
    assert at_home.application.user("dave").password.startswith("$argon2id$"), "no hash is replaced at login"


def test_the_installed_command_works_beside_the_application(
    lback: Callable[..., Any], on_sqlite: Application, tmp_path: Path
) -> None:
    def run(*arguments: str, **options: Any) -> Any:
        return lback(*arguments, LBACK_DATABASE_URL=on_sqlite.url, LBACK_COMPAT_LBACK_FRAMEWORK="true", **options)

    assert run("db", "adopt", "-q").status == 0
    register = ("user", "register", "carol", "--email", "carol@example.org", "--generate-password", "-o", "json")
    made = run(*register).result
    assert on_sqlite.logs_in("carol", made["password"])
    carol = on_sqlite.user("carol")
    (mail,) = sorted((tmp_path / "mail").glob("*.eml"))
    assert f"token={carol.email_verification_token}" in mail.read_text("utf-8")
    assert run("user", "verify-email", carol.email_verification_token).status == 0
    logged_in = run("user", "authenticate", "carol", "--password-stdin", input=made["password"])
    assert logged_in.status == 0
    assert run("user", "authenticate", "Alice Smith", "--password-stdin", input=PASSWORD).status == 0
    assert run("events", "verify").status == 0
