"""What is documented of each operation: its name and its signals."""

from dataclasses import dataclass

from blinker import NamedSignal

from lback_cli import signals


@dataclass(frozen=True, slots=True)
class OperationKind:
    """What is documented of an operation: its name and its first, its successful and its failed signal."""

    name: str
    started: NamedSignal | None
    succeeded: NamedSignal
    failed: NamedSignal


REGISTER_USER = OperationKind(
    "register_user",
    signals.user_registration_started,
    signals.user_registered,
    signals.user_registration_failed,
)
AUTHENTICATE_USER = OperationKind(
    "authenticate_user",
    signals.user_authentication_started,
    signals.user_authenticated,
    signals.user_authentication_failed,
)
VERIFY_USER_EMAIL = OperationKind(
    "verify_user_email",
    None,
    signals.user_email_verification_successful,
    signals.user_email_verification_failed,
)
RESEND_VERIFICATION = OperationKind(
    "resend_verification",
    None,
    signals.user_email_verification_initiated,
    signals.user_email_verification_failed,
)
UPDATE_USER = OperationKind(
    "update_user",
    signals.user_update_started,
    signals.user_updated,
    signals.user_update_failed,
)
DELETE_USER = OperationKind(
    "delete_user",
    signals.user_deletion_started,
    signals.user_deleted,
    signals.user_deletion_failed,
)
RESET_PASSWORD_REQUEST = OperationKind(
    "reset_password_request",
    signals.password_reset_request_started,
    signals.password_reset_request_processed,
    signals.password_reset_request_failed,
)
RESET_PASSWORD = OperationKind(
    "reset_password",
    signals.password_reset_started,
    signals.password_reset_successful,
    signals.password_reset_failed,
)
