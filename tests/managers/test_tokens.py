"""The purpose, validity, storage and recipients of mailed tokens."""

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any, Literal

import pytest

from lback_cli.errors import InvalidToken, MailError, Refused, UserNotFound
from lback_cli.models import User
from lback_cli.settings.schema import EmailSettings, TokenSettings

Office = Any
Kind = Literal["verification", "reset"]

NEW_PASSWORD = "copper-violin-meadow-12"


def request(office: Office, user: User, kind: Kind) -> str:
    """Request a token of that kind, and return it."""
    if kind == "verification":
        office.users.resend_verification(user.id)
    else:
        office.users.reset_password_request(user.email)
    token: str = office.token()
    return token


def use(office: Office, token: str, kind: Kind) -> User:
    used: User
    if kind == "verification":
        used = office.users.verify_user_email(token)
    else:
        used = office.users.reset_password(token, NEW_PASSWORD)
    return used


def is_refused(office: Office, token: str, kind: Kind) -> bool:
    try:
        use(office, token, kind)
    except InvalidToken:
        return True
    return False


Event = Callable[[Office, User], object]

REVOKING: dict[str, Event] = {
    "a password change": lambda office, user: office.users.update_user(user.id, {"password": NEW_PASSWORD}),
    "a password reset by token": lambda office, user: office.users.reset_password(
        request(office, user, "reset"), NEW_PASSWORD
    ),
    "a password reset by an administrator": lambda office, user: office.users.reset_user_password(
        user.id, NEW_PASSWORD
    ),
    "an e-mail change": lambda office, user: office.users.update_user(user.id, {"email": "new@example.org"}),
    "an e-mail change to a verified address": lambda office, user: office.users.update_user(
        user.id, {"email": "new@example.org", "is_email_verified": True}
    ),
    "an e-mail change there and back": lambda office, user: [
        office.users.update_user(user.id, {"email": email}) for email in ("new@example.org", user.email)
    ],
    "deletion": lambda office, user: office.users.delete_user(user.id),
}


def try_a_bad_password(office: Office, user: User) -> None:
    with pytest.raises(Refused):
        office.users.update_user(user.id, {"password": "short"})


HARMLESS: dict[str, Event] = {
    "a new name": lambda office, user: office.users.update_user(user.id, {"username": "anna"}),
    "another spelling of the address": lambda office, user: office.users.update_user(
        user.id, {"email": user.email.upper()}
    ),
    "a login": lambda office, user: office.users.authenticate_user(
        user.username, "quiet-harbor-lantern-47", allow_unverified=True
    ),
    "a refused password": try_a_bad_password,
    "another user's request": lambda office, user: request(office, office.register(f"{user.username}2"), "reset"),
}


@pytest.mark.parametrize("kind", ["verification", "reset"])
@pytest.mark.parametrize("event", REVOKING)
def test_both_tokens_are_revoked(office: Office, event: str, kind: Kind) -> None:
    user = office.register("ann")
    token = request(office, user, kind)
    REVOKING[event](office, user)
    assert is_refused(office, token, kind)


@pytest.mark.parametrize("kind", ["verification", "reset"])
@pytest.mark.parametrize("event", HARMLESS)
def test_both_tokens_stay_valid(office: Office, event: str, kind: Kind) -> None:
    user = office.register("ann")
    token = request(office, user, kind)
    HARMLESS[event](office, user)
    assert use(office, token, kind).id == user.id


@pytest.mark.parametrize("requested", ["verification", "reset"])
@pytest.mark.parametrize("kind", ["verification", "reset"])
def test_new_request_revokes_only_the_older_token_of_its_purpose(office: Office, kind: Kind, requested: Kind) -> None:
    user = office.register("ann")
    old = request(office, user, kind)
    new = request(office, user, requested)
    assert new != old
    assert is_refused(office, old, kind) == (kind == requested)


def test_the_newest_of_many_tokens_works(office: Office) -> None:
    user = office.register("ann")
    tokens = [request(office, user, "verification") for _ in range(3)]
    assert [is_refused(office, token, "verification") for token in tokens] == [True, True, False]


@pytest.mark.parametrize("kind", ["verification", "reset"])
def test_request_whose_mail_failed_keeps_the_older_token(open_office: Callable[..., Office], kind: Kind) -> None:
    office = open_office()
    user = office.register("ann")
    token = request(office, user, kind)
    broken = open_office(email=EmailSettings(transport="smtp", host="localhost", port=1, security="none"))
    with pytest.raises(MailError):
        request(broken, user, kind)
    assert not is_refused(office, token, kind)


@pytest.mark.parametrize("kind", ["verification", "reset"])
def test_token_is_valid_only_for_its_own_purpose(office: Office, kind: Kind) -> None:
    user = office.register("ann")
    token = request(office, user, kind)
    other: Kind = "reset" if kind == "verification" else "verification"
    assert is_refused(office, token, other)
    assert not is_refused(office, token, kind)


def test_a_reset_token_works_once(office: Office) -> None:
    user = office.register("ann")
    token = request(office, user, "reset")
    assert not is_refused(office, token, "reset")
    assert is_refused(office, token, "reset")


def test_verification_link_can_be_used_twice(office: Office) -> None:
    office.register("ann")
    token = office.token()
    assert [use(office, token, "verification").is_email_verified for _ in range(2)] == [True, True]


