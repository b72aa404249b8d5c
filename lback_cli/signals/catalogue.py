"""THE catalogue: the 22 signals, when each is sent, what it carries, and the words it may use.

`lback signals`, ``docs/signals.md``, the trace and the contract tests are all derived from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal

from blinker import NamedSignal

from lback_cli.errors import SignalNotFound
from lback_cli.signals.ordered import OrderedSignal

Phase = Literal["started", "progress", "success", "failure"]


@dataclass(frozen=True, slots=True)
class Argument:
    """One keyword argument of a signal. An optional one is always passed too, as None where there is nothing to say."""

    name: str
    type: str
    meaning: str
    optional: bool = False

    @property
    def annotation(self) -> str:
        """The type as Python writes it."""
        return f"{self.type} | None" if self.optional else self.type


@dataclass(frozen=True)
class SignalSpec:
    """What is promised of one signal.

    *words* are the values that ``error_type`` or ``reason`` can have, each with its meaning.
    """

    name: str
    phase: Phase
    when: str
    arguments: tuple[Argument, ...]
    words: Mapping[str, str]
    signal: NamedSignal

    @cached_property
    def argument_names(self) -> frozenset[str]:
        """The names of all arguments but the sender."""
        return frozenset(argument.name for argument in self.arguments)

    @property
    def all_arguments(self) -> tuple[Argument, ...]:
        """The sender, which blinker passes by position, and the keyword arguments."""
        return (Argument("sender", "UserManager", "the manager that runs the operation"), *self.arguments)

    @property
    def word_argument(self) -> str | None:
        """The argument that *words* are the values of."""
        return next((name for name in ("error_type", "reason") if name in self.argument_names), None)

    @cached_property
    def carries_session(self) -> bool:
        """Whether receivers are handed the open transaction, and so can write in it."""
        return "session" in self.argument_names

    @cached_property
    def can_veto(self) -> bool:
        """Whether a receiver that raises `OperationRejected` calls the operation off.

        All can, but for failure signals, which report what is settled.
        """
        return self.phase != "failure"

    @cached_property
    def carries_containers(self) -> bool:
        """Whether an argument is one that a receiver could change under the feet of others."""
        return any(argument.type.startswith(("dict", "list")) for argument in self.arguments)


_specs: dict[str, SignalSpec] = {}
CATALOGUE: Mapping[str, SignalSpec] = MappingProxyType(_specs)
"""Every documented signal by name, in the order of the document."""


def find_signal(name: str) -> SignalSpec:
    """The signal called *name*. Raises `SignalNotFound`, with the nearest name as the hint."""
    if name in CATALOGUE:
        return CATALOGUE[name]
    from difflib import get_close_matches

    near = get_close_matches(name, CATALOGUE, n=1)
    hint = f"Did you mean {near[0]}?" if near else "'lback signals list' shows them all."
    raise SignalNotFound(f"There is no signal {name[:80]!r}.", hint=hint)


def _declare(
    name: str, phase: Phase, when: str, *arguments: Argument, words: Mapping[str, str] | None = None
) -> NamedSignal:
    signal = OrderedSignal(name, doc=f"{when}\n\nArguments: sender, {', '.join(a.name for a in arguments)}.")
    _specs[name] = SignalSpec(name, phase, when, arguments, MappingProxyType(dict(words or {})), signal)
    return signal


_USER = Argument("user", "User", "the user it is about")
_FOUND_USER = Argument("user", "User", "the user, if one was found", optional=True)
_SESSION = Argument(
    "session", "Session", "the open SQLAlchemy session; what a receiver writes commits with the operation"
)
_EXCEPTION = Argument("exception", "Exception", "the foreign exception behind the failure, if any", optional=True)
_ERROR_TYPE = Argument("error_type", "str", "the kind of failure, one of the words below")
_USER_ID = Argument("user_id", "int", "id of the user")
_UPDATE_DATA = Argument("update_data", "dict[str, Any]", "the changes asked for; a password shows as ********")
_TOKEN_PREFIX = Argument("token_prefix", "str", "the first 10 characters of the token")
_RESET_EMAIL = Argument("email", "str", "address for which the reset was requested")

_VALIDATION = {"validation_error": "an input breaks a rule, or names something that is taken or missing"}
_NOT_FOUND = {"user_not_found": "nobody has that id or address"}
_HASHING = {"password_hashing_error": "the password could not be hashed"}
_MAIL = {"email_send_failed": "the mail was not accepted for delivery"}
_LAST_ADMINISTRATOR = {"last_administrator": "the administrators' group would have no active member left"}
_INVALID_TOKEN = {"invalid_token": "the token is unknown"}
_ANYTHING = {
    "repository_error": "the database failed, or refused to commit",
    "rejected_by_receiver": "a receiver raised OperationRejected",
    "unexpected_exception": "anything else; the exception says what",
}

# Registration

user_registration_started = _declare(
    "user_registration_started",
    "started",
    "First thing in register_user, before any validation or database access.",
    Argument("username", "str", "user name as it was given"),
    Argument("email", "str", "e-mail address as it was given"),
)
user_pre_register = _declare(
    "user_pre_register",
    "progress",
    "Once name, address and password are valid and the password is hashed, just before the user is inserted.",
    Argument("username", "str", "user name in its canonical form"),
    Argument("email", "str", "e-mail address in its canonical form"),
)
user_registered = _declare(
    "user_registered",
    "success",
    "Once the user is inserted, a member of the default group, and e-mail verification is under way; before commit.",
    _USER,
    _SESSION,
)
user_email_verification_initiated = _declare(
    "user_email_verification_initiated",
    "progress",
    "Once a verification token is stored and the mail that carries it was accepted.",
    _USER,
)
user_registration_failed = _declare(
    "user_registration_failed",
    "failure",
    "When registration ends without a user, for whatever reason.",
    Argument("username", "str", "user name as it was given"),
    Argument("email", "str", "e-mail address as it was given"),
    _ERROR_TYPE,
    Argument("error_message", "str", "what was wrong, in words; None where only the exception knows", optional=True),
    _EXCEPTION,
    words=_VALIDATION | _HASHING | _MAIL | _ANYTHING,
)

# Authentication

user_authentication_started = _declare(
    "user_authentication_started",
    "started",
    "First thing in authenticate_user, before the user is looked up or any credential checked.",
    Argument("username", "str", "user name as it was given"),
)
user_authenticated = _declare(
    "user_authenticated",
    "success",
    "Once the password is right and the user may log in; before commit.",
    _USER,
    _SESSION,
)
user_authentication_failed = _declare(
    "user_authentication_failed",
    "failure",
    "When authentication is refused or breaks, for whatever reason.",
    Argument("username", "str", "user name as it was given"),
    Argument("reason", "str", "why, one of the words below"),
    _FOUND_USER,
    _EXCEPTION,
    words={
        "user_not_found": "nobody has that name",
        "incorrect_password": "the password is wrong, or the account has none that can be used",
        "user_inactive": "the password is right but the account is deactivated",
        "email_not_verified": "the password is right but the address was never verified",
    }
    | _HASHING
    | _ANYTHING,
)

# E-mail verification

user_email_verification_successful = _declare(
    "user_email_verification_successful",
    "success",
    "Once the user's address counts as verified.",
    _USER,
    Argument("reason", "str", "why no token was needed, one of the words below; else None", optional=True),
    words={
        "already_verified": "it was verified before",
        "set_by_administrator": "an administrator vouched for it at registration or by an update",
    },
)
user_email_verification_failed = _declare(
    "user_email_verification_failed",
    "failure",
    "When an attempt to verify an address fails.",
    Argument("token_prefix", "str", "the first 10 characters of the token; empty before there is one"),
    _ERROR_TYPE,
    _EXCEPTION,
    _FOUND_USER,
    words=_INVALID_TOKEN
    | {"token_mismatch_or_expired": "the token is known, but used, expired or meant for another address"}
    | _NOT_FOUND
    | _MAIL
    | _ANYTHING,
)

# Update

user_update_started = _declare(
    "user_update_started",
    "started",
    "First thing in update_user, before the user is looked up or any change applied.",
    _USER_ID,
    _UPDATE_DATA,
)
user_updated = _declare(
    "user_updated",
    "success",
    "Once the changes are written; before commit.",
    _USER,
    _SESSION,
)
user_update_failed = _declare(
    "user_update_failed",
    "failure",
    "When an update ends without a change, for whatever reason.",
    _USER_ID,
    _UPDATE_DATA,
    _ERROR_TYPE,
    _EXCEPTION,
    _FOUND_USER,
    words=_NOT_FOUND | _VALIDATION | _LAST_ADMINISTRATOR | _HASHING | _MAIL | _ANYTHING,
)

# Deletion

user_deletion_started = _declare(
    "user_deletion_started",
    "started",
    "First thing in delete_user, before the user is looked up.",
    _USER_ID,
)
user_deleted = _declare(
    "user_deleted",
    "success",
    "Once the user is deleted; before commit.",
    _USER_ID,
    Argument("username", "str", "name that the user had"),
    _SESSION,
)
user_deletion_failed = _declare(
    "user_deletion_failed",
    "failure",
    "When a deletion leaves the user in place, for whatever reason.",
    _USER_ID,
    Argument("username", "str", "name of the user, if one was found", optional=True),
    _ERROR_TYPE,
    _EXCEPTION,
    words=_NOT_FOUND | _LAST_ADMINISTRATOR | _ANYTHING,
)

# Password reset: the request

password_reset_request_started = _declare(
    "password_reset_request_started",
    "started",
    "First thing in reset_password_request, before the user is looked up or a token made.",
    _RESET_EMAIL,
)
password_reset_request_processed = _declare(
    "password_reset_request_processed",
    "success",
    "Once a reset token is stored and the mail that carries it was accepted; before commit.",
    _RESET_EMAIL,
    _USER,
    _SESSION,
)
password_reset_request_failed = _declare(
    "password_reset_request_failed",
    "failure",
    "When a reset request ends without a mail, for whatever reason.",
    _RESET_EMAIL,
    _ERROR_TYPE,
    _EXCEPTION,
    words=_NOT_FOUND | _MAIL | _ANYTHING,
)

# Password reset: the deed

password_reset_started = _declare(
    "password_reset_started",
    "started",
    "First thing in reset_password, before the token is checked or the password changed.",
    _TOKEN_PREFIX,
)
password_reset_successful = _declare(
    "password_reset_successful",
    "success",
    "Once the new password is written and the token spent; before commit.",
    _USER,
    _SESSION,
)
password_reset_failed = _declare(
    "password_reset_failed",
    "failure",
    "When a reset leaves the password as it was, for whatever reason.",
    _TOKEN_PREFIX,
    _ERROR_TYPE,
    _EXCEPTION,
    _FOUND_USER,
    words={"invalid_token": "the token is unknown, used or expired"}
    | _NOT_FOUND
    | _VALIDATION
    | _HASHING
    | _MAIL
    | _ANYTHING,
)
