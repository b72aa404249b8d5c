"""The 22 signals of docs/requirements.md: when each is sent, its arguments, and its reasons.

`lback signals`, ``docs/signals.md``, the trace and the contract tests are derived from this module.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal

from blinker import NamedSignal

from lback_cli.errors import SignalNotFound
from lback_cli.signals.ordered import OrderedSignal
from lback_cli.text.suggestions import did_you_mean

Phase = Literal["started", "progress", "success", "failure"]


@dataclass(frozen=True, slots=True)
class Argument:
    """A keyword argument of a signal. An optional argument without a value is passed as None."""

    name: str
    type: str
    meaning: str
    optional: bool = False

    @property
    def annotation(self) -> str:
        """The type in Python's notation."""
        return f"{self.type} | None" if self.optional else self.type


@dataclass(frozen=True)
class SignalSpec:
    """The contract of a signal. *reasons* maps each value of its ``error_type`` or ``reason`` to a meaning."""

    name: str
    phase: Phase
    when: str
    arguments: tuple[Argument, ...]
    reasons: Mapping[str, str]
    signal: NamedSignal

    @cached_property
    def argument_names(self) -> frozenset[str]:
        """The names of the keyword arguments."""
        return frozenset(argument.name for argument in self.arguments)

    @property
    def all_arguments(self) -> tuple[Argument, ...]:
        """The sender, which blinker passes by position, followed by the keyword arguments."""
        return (Argument("sender", "UserManager", "the manager that runs the operation"), *self.arguments)

    @property
    def reason_argument(self) -> str | None:
        """The name of the argument whose values are *reasons*, or None."""
        return next((name for name in ("error_type", "reason") if name in self.argument_names), None)

    @cached_property
    def carries_session(self) -> bool:
        """Whether receivers are passed the open transaction, and can write in it."""
        return "session" in self.argument_names

    @cached_property
    def can_veto(self) -> bool:
        """Whether a receiver can stop the operation by raising `OperationRejected`.

        Failure signals cannot be vetoed: they report an operation that has already ended.
        """
        return self.phase != "failure"

    @cached_property
    def carries_containers(self) -> bool:
        """Whether an argument is a dict or a list, which a receiver could modify."""
        return any(argument.type.startswith(("dict", "list")) for argument in self.arguments)


_specs: dict[str, SignalSpec] = {}
CATALOGUE: Mapping[str, SignalSpec] = MappingProxyType(_specs)
"""Every signal by name, in the order of docs/requirements.md."""


