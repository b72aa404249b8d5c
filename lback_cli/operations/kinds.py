"""The operations: the signals and the steps of each, in order.

`Operation` sends the signals declared here, and ``docs/signals.md`` is generated from them.
"""

from dataclasses import dataclass

from blinker import NamedSignal

from lback_cli import signals


@dataclass(frozen=True, slots=True)
class OperationKind:
    """The signals and the steps of an operation.

    The operation sends *started*, takes the *steps*, sends *succeeded* and commits. If anything fails, it sends
    *failed*. A step sends the signals that it names in backticks. *alternative* says when another signal is sent in
    place of *succeeded*. *event* is the name of the event of a success, if it is not the name of the signal.
    """

    name: str
    started: NamedSignal | None
    succeeded: NamedSignal
    failed: NamedSignal
    steps: tuple[str, ...]
    alternative: str = ""
    event: str = ""


REGISTER_USER = OperationKind(
    "register_user",
    signals.user_registration_started,
    signals.user_registered,
    signals.user_registration_failed,
    steps=(
        "User name, address and password are validated, and the password is hashed.",
        "`user_pre_register`",
        "The user is inserted and joins the default group and the requested groups.",
        "A user without a password is mailed an invitation, unless `mail` is `none`. This sends no signal.",
        "If `mail` is `verify`, any other unverified user is mailed a link: `user_email_verification_initiated`.",
        "If the address is registered as verified: `user_email_verification_successful`.",
    ),
)
AUTHENTICATE_USER = OperationKind(
    "authenticate_user",
    signals.user_authentication_started,
    signals.user_authenticated,
    signals.user_authentication_failed,
    steps=("The user is looked up, and the password is verified. An outdated hash is replaced.",),
)
VERIFY_USER_EMAIL = OperationKind(
    "verify_user_email",
    None,
    signals.user_email_verification_successful,
    signals.user_email_verification_failed,
    steps=("The token is checked and used, and the address is marked as verified.",),
)
RESEND_VERIFICATION = OperationKind(
    "resend_verification",
    None,
    signals.user_email_verification_initiated,
    signals.user_email_verification_failed,
    steps=("A new verification link is mailed, unless the address is already verified.",),
    alternative="`user_email_verification_successful` if the address is already verified",
)
UPDATE_USER = OperationKind(
    "update_user",
    signals.user_update_started,
    signals.user_updated,
    signals.user_update_failed,
    steps=(
        "The changes are validated, a new password is hashed, and all changes are written.",
        "If the password or the address changed, a notification is mailed, unless `mail` is `none`.",
        "If `mail` is `verify`, a new, unverified address is mailed a link: `user_email_verification_initiated`.",
        "If an administrator marks the address as verified: `user_email_verification_successful`.",
    ),
)
DELETE_USER = OperationKind(
    "delete_user",
    signals.user_deletion_started,
    signals.user_deleted,
    signals.user_deletion_failed,
    steps=("The user is deleted with all memberships and tokens.",),
)
RESTORE_USER = OperationKind(
    "restore_user",
    signals.user_registration_started,
    signals.user_registered,
    signals.user_registration_failed,
    steps=(
        "The user name, the address and the id are compared with those of other users.",
        "`user_pre_register`",
        "The user is inserted with the earlier id and joins the earlier groups that still exist. No mail is sent.",
        "If the address was verified: `user_email_verification_successful`.",
    ),
    event="user_restored",
)
RESET_PASSWORD_REQUEST = OperationKind(
    "reset_password_request",
    signals.password_reset_request_started,
    signals.password_reset_request_processed,
    signals.password_reset_request_failed,
    steps=("The request is counted, the user is looked up, and a reset link is mailed.",),
)
RESET_PASSWORD = OperationKind(
    "reset_password",
    signals.password_reset_started,
    signals.password_reset_successful,
    signals.password_reset_failed,
    steps=(
        "The token is checked, or issued by `reset_user_password`. The password is validated and hashed.",
        "The token is used, the password is written, and a notification is mailed.",
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
    RESTORE_USER,
    RESET_PASSWORD_REQUEST,
    RESET_PASSWORD,
)
"""Every operation, in the order of the documentation."""
