"""reset_password_request, reset_password and reset_user_password: every outcome."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from .fixtures_data import (
    BOB,
    EXPIRED_RESET,
    LIVE_RESET,
    LIVE_VERIFY,
    NEW_PASSWORD,
    UNKNOWN_ID,
    UNKNOWN_TOKEN,
    USED_RESET,
    WEAK_PASSWORD,
    Person,
)
from .scenario import (
    BAD_CONFIGURATION,
    MAIL_DOWN,
    MAIL_MISCONFIGURED,
    NO_MEMORY,
    REFUSED_CONNECTION,
    SESSION,
    SOME_PREFIX,
    TYPED_BY_SHELL,
    Call,
    Failing,
    Receiver,
    Scenario,
    Sent,
    gone,
    new_token,
)

# Requests


def request(email: str = BOB.email) -> Call:
    return Call("reset_password_request", {"email": email}, ("request-password-reset", email))


def asked(email: str = BOB.email) -> Sent:
    return "password_reset_request_started", {"email": email}


def processed(email: str = BOB.email) -> Sent:
    return "password_reset_request_processed", {"email": email, "user": BOB.shown, "session": SESSION}


def not_mailed(error_type: str, *, email: str = BOB.email, found: Any = None, exception: Any = None) -> Sent:
    assert found is None
    return "password_reset_request_failed", {"email": email, "error_type": error_type, "exception": exception}


_WRONG_TYPE = {"email": str(BOB.email.encode()), "error_type": "validation_error", "exception": None}
_MAILED = [("reset_password", BOB.email)]
_REQUESTED_ROWS = {
    **gone(*(f"lback_tokens {state}-reset_password" for state in ("live", "used", "expired"))),
    **new_token(BOB, "reset_password", token_id=4),
}
_shared_request = Failing("reset request", request(), not_mailed)

REQUEST = [
    Scenario("reset request: ok", request(), [asked(), processed()], rows=_REQUESTED_ROWS, mails=_MAILED),
    Scenario(
        "reset request: mail goes to the stored address",
        request("BOB@Example.org"),
        [asked("BOB@Example.org"), processed("BOB@Example.org")],
        rows=_REQUESTED_ROWS,
        mails=_MAILED,
    ),
    Scenario(
        "reset request: unknown address",
        request("nobody@example.org"),
        [asked("nobody@example.org"), not_mailed("user_not_found", email="nobody@example.org")],
        code="user_not_found",
    ),
    Scenario(
        "reset request: a name is not an address",
        request(BOB.username),
        [asked(BOB.username), not_mailed("user_not_found", email=BOB.username)],
        code="user_not_found",
        library_only="the command looks names up first",
    ),
    Scenario(
        "reset request: wrong type",
        replace(request(), arguments={"email": BOB.email.encode()}),
        [
            ("password_reset_request_started", {"email": str(BOB.email.encode())}),
            ("password_reset_request_failed", _WRONG_TYPE),
        ],
        code="validation_error",
        library_only=TYPED_BY_SHELL,
    ),
    Scenario(
        "reset request: too many",
        request(),
        [asked(), not_mailed("too_many_requests")],
        code="too_many_requests",
        settings={"authentication.max_reset_requests": 0},
        library_only="a configuration allows one request or more",
    ),
    Scenario(
        "reset request: mail down",
        request(),
        [asked(), not_mailed("email_send_failed", exception=REFUSED_CONNECTION)],
        code="email_send_failed",
        settings=MAIL_DOWN,
    ),
    Scenario(
        "reset request: mail misconfigured",
        request(),
        [asked(), not_mailed("unexpected_exception", exception=BAD_CONFIGURATION)],
        code="configuration_error",
        settings=MAIL_MISCONFIGURED,
    ),
    _shared_request.refused_by_database([asked()], "INSERT ON lback_tokens"),
    _shared_request.refused_at_commit([asked(), processed()], "INSERT ON lback_tokens", mails=_MAILED),
    _shared_request.surprised([asked()]),
    _shared_request.vetoed([asked()]),
    _shared_request.vetoed([asked(), processed()], mails=_MAILED),
    _shared_request.crashed([asked(), processed()], mails=_MAILED),
    Scenario(
        "reset request: crash at password_reset_request_started goes no further",
        request(),
        [asked(), processed()],
        rows=_REQUESTED_ROWS,
        mails=_MAILED,
        receivers=[Receiver("password_reset_request_started", "crash")],
        logged=1,
    ),
    _shared_request.interrupted([asked(), processed()], mails=_MAILED),
]

# Resets with a mailed token


def reset(token: str = LIVE_RESET.token, password: str = NEW_PASSWORD) -> Call:
    argv = ("reset-password", "--token", token, "--password-stdin")
    return Call("reset_password", {"token": token, "new_password": password}, argv, stdin=password)


def begun(prefix: Any = LIVE_RESET.prefix) -> Sent:
    return "password_reset_started", {"token_prefix": prefix}


def failed(
    error_type: str, *, prefix: Any = LIVE_RESET.prefix, found: Person | None = None, exception: Any = None
) -> Sent:
    return (
        "password_reset_failed",
        {"token_prefix": prefix, "error_type": error_type, "exception": exception, "user": found and found.shown},
    )


def refused(name: str, call: Call, error_type: str, found: Person | None = BOB, **more: Any) -> Scenario:
    prefix = call.arguments["token"][:10]
    exception = more.pop("exception", None)
    return Scenario(
        f"reset: {name}",
        call,
        [begun(prefix), failed(error_type, prefix=prefix, found=found, exception=exception)],
        code=more.pop("code", error_type),
        **more,
    )


_RESET: Sent = ("password_reset_successful", {"user": BOB.shown, "session": SESSION})
_ok = [begun(), _RESET]
_NOTICE = [("password_changed", BOB.email)]
_PASSWORD_ROWS = {"users 2": {"password": "hash of NEW_PASSWORD", "updated_at": "now"}}
_RESET_ROWS = {
    **_PASSWORD_ROWS,
    "lback_tokens live-reset_password": {"used_at": "now"},
    **gone("lback_tokens expired-reset_password"),
}
_shared = Failing("reset", reset(), failed)

RESET = [
    Scenario("reset: ok", reset(), _ok, rows=_RESET_ROWS, mails=_NOTICE),
    Scenario(
        "reset: ok in the last microsecond",
        reset(),
        _ok,
        rows=_RESET_ROWS,
        mails=_NOTICE,
        later=timedelta(hours=1),
    ),
    refused("expired by a microsecond", reset(), "invalid_token", later=timedelta(hours=1, microseconds=1)),
    refused("expired", reset(EXPIRED_RESET.token), "invalid_token"),
    refused("used", reset(USED_RESET.token), "invalid_token"),
    refused("unknown", reset(UNKNOWN_TOKEN), "invalid_token", None),
    refused("a token for something else", reset(LIVE_VERIFY.token), "invalid_token", None),
    refused(
        "sent to another address",
        reset(),
        "invalid_token",
        sql=["UPDATE lback_tokens SET email = 'bob@old.example'"],
    ),
    refused("weak password does not spend the token", reset(password=WEAK_PASSWORD), "validation_error"),
    refused("password built from the name", reset(password="example.org-lback-bob"), "validation_error"),
    refused("no memory to hash with", reset(), "password_hashing_error", exception=NO_MEMORY, starved=True),
    refused("mail down", reset(), "email_send_failed", exception=REFUSED_CONNECTION, settings=MAIL_DOWN),
    refused(
        "mail misconfigured",
        reset(),
        "unexpected_exception",
        code="configuration_error",
        exception=BAD_CONFIGURATION,
        settings=MAIL_MISCONFIGURED,
    ),
    _shared.refused_by_database([begun()], "UPDATE ON users", BOB),
    _shared.refused_at_commit(_ok, "UPDATE ON users", BOB, mails=_NOTICE),
    _shared.surprised([begun()], BOB),
    _shared.vetoed([begun()]),
    _shared.vetoed(_ok, BOB, mails=_NOTICE),
    _shared.crashed(_ok, BOB, mails=_NOTICE),
    Scenario(
        "reset: crash at password_reset_started goes no further",
        reset(),
        _ok,
        rows=_RESET_ROWS,
        mails=_NOTICE,
        receivers=[Receiver("password_reset_started", "crash")],
        logged=1,
    ),
    _shared.interrupted(_ok, BOB, mails=_NOTICE),
]

# Resets by an administrator


def reset_user(user_id: int = BOB.id, password: str = NEW_PASSWORD) -> Call:
    argv = ("reset-password", f"id:{user_id}", "--password-stdin")
    return Call("reset_user_password", {"user_id": user_id, "new_password": password}, argv, stdin=password)


def failed_for_user(error_type: str, *, found: Person | None = None, exception: Any = None) -> Sent:
    return failed(error_type, prefix=SOME_PREFIX, found=found, exception=exception)


_ok_for_user = [begun(SOME_PREFIX), _RESET]
_shared_for_user = Failing("reset for a user", reset_user(), failed_for_user)
_RESET_USER_ROWS = {
    **_PASSWORD_ROWS,
    **gone(*(f"lback_tokens {state}-reset_password" for state in ("live", "used", "expired"))),
    "+lback_tokens never shown": {
        "id": 4,
        "user_id": BOB.id,
        "purpose": "reset_password",
        "email": BOB.email,
        "created_at": "now",
        "expires_at": "now + 1 h",
        "used_at": "now",
    },
}

RESET_USER = [
    Scenario("reset for a user: ok", reset_user(), _ok_for_user, rows=_RESET_USER_ROWS, mails=_NOTICE),
    Scenario(
        "reset for a user: unknown user",
        reset_user(UNKNOWN_ID),
        [begun(SOME_PREFIX), failed_for_user("user_not_found")],
        code="user_not_found",
    ),
    Scenario(
        "reset for a user: weak password",
        reset_user(password=WEAK_PASSWORD),
        [begun(SOME_PREFIX), failed_for_user("validation_error", found=BOB)],
        code="validation_error",
    ),
    Scenario(
        "reset for a user: no memory to hash with",
        reset_user(),
        [begun(SOME_PREFIX), failed_for_user("password_hashing_error", found=BOB, exception=NO_MEMORY)],
        code="password_hashing_error",
        starved=True,
    ),
    Scenario(
        "reset for a user: mail down",
        reset_user(),
        [begun(SOME_PREFIX), failed_for_user("email_send_failed", found=BOB, exception=REFUSED_CONNECTION)],
        code="email_send_failed",
        settings=MAIL_DOWN,
    ),
    _shared_for_user.refused_at_commit(_ok_for_user, "UPDATE ON users", BOB, mails=_NOTICE),
    _shared_for_user.vetoed(_ok_for_user, BOB, mails=_NOTICE),
]
