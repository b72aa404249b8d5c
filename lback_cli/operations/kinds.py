"""The operations: the signals and the steps of each, in order.

`Operation` sends the signals declared here, and ``docs/signals.md`` is generated from them.
"""

from dataclasses import dataclass

from blinker import NamedSignal

from lback_cli import signals


@dataclass(frozen=True, slots=True)
class OperationKind:
    """The signals and the steps of an operation.

    The operation sends *started*, takes the *steps*, sends *succeeded* and commits; if anything fails, it sends
    *failed*. A step sends the signals that it names in backticks. *alternative* describes when another
    signal takes the place of *succeeded*.
    """

    name: str
    started: NamedSignal | None
    succeeded: NamedSignal
    failed: NamedSignal
    steps: tuple[str, ...]
    alternative: str = ""


_OR_VERIFIED = "or, if an administrator marks it as verified, `user_email_verification_successful`"

REGISTER_USER = OperationKind(
    "register_user",
    signals.user_registration_started,
    signals.user_registered,
    signals.user_registration_failed,
    steps=(
        "User name, address and password are validated, and the password is hashed.",
        "`user_pre_register`",
        "The user is inserted and joins the default group and the requested groups.",
        f"A token is stored and a link is mailed: `user_email_verification_initiated`; {_OR_VERIFIED}.",
    ),
)
AUTHENTICATE_USER = OperationKind(
    "authenticate_user",
    signals.user_authentication_started,
    signals.user_authenticated,
    signals.user_authentication_failed,
    steps=("The user is looked up and the password verified. A hash of an older scheme is replaced.",),
)
VERIFY_USER_EMAIL = OperationKind(
    "verify_user_email",
    None,
    signals.user_email_verification_successful,
    signals.user_email_verification_failed,
    steps=("The token is checked and used up, and the address is marked as verified.",),
)
RESEND_VERIFICATION = OperationKind(
    "resend_verification",
    None,
    signals.user_email_verification_initiated,
    signals.user_email_verification_failed,
    steps=("A new token is stored and a link is mailed.",),
    alternative="if the address is already verified, `user_email_verification_successful`",
)
UPDATE_USER = OperationKind(
    "update_user",
    signals.user_update_started,
    signals.user_updated,
    signals.user_update_failed,
    steps=(
        "The changes are validated, a new password is hashed, and all changes are written.",
        "If the password or the address changed, a notification is mailed.",
        f"A link is mailed to a new address: `user_email_verification_initiated`; {_OR_VERIFIED}.",
    ),
)
DELETE_USER = OperationKind(
    "delete_user",
    signals.user_deletion_started,
    signals.user_deleted,
    signals.user_deletion_failed,
    steps=("The user is deleted with all memberships and tokens.",),
)
RESET_PASSWORD_REQUEST = OperationKind(
    "reset_password_request",
    signals.password_reset_request_started,
    signals.password_reset_request_processed,
    signals.password_reset_request_failed,
    steps=("The user is looked up, a token is stored, and a link is mailed.",),
)
RESET_PASSWORD = OperationKind(
    "reset_password",
    signals.password_reset_started,
    signals.password_reset_successful,
    signals.password_reset_failed,
    steps=(
        "The token is checked, or issued for an administrator. The password is validated and hashed.",
        "The token is used up, the password is written, and a notification is mailed.",
        "If an invited user sets the first password, the address is verified: `user_email_verification_successful`.",
    ),
)

OPERATIONS = (
    REGISTER_USER,
    AUTHENTICATE_USER,
    VERIFY_USER_EMAIL,
    RESEND_VERIFICATION,
    UPDATE_USER,
    DELETE_USER,
    RESET_PASSWORD_REQUEST,
    RESET_PASSWORD,
)
"""Every operation, in the order of the documentation."""
