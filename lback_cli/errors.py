"""Everything that lback raises, as one tree.

``code`` is stable and shown to scripts; ``error_type`` is the word that a failure signal carries.

- `LbackError`
    - `AuthenticationFailed`              ``authentication_failed``
    - `NotFound`
        - `UserNotFound`                  ``user_not_found``
        - `GroupNotFound`                 ``group_not_found``
        - `SignalNotFound`                ``signal_not_found``
        - `EventNotFound`                 ``event_not_found``
        - `SinkNotFound`                  ``sink_not_found``
        - `DeadLetterNotFound`            ``dead_letter_not_found``
        - `QueuedMailNotFound`            ``queued_mail_not_found``
    - `Conflict`
        - `UserExists`                    ``user_exists``
        - `GroupExists`                   ``group_exists``
    - `Refused`
        - `ValidationError`               ``validation_error``
        - `InvalidToken`                  ``invalid_token``
        - `OperationRejected`             ``rejected_by_receiver``
        - `LastAdministrator`             ``last_administrator``
        - `BrokenEventLog`                ``broken_event_log``
    - `Unusable`
        - `ConfigurationError`            ``configuration_error``
        - `DatabaseError`                 ``database_error``
            - `SchemaError`               ``schema_error``
            - `OutcomeUnknown`            ``outcome_unknown``
        - `MailError`                     ``email_send_failed``
        - `PasswordHashingError`          ``password_hashing_error``
    - `UsageError`                        ``usage``
    - `UnexpectedError`                   ``unexpected_exception``
"""

from typing import ClassVar, Literal


class LbackError(Exception):
    """Base of all errors that lback raises on purpose: catch this one to catch them all.

    *message* says what happened and to what; *hint* what to do next, where there is something to do.
    The foreign exception behind it, if any, is its ``__cause__``.
    """

    code: ClassVar[str] = "error"
    error_type: str = "unexpected_exception"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class AuthenticationFailed(LbackError):
    """The credentials were not accepted.

    The message is the same whatever the reason, so that it cannot be used to find out which users exist
    (ASVS 6.3.8); *reason* carries the word of ``user_authentication_failed``.
    """

    code = "authentication_failed"

    def __init__(self, reason: str) -> None:
        super().__init__("Authentication failed.", hint="--trace-signals shows the reason.")
        self.error_type = reason


class NotFound(LbackError):
    """Something that was named does not exist."""


class UserNotFound(NotFound):
    """No user has that name, address or id."""

    code = "user_not_found"
    error_type = "user_not_found"


class GroupNotFound(NotFound):
    """No group has that name."""

    code = "group_not_found"
    error_type = "validation_error"


class SignalNotFound(NotFound):
    """The catalogue has no signal of that name."""

    code = "signal_not_found"


class EventNotFound(NotFound):
    """The event log has no such event."""

    code = "event_not_found"


class SinkNotFound(NotFound):
    """The relay has no sink of that name."""

    code = "sink_not_found"


class DeadLetterNotFound(NotFound):
    """The sink has no such dead letter."""

    code = "dead_letter_not_found"


class QueuedMailNotFound(NotFound):
    """No mail in the queue has that number."""

    code = "queued_mail_not_found"


class Conflict(LbackError):
    """Something of that name exists already."""


class UserExists(Conflict):
    """The user name or the e-mail address is taken; *field* says which."""

    code = "user_exists"
    error_type = "validation_error"

    def __init__(self, field: str, value: str) -> None:
        what = "user name" if field == "username" else "e-mail address"
        super().__init__(f"The {what} {value!r} is taken.")
        self.field = field


class GroupExists(Conflict):
    """The group name is taken."""

    code = "group_exists"


class Refused(LbackError):
    """A rule, a token or a receiver said no."""


class ValidationError(Refused):
    """The value of *field* breaks a rule, which the message names."""

    code = "validation_error"
    error_type = "validation_error"

    def __init__(self, field: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.field = field


class InvalidToken(Refused):
    """The token is unknown, used, expired or out of date."""

    code = "invalid_token"
    error_type = "invalid_token"

    def __init__(self, message: str, *, error_type: str = "invalid_token") -> None:
        super().__init__(message, hint="Request a new one; only the newest link works.")
        self.error_type = error_type


class OperationRejected(Refused):
    """Raised by a receiver to veto the operation it was told of; *reason* is shown to the user."""

    code = "rejected_by_receiver"
    error_type = "rejected_by_receiver"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LastAdministrator(Refused):
    """The change would leave the administrators' group without an active member."""

    code = "last_administrator"
    error_type = "last_administrator"


class BrokenEventLog(Refused):
    """The event log is not what was written: *seq* is the number of the first event that shows it."""

    code = "broken_event_log"

    def __init__(self, seq: int, message: str) -> None:
        super().__init__(f"Event {seq}: {message}", hint="Nothing from there on can be trusted; see docs/event-log.md.")
        self.seq = seq


class Unusable(LbackError):
    """Configuration, database or mail cannot be used as they are."""


class ConfigurationError(Unusable):
    """A setting is missing, unknown or has a value that cannot be used."""

    code = "configuration_error"


class DatabaseError(Unusable):
    """The database did not do what was asked of it."""

    code = "database_error"
    error_type = "repository_error"


class SchemaError(DatabaseError):
    """The database's tables are older or newer than this lback."""

    code = "schema_error"


class OutcomeUnknown(DatabaseError):
    """The connection was lost during COMMIT, and nobody can be asked whether the change was kept."""

    code = "outcome_unknown"


DeliveryFailureKind = Literal["refused", "deferred", "unreachable"]
"""What a `MailError` means for the mail: it is refused for good, or till later, or no mail is taken at all."""


class MailError(Unusable):
    """The mail was not accepted by the transport; *verdict* says whether another try can help."""

    code = "email_send_failed"
    error_type = "email_send_failed"

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        verdict: DeliveryFailureKind = "unreachable",
    ) -> None:
        super().__init__(message, hint=hint)
        self.verdict = verdict


class UsageError(LbackError):
    """The command line does not make sense as it stands."""

    code = "usage"


class PasswordHashingError(Unusable):
    """The password could not be hashed, for want of memory above all."""

    code = "password_hashing_error"
    error_type = "password_hashing_error"


class UnexpectedError(LbackError):
    """Something failed that lback has no rule for; the exception is the ``__cause__``."""

    code = "unexpected_exception"