def find_signal(name: str) -> SignalSpec:
    """Return the signal called *name*.

    Raises:
        SignalNotFound: There is no such signal; the hint has the most similar name.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    hint = f"{did_you_mean(name, CATALOGUE)} 'lback signals list' shows all signals.".lstrip()
    raise SignalNotFound(f"There is no signal {name[:80]!r}.", hint=hint)


def _declare(
    name: str, phase: Phase, when: str, *arguments: Argument, reasons: Mapping[str, str] | None = None
) -> NamedSignal:
    signal = OrderedSignal(name, doc=f"{when}\n\nArguments: sender, {', '.join(a.name for a in arguments)}.")
    _specs[name] = SignalSpec(name, phase, when, arguments, MappingProxyType(dict(reasons or {})), signal)
    return signal


_USER = Argument("user", "User", "the user")
_FOUND_USER = Argument("user", "User", "the user, if one was found", optional=True)
_SESSION = Argument(
    "session", "Session", "the open SQLAlchemy session; what a receiver writes is committed with the operation"
)
_EXCEPTION = Argument(
    "exception",
    "Exception",
    "the exception that caused the failure; None if a rule, a token or a receiver refused the operation",
    optional=True,
)
_ERROR_TYPE = Argument("error_type", "str", "the kind of failure, one of the values below")
_USER_ID = Argument("user_id", "int", "the id of the user")
_UPDATE_DATA = Argument("update_data", "dict[str, Any]", "the requested changes; a password is displayed as ********")
_TOKEN_PREFIX = Argument("token_prefix", "str", "the first 10 characters of the token")
_RESET_EMAIL = Argument("email", "str", "the e-mail address as given")

_VALIDATION = {"validation_error": "an input is invalid, already taken, or names a group that does not exist"}
_WRONG_TYPE = {"validation_error": "an argument has the wrong type"}
_NO_SUCH_ID = {"user_not_found": "no user has that id"}
_HASHING = {"password_hashing_error": "the password could not be hashed"}
_MAIL = {"email_send_failed": "the mail was not accepted for delivery"}
_TOO_MANY = {"too_many_requests": "too many reset links were requested for the address in a short time"}
_LAST_ADMINISTRATOR = {"last_administrator": "the administrators' group would have no active member"}
_INVALID_TOKEN = {"invalid_token": "the token is unknown"}
_ANYTHING = {
    "repository_error": "the database failed, or the commit failed",
    "rejected_by_receiver": "a receiver raised OperationRejected",
    "unexpected_exception": "any other error; see the exception",
}

# Registration

user_registration_started = _declare(
    "user_registration_started",
    "started",
    "At the start of register_user, before any validation or database access.",
    Argument("username", "str", "the user name as given"),
    Argument("email", "str", "the e-mail address as given"),
)
user_pre_register = _declare(
    "user_pre_register",
    "progress",
    "After validation and password hashing, just before the user is inserted.",
    Argument("username", "str", "the user name in canonical form"),
    Argument("email", "str", "the e-mail address in canonical form"),
)
user_registered = _declare(
    "user_registered",
    "success",
    "After the user is inserted with all groups, and the link, if there is one, is mailed; before the commit.",
    _USER,
    _SESSION,
)
user_email_verification_initiated = _declare(
    "user_email_verification_initiated",
    "progress",
    "After the mail with a verification link is accepted for delivery, or queued.",
    _USER,
)
user_registration_failed = _declare(
    "user_registration_failed",
    "failure",
    "When registration fails for any reason.",
    Argument("username", "str", "the user name as given"),
    Argument("email", "str", "the e-mail address as given"),
    _ERROR_TYPE,
    Argument("error_message", "str", "the failure in words; None for an unexpected exception", optional=True),
    _EXCEPTION,
    reasons=_VALIDATION | _HASHING | _MAIL | _ANYTHING,
)

# Authentication

user_authentication_started = _declare(
    "user_authentication_started",
    "started",
    "At the start of authenticate_user, before the user is looked up or the password is checked.",
    Argument("username", "str", "the user name or e-mail address as given"),
)
user_authenticated = _declare(
    "user_authenticated",
    "success",
    "After the user is authenticated; before the commit.",
    _USER,
    _SESSION,
)
user_authentication_failed = _declare(
    "user_authentication_failed",
    "failure",
    "When authentication fails for any reason.",
    Argument("username", "str", "the user name or e-mail address as given"),
    Argument("reason", "str", "the kind of failure, one of the values below"),
    _FOUND_USER,
    _EXCEPTION,
    reasons={
        "user_not_found": "no user has that name or address",
        "incorrect_password": "the password is wrong, or the user has no usable password",
        "user_inactive": "the password is correct, but the user is deactivated",
        "email_not_verified": "the password is correct, but the address is not verified",
        "account_locked": "after too many failed logins, no password is accepted for a while",
    }
    | _WRONG_TYPE
    | _HASHING
    | _ANYTHING,
)

# E-mail verification

user_email_verification_successful = _declare(
    "user_email_verification_successful",
    "success",
    "After the user's address is marked as verified.",
    _USER,
    Argument("reason", "str", "why no token was needed, one of the values below", optional=True),
    reasons={
        "already_verified": "the address was already verified",
        "set_by_administrator": "an administrator marked the address as verified",
    },
)
user_email_verification_failed = _declare(
    "user_email_verification_failed",
    "failure",
    "When the verification of an address fails.",
    Argument("token_prefix", "str", "the first 10 characters of the token; empty for resend_verification"),
    _ERROR_TYPE,
    _EXCEPTION,
    _FOUND_USER,
    reasons=_INVALID_TOKEN
    | {"token_mismatch_or_expired": "the token is used or expired, or an application has changed the address"}
    | _WRONG_TYPE
    | {"user_not_found": "no user has the id that resend_verification was given"}
    | _MAIL
    | _ANYTHING,
)

# Update

user_update_started = _declare(
    "user_update_started",
    "started",
    "At the start of update_user, before the user is looked up or changed.",
    _USER_ID,
    _UPDATE_DATA,
)
user_updated = _declare(
    "user_updated",
    "success",
    "After the changes are written; before the commit.",
    _USER,
    _SESSION,
)
user_update_failed = _declare(
    "user_update_failed",
    "failure",
    "When an update fails for any reason.",
    _USER_ID,
    _UPDATE_DATA,
    _ERROR_TYPE,
    _EXCEPTION,
    _FOUND_USER,
    reasons=_NO_SUCH_ID | _VALIDATION | _LAST_ADMINISTRATOR | _HASHING | _MAIL | _ANYTHING,
)

# Deletion

user_deletion_started = _declare(
    "user_deletion_started",
    "started",
    "At the start of delete_user, before the user is looked up.",
    _USER_ID,
)
user_deleted = _declare(
    "user_deleted",
    "success",
    "After the user is deleted; before the commit.",
    _USER_ID,
    Argument("username", "str", "the name of the deleted user"),
    _SESSION,
)
user_deletion_failed = _declare(
    "user_deletion_failed",
    "failure",
    "When a deletion fails for any reason.",
    _USER_ID,
    Argument("username", "str", "the name of the user, if one was found", optional=True),
    _ERROR_TYPE,
    _EXCEPTION,
    reasons=_NO_SUCH_ID | _WRONG_TYPE | _LAST_ADMINISTRATOR | _ANYTHING,
)

# Password reset request

password_reset_request_started = _declare(
    "password_reset_request_started",
    "started",
    "At the start of reset_password_request, before the user is looked up or a token is generated.",
    _RESET_EMAIL,
)
password_reset_request_processed = _declare(
    "password_reset_request_processed",
    "success",
    "After the mail with a reset link is accepted for delivery, or queued; before the commit.",
    _RESET_EMAIL,
    _USER,
    _SESSION,
)
password_reset_request_failed = _declare(
    "password_reset_request_failed",
    "failure",
    "When a reset request fails for any reason.",
    _RESET_EMAIL,
    _ERROR_TYPE,
    _EXCEPTION,
    reasons={"user_not_found": "no user has that address"} | _WRONG_TYPE | _TOO_MANY | _MAIL | _ANYTHING,
)

# Password reset

password_reset_started = _declare(
    "password_reset_started",
    "started",
    "At the start of reset_password, before the token is checked or the password is changed.",
    _TOKEN_PREFIX,
)
password_reset_successful = _declare(
    "password_reset_successful",
    "success",
    "After the new password is written and the token is used; before the commit.",
    _USER,
    _SESSION,
)
password_reset_failed = _declare(
    "password_reset_failed",
    "failure",
    "When a password reset fails for any reason.",
    _TOKEN_PREFIX,
    _ERROR_TYPE,
    _EXCEPTION,
    _FOUND_USER,
    reasons={
        "invalid_token": "the token is unknown, used or expired",
        "user_not_found": "the user does not exist",
        "validation_error": "the new password breaks a rule, or an argument has the wrong type",
    }
    | _HASHING
    | _MAIL
    | _ANYTHING,
)