def test_a_used_verification_token_does_not_verify_again(office: Office) -> None:
    user = office.register("ann")
    token = office.token()
    use(office, token, "verification")
    office.users.update_user(user.id, {"is_email_verified": False})
    assert is_refused(office, token, "verification")


def test_refused_password_does_not_use_the_token(office: Office) -> None:
    user = office.register("ann")
    token = request(office, user, "reset")
    with pytest.raises(Refused):
        office.users.reset_password(token, "short")
    assert not is_refused(office, token, "reset")


@pytest.mark.parametrize("spend", ["use", "expire"])
def test_a_token_that_is_over_is_refused_before_the_password_is_checked(office: Office, spend: str) -> None:
    user = office.register("ann")
    token = request(office, user, "reset")
    if spend == "use":
        use(office, token, "reset")
    else:
        office.clock.advance(timedelta(days=1))
    hashes = office.services.hasher.operations
    for password in ("short", "another-copper-violin-13"):
        with pytest.raises(InvalidToken) as caught:
            office.users.reset_password(token, password)
        assert caught.value.message == "This reset token is used or expired."
    assert office.services.hasher.operations == hashes


@pytest.mark.parametrize(("invited", "proves"), [(False, False), (True, True)])
def test_reset_proves_the_address_of_an_invited_user_alone(office: Office, invited: bool, proves: bool) -> None:
    user = office.users.register_user("ann", "ann@example.org", None) if invited else office.register("ann")
    assert use(office, request(office, user, "reset"), "reset").is_email_verified is proves


LIFETIMES = TokenSettings(verification_lifetime=timedelta(hours=24), reset_lifetime=timedelta(minutes=30))


@pytest.mark.parametrize(
    ("kind", "lifetime"), [("verification", LIFETIMES.verification_lifetime), ("reset", LIFETIMES.reset_lifetime)]
)
@pytest.mark.parametrize(("late", "dead"), [(-1, False), (0, False), (1, True), (10**8, True)])
def test_token_works_until_it_expires(
    open_office: Callable[..., Office], kind: Kind, lifetime: timedelta, late: int, dead: bool
) -> None:
    office = open_office(tokens=LIFETIMES)
    token = request(office, office.register("ann"), kind)
    office.clock.advance(lifetime + timedelta(seconds=late))
    assert is_refused(office, token, kind) is dead


@pytest.mark.parametrize("token", ["", "x", "x" * 100_000, "\0", "\udc80", "é", "../../etc/passwd"])
@pytest.mark.parametrize("kind", ["verification", "reset"])
def test_text_that_is_not_a_token_is_refused(office: Office, kind: Kind, token: str) -> None:
    office.register("ann")
    assert is_refused(office, token, kind)


# Storage


def test_only_digests_are_kept(office: Office) -> None:
    user = office.register("ann")
    tokens = {office.token(), request(office, user, "reset")}
    use(office, request(office, office.register("ben"), "reset"), "reset")
    with closing(sqlite3.connect(office.database.path)) as connection:
        stored = {row[0] for row in connection.execute("SELECT digest FROM lback_tokens")}
        framework = connection.execute(
            "SELECT DISTINCT email_verification_token, email_verification_token_expiry, auth_token, token_expiry "
            "FROM users"
        ).fetchall()
        everything = "\n".join(connection.iterdump())
    assert {hashlib.sha256(token.encode()).hexdigest() for token in tokens} <= stored
    assert framework == [(None, None, None, None)]
    assert not [token for token in tokens if token in everything or token[:10] in everything]
    assert NEW_PASSWORD not in everything


# Recipients


def recipients(office: Office) -> list[str]:
    return [mail["To"].addresses[0].addr_spec for mail in office.mails]


@pytest.mark.parametrize(
    "given",
    [
        "mike@example.org",
        "MIKE@EXAMPLE.ORG",
        "Mike@Example.Org",
        "mi\N{KELVIN SIGN}e@example.org",
        "mike@\N{FULLWIDTH LATIN SMALL LETTER E}xample.org",
    ],
)
def test_reset_is_sent_to_the_stored_address_for_any_spelling(office: Office, given: str) -> None:
    office.register("mike", "Mike@Example.org", verified=True)
    office.users.reset_password_request(given)
    assert recipients(office) == ["mike@example.org"]


@pytest.mark.parametrize(
    "given",
    [
        "m\N{LATIN SMALL LETTER DOTLESS I}ke@example.org",
        "m\N{CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I}ke@example.org",
        "mike@example.org\0",
        "mike@example.org\nBcc: eve@example.org",
        "mike@example.org, eve@example.org",
        "Mike <mike@example.org>",
        " mike@example.org",
        "mike",
        "@",
        "",
    ],
)
def test_address_that_is_not_stored_gets_no_mail(office: Office, given: str) -> None:
    office.register("mike", verified=True)
    with pytest.raises(UserNotFound):
        office.users.reset_password_request(given)
    assert recipients(office) == []


def test_address_change_notifies_the_old_and_verifies_the_new_address(office: Office) -> None:
    user = office.register("mike", verified=True)
    office.users.update_user(user.id, {"email": "MIKE@Example.net"})
    assert sorted(recipients(office)) == ["mike@example.net", "mike@example.org"]
    assert use(office, office.token(), "verification").email == "mike@example.net"
