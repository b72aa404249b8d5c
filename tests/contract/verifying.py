"""verify_user_email and resend_verification: every outcome."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from .environment import Rows
from .fixtures_data import (
    BOB,
    CAROL,
    EXPIRED_VERIFY,
    LIVE_RESET,
    LIVE_VERIFY,
    UNKNOWN_ID,
    UNKNOWN_TOKEN,
    USED_VERIFY,
    Person,
)
from .scenario import (
    BAD_CONFIGURATION,
    MAIL_DOWN,
    MAIL_MISCONFIGURED,
    REFUSED_CONNECTION,
    TYPED_BY_SHELL,
    Call,
    Failing,
    Receiver,
    Scenario,
    Sent,
    gone,
    initiated,
    new_token,
)


def verify(token: str = LIVE_VERIFY.token) -> Call:
    return Call("verify_user_email", {"token": token}, ("verify-email", token))


def resend(user_id: int = CAROL.id) -> Call:
    return Call("resend_verification", {"user_id": user_id}, ("resend-verification", f"id:{user_id}"))


def verified(person: Person = CAROL, reason: str | None = None) -> Sent:
    return "user_email_verification_successful", {"user": person.shown, "reason": reason}


def failed(
    error_type: str, *, prefix: str = LIVE_VERIFY.prefix, found: Person | None = None, exception: Any = None
) -> Sent:
    return (
        "user_email_verification_failed",
        {"token_prefix": prefix, "error_type": error_type, "exception": exception, "user": found and found.shown},
    )


def failed_to_resend(error_type: str, *, found: Person | None = None, exception: Any = None) -> Sent:
    return failed(error_type, prefix="", found=found, exception=exception)


def dead(name: str, token: str, error_type: str, found: Person | None = None, **more: Any) -> Scenario:
    return Scenario(
        f"verify: {name}",
        verify(token),
        [failed(error_type, prefix=token[:10], found=found)],
        code="invalid_token",
        **more,
    )


_VERIFIED_ROWS: Rows = {
    "users 3": {"is_email_verified": 1, "updated_at": "now"},
    "lback_tokens live-verify_email": {"used_at": "now"},
}
_ALREADY = ["UPDATE users SET is_email_verified = true WHERE id = 3"]
_MISMATCH = "token_mismatch_or_expired"
_shared = Failing("verify", verify(), failed)

VERIFY = [
    Scenario("verify: ok", verify(), [verified()], rows=_VERIFIED_ROWS),
    Scenario(
        "verify: wrong type",
        replace(verify(), arguments={"token": LIVE_VERIFY.token.encode()}),
        [failed("validation_error", prefix=str(LIVE_VERIFY.token.encode())[:10])],
        code="validation_error",
        library_only=TYPED_BY_SHELL,
    ),
    Scenario(
        "verify: ok in the last microsecond",
        verify(),
        [verified()],
        rows=_VERIFIED_ROWS,
        later=timedelta(hours=1),
    ),
    dead("expired by a microsecond", LIVE_VERIFY.token, _MISMATCH, CAROL, later=timedelta(hours=1, microseconds=1)),
    dead("expired", EXPIRED_VERIFY.token, _MISMATCH, CAROL),
    dead("used", USED_VERIFY.token, _MISMATCH, CAROL),
    dead("unknown", UNKNOWN_TOKEN, "invalid_token"),
    dead("a token shorter than its prefix", "abc", "invalid_token"),
    dead("a token for something else", LIVE_RESET.token, "invalid_token"),
    dead(
        "sent to another address",
        LIVE_VERIFY.token,
        _MISMATCH,
        Person(3, "carol"),
        sql=["UPDATE lback_tokens SET email = 'carol@old.example'"],
    ),
    Scenario(
        "verify: already verified",
        verify(),
        [verified(reason="already_verified")],
        rows={"lback_tokens live-verify_email": {"used_at": "now"}},
        sql=_ALREADY,
    ),
    Scenario(
        "verify: already verified, with the token that did it",
        verify(USED_VERIFY.token),
        [verified(reason="already_verified")],
        sql=_ALREADY,
    ),
    _shared.refused_by_database([], "UPDATE ON users", CAROL),
    _shared.refused_at_commit([verified()], "UPDATE ON users", CAROL),
    _shared.surprised([], CAROL),
    _shared.vetoed([verified()], CAROL),
    Scenario(
        "verify: crash at user_email_verification_successful goes no further",
        verify(),
        [verified()],
        rows=_VERIFIED_ROWS,
        receivers=[Receiver("user_email_verification_successful", "crash")],
        logged=1,
    ),
    _shared.interrupted([verified()], CAROL),
]

_MAILED = [("verify_email", CAROL.email)]
# The old tokens are deleted; SQLite then gives the new one the next id after the remaining ones.
_RESENT_ROWS = {
    **gone(*(f"lback_tokens {state}-verify_email" for state in ("live", "used", "expired"))),
    **new_token(CAROL, "verify_email"),
}
_shared_resend = Failing("resend", resend(), failed_to_resend)

RESEND = [
    Scenario("resend: ok", resend(), [initiated(CAROL.shown)], rows=_RESENT_ROWS, mails=_MAILED),
    Scenario("resend: already verified", resend(BOB.id), [verified(BOB, "already_verified")]),
    Scenario("resend: unknown user", resend(UNKNOWN_ID), [failed_to_resend("user_not_found")], code="user_not_found"),
    Scenario(
        "resend: mail down",
        resend(),
        [failed_to_resend("email_send_failed", found=CAROL, exception=REFUSED_CONNECTION)],
        code="email_send_failed",
        settings=MAIL_DOWN,
    ),
    Scenario(
        "resend: mail misconfigured",
        resend(),
        [failed_to_resend("unexpected_exception", found=CAROL, exception=BAD_CONFIGURATION)],
        code="configuration_error",
        settings=MAIL_MISCONFIGURED,
    ),
    _shared_resend.refused_by_database([], "INSERT ON lback_tokens", CAROL),
    _shared_resend.refused_at_commit([initiated(CAROL.shown)], "INSERT ON lback_tokens", CAROL, mails=_MAILED),
    _shared_resend.surprised([], CAROL),
    _shared_resend.vetoed([initiated(CAROL.shown)], CAROL, mails=_MAILED),
    Scenario(
        "resend: crash at user_email_verification_initiated goes no further",
        resend(),
        [initiated(CAROL.shown)],
        rows=_RESENT_ROWS,
        mails=_MAILED,
        receivers=[Receiver("user_email_verification_initiated", "crash")],
        logged=1,
    ),
    _shared_resend.interrupted([initiated(CAROL.shown)], CAROL, mails=_MAILED),
]
