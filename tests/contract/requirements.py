"""The requirements of docs/requirements.md, transcribed from the page and not derived from the code."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Documented:
    """A signal of docs/requirements.md: its arguments except the sender (``?``: optional), and its reasons."""

    arguments: tuple[str, ...]
    words: frozenset[str] = frozenset()


def _signal(arguments: str, words: str = "") -> Documented:
    return Documented(tuple(arguments.split()), frozenset(words.split()))


SIGNALS = {
    "user_registration_started": _signal("username email"),
    "user_pre_register": _signal("username email"),
    "user_registered": _signal("user session"),
    "user_email_verification_initiated": _signal("user"),
    "user_registration_failed": _signal(
        "username email error_type error_message? exception?",
        "validation_error password_hashing_error email_send_failed repository_error unexpected_exception",
    ),
    "user_authentication_started": _signal("username"),
    "user_authenticated": _signal("user session"),
    "user_authentication_failed": _signal(
        "username reason user? exception?",
        "user_not_found incorrect_password user_inactive email_not_verified unexpected_exception",
    ),
    "user_email_verification_successful": _signal("user reason?", "already_verified"),
    "user_email_verification_failed": _signal(
        "token_prefix error_type exception? user?", "invalid_token token_mismatch_or_expired unexpected_exception"
    ),
    "user_update_started": _signal("user_id update_data"),
    "user_updated": _signal("user session"),
    "user_update_failed": _signal(
        "user_id update_data error_type exception? user?",
        "user_not_found validation_error password_hashing_error repository_error unexpected_exception",
    ),
    "user_deletion_started": _signal("user_id"),
    "user_deleted": _signal("user_id username session"),
    "user_deletion_failed": _signal(
        "user_id username? error_type exception?", "user_not_found repository_error unexpected_exception"
    ),
    "password_reset_request_started": _signal("email"),
    "password_reset_request_processed": _signal("email user session"),
    "password_reset_request_failed": _signal(
        "email error_type exception?", "user_not_found email_send_failed unexpected_exception"
    ),
    "password_reset_started": _signal("token_prefix"),
    "password_reset_successful": _signal("user session"),
    "password_reset_failed": _signal(
        "token_prefix error_type exception? user?",
        "invalid_token validation_error repository_error unexpected_exception",
    ),
}

TYPES = {
    "email": "str",
    "error_message": "str",
    "error_type": "str",
    "exception": "Exception",
    "reason": "str",
    "session": "Session",
    "token_prefix": "str",
    "update_data": "dict[str, Any]",
    "user": "User",
    "user_id": "int",
    "username": "str",
}


@dataclass(frozen=True)
class Sequence:
    """The signals of an operation: the first one, the progress in order, and the two terminal ones."""

    started: str | None
    succeeded: str
    failed: str
    progress: tuple[str, ...] = ()


_VERIFIED = "user_email_verification_successful"
_INITIATED = "user_email_verification_initiated"

OPERATIONS = {
    "register_user": Sequence(
        "user_registration_started",
        "user_registered",
        "user_registration_failed",
        progress=("user_pre_register", _INITIATED, _VERIFIED),
    ),
    "authenticate_user": Sequence("user_authentication_started", "user_authenticated", "user_authentication_failed"),
    "verify_user_email": Sequence(None, _VERIFIED, "user_email_verification_failed"),
    "update_user": Sequence(
        "user_update_started", "user_updated", "user_update_failed", progress=(_INITIATED, _VERIFIED)
    ),
    "delete_user": Sequence("user_deletion_started", "user_deleted", "user_deletion_failed"),
    "reset_password_request": Sequence(
        "password_reset_request_started", "password_reset_request_processed", "password_reset_request_failed"
    ),
    "reset_password": Sequence("password_reset_started", "password_reset_successful", "password_reset_failed"),
}

Exit = Literal[0, 1, 4, 5, 6, 7, 9]

ERRORS: dict[str, tuple[str, Exit]] = {
    "authentication_failed": ("AuthenticationFailed", 4),
    "user_not_found": ("UserNotFound", 5),
    "group_not_found": ("GroupNotFound", 5),
    "user_exists": ("UserExists", 6),
    "validation_error": ("ValidationError", 7),
    "invalid_token": ("InvalidToken", 7),
    "rejected_by_receiver": ("OperationRejected", 7),
    "too_many_requests": ("TooManyRequests", 7),
    "last_administrator": ("LastAdministrator", 7),
    "configuration_error": ("ConfigurationError", 9),
    "database_error": ("DatabaseError", 9),
    "email_send_failed": ("MailError", 9),
    "password_hashing_error": ("PasswordHashingError", 9),
    "unexpected_exception": ("UnexpectedError", 1),
}
"""The class and the exit code of each error code."""
