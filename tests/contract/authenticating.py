"""authenticate_user: every outcome."""

from dataclasses import replace
from typing import Any

from .fixtures_data import BOB, CAROL, DAVE, EVE, NEW_PASSWORD, PASSWORD, Person
from .scenario import NO_MEMORY, SESSION, TYPED_BY_SHELL, Call, Failing, Receiver, Scenario, Sent


def authenticate(username: str, password: str = PASSWORD, *, allow_unverified: bool = False) -> Call:
    arguments = {"username": username, "password": password, "allow_unverified": allow_unverified}
    argv = ["authenticate", username, "--password-stdin", *["--allow-unverified"] * allow_unverified]
    return Call("authenticate_user", arguments, tuple(argv), stdin=password)


def begun(username: str) -> Sent:
    return "user_authentication_started", {"username": username}


def authenticated(person: Person) -> Sent:
    return "user_authenticated", {"user": person.shown, "session": SESSION}


def failed(reason: str, *, username: str = BOB.username, found: Person | None = None, exception: Any = None) -> Sent:
    return (
        "user_authentication_failed",
        {"username": username, "reason": reason, "user": found and found.shown, "exception": exception},
    )


def refused(reason: str, call: Call, found: Person | None = None, name: str = "") -> Scenario:
    username = call.arguments["username"]
    return Scenario(
        f"authenticate: {name or reason}",
        call,
        [begun(username), failed(reason, username=username, found=found)],
        code="authentication_failed",
    )


def failed_eve(reason: str, *, found: Person | None = None, exception: Any = None) -> Sent:
    return failed(reason, username=EVE.username, found=found, exception=exception)


_LOCK_BOB = (
    "INSERT INTO lback_accounts SELECT 'user:2', id, created_at, NULL, 10, NULL, 0, NULL, '2999-01-01 00:00:00',"
    " created_at FROM users WHERE id = 2"
)
_ok = [begun(BOB.username), authenticated(BOB)]
_shared = Failing("authenticate", authenticate(BOB.username), failed)
_shared_with_eve = Failing("authenticate", authenticate(EVE.username), failed_eve)

AUTHENTICATE = [
    Scenario("authenticate: ok", authenticate(BOB.username), _ok),
    Scenario("authenticate: ok in another case", authenticate("Bob"), [begun("Bob"), authenticated(BOB)]),
    Scenario(
        "authenticate: ok by address", authenticate("BOB@example.org"), [begun("BOB@example.org"), authenticated(BOB)]
    ),
    Scenario(
        "authenticate: a legacy hash is replaced",
        authenticate(EVE.username),
        [begun(EVE.username), authenticated(EVE)],
        rows={"users 5": {"password": "hash of PASSWORD", "updated_at": "now"}},
    ),
    Scenario(
        "authenticate: a legacy hash stays where that is configured",
        authenticate(EVE.username),
        [begun(EVE.username), authenticated(EVE)],
        settings={"password.upgrade_at_login": False},
    ),
    Scenario(
        "authenticate: unverified but allowed",
        authenticate(CAROL.username, allow_unverified=True),
        [begun(CAROL.username), authenticated(CAROL)],
    ),
    refused("user_not_found", authenticate("nobody")),
    refused("incorrect_password", authenticate(BOB.username, NEW_PASSWORD), BOB),
    refused("incorrect_password", authenticate(BOB.username, "x" * 5000), BOB, name="oversize password"),
    refused("incorrect_password", authenticate(DAVE.username, NEW_PASSWORD), DAVE, name="wrong for an inactive user"),
    refused("user_inactive", authenticate(DAVE.username), DAVE),
    replace(
        refused("user_inactive", authenticate(DAVE.username), DAVE, name="neither active nor verified"),
        sql=["UPDATE users SET is_email_verified = FALSE WHERE id = 4"],
    ),
    refused("email_not_verified", authenticate(CAROL.username), CAROL),
    replace(refused("account_locked", authenticate(BOB.username), BOB), sql=[_LOCK_BOB]),
    Scenario(
        "authenticate: wrong type",
        replace(authenticate(BOB.username), arguments={"username": BOB.username, "password": PASSWORD.encode()}),
        [begun(BOB.username), failed("validation_error")],
        code="validation_error",
        library_only=TYPED_BY_SHELL,
    ),
    Scenario(
        "authenticate: no memory to hash with",
        authenticate("nobody", NEW_PASSWORD),
        [begun("nobody"), failed("password_hashing_error", username="nobody", exception=NO_MEMORY)],
        code="password_hashing_error",
        starved=True,
    ),
    Scenario(
        "authenticate: no memory to replace a legacy hash is not a failure",
        authenticate(EVE.username),
        [begun(EVE.username), authenticated(EVE)],
        starved=True,
    ),
    _shared_with_eve.refused_by_database([begun(EVE.username)], "UPDATE ON users", EVE),
    _shared_with_eve.refused_at_commit([begun(EVE.username), authenticated(EVE)], "UPDATE ON users", EVE),
    _shared_with_eve.surprised([begun(EVE.username)], EVE),
    _shared.vetoed(_ok[:1]),
    _shared.vetoed(_ok, BOB),
    _shared.crashed(_ok, BOB),
    Scenario(
        "authenticate: crash at user_authentication_started goes no further",
        authenticate(BOB.username),
        _ok,
        receivers=[Receiver("user_authentication_started", "crash")],
        logged=1,
    ),
    replace(
        refused("incorrect_password", authenticate(BOB.username, NEW_PASSWORD), BOB, name="crash after the failure"),
        receivers=[Receiver("user_authentication_failed", "crash")],
        logged=1,
    ),
    _shared.interrupted(_ok, BOB),
]
