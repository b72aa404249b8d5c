"""The exceptions of lback.

``code`` is a stable identifier for scripts. ``error_type`` is the value that a failure signal carries.

- `LbackError`
    - `AuthenticationFailed`              ``authentication_failed``
    - `NotFound`
        - `UserNotFound`                  ``user_not_found``
        - `GroupNotFound`                 ``group_not_found``
        - `SignalNotFound`                ``signal_not_found``
        - `EventNotFound`                 ``event_not_found``
        - `ImportNotFound`                ``import_not_found``
        - `SinkNotFound`                  ``sink_not_found``
        - `DeadLetterNotFound`            ``dead_letter_not_found``
        - `QueuedMailNotFound`            ``queued_mail_not_found``
    - `Conflict`
        - `UserExists`                    ``user_exists``
        - `GroupExists`                   ``group_exists``
    - `Refused`
        - `ValidationError`               ``validation_error``
            - `InvalidFile`               ``invalid_file``
        - `InvalidToken`                  ``invalid_token``
        - `OperationRejected`             ``rejected_by_receiver``
        - `AmbiguousUser`                 ``ambiguous_user``
        - `StillReferenced`               ``still_referenced``
        - `LastAdministrator`             ``last_administrator``
        - `ShareExceeded`                 ``share_exceeded``
        - `TooManyRequests`               ``too_many_requests``
        - `BrokenEventLog`                ``broken_event_log``
    - `Unusable`
        - `ConfigurationError`            ``configuration_error``
        - `DatabaseError`                 ``database_error``
            - `NotWritable`
            - `SchemaError`               ``schema_error``
            - `OutcomeUnknown`            ``outcome_unknown``
                - `UnconfirmedCommit`
        - `MailError`                     ``email_send_failed``
        - `SinkFailed`                    ``sink_failed``
        - `PasswordHashingError`          ``password_hashing_error``
    - `Declined`                          ``declined``
    - `UsageError`                        ``usage``
    - `UnexpectedError`                   ``unexpected_exception``
"""

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

_PLAIN_VALUE = re.compile(r"\w[\w.+@-]{0,79}")
"""A value that no shell changes."""


class LbackError(Exception):
    """The base class of all errors that lback raises on purpose.

    Args:
        message: What happened, and to what.
        hint: What to do next, if anything. An exception of another library that caused the error is its ``__cause__``.
    """

    code: ClassVar[str] = "error"
    error_type: str = "unexpected_exception"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class AuthenticationFailed(LbackError):
    """The credentials were not accepted.

    The message does not depend on the reason, so it does not reveal which users exist (ASVS 6.3.8). *reason* is the
    ``reason`` of the signal ``user_authentication_failed``.
    """

    code = "authentication_failed"

    def __init__(self, reason: str) -> None:
        super().__init__("Authentication failed.", hint="'lback events list --outcome failed' shows the reason.")
        self.error_type = reason


class NotFound(LbackError):
    """The named object does not exist."""


class UserNotFound(NotFound):
    """No user has that user name, address or id."""

    code = "user_not_found"
    error_type = "user_not_found"


class GroupNotFound(NotFound):
    """No group has that name. *name* is what was asked for, as far as it is known."""

    code = "group_not_found"
    error_type = "validation_error"

    def __init__(self, message: str, *, hint: str | None = None, name: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.name = name


class SignalNotFound(NotFound):
    """The catalogue has no signal of that name."""

    code = "signal_not_found"


class EventNotFound(NotFound):
    """The event log has no such event."""

    code = "event_not_found"


class ImportNotFound(NotFound):
    """There was no such import."""

    code = "import_not_found"


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
    """A name is taken, or an import conflicts: with another import, a changed file, or a plan that is out of date."""


class UserExists(Conflict):
    """The user name, the e-mail address or another unique value is taken. *field* is the name of the attribute."""

    code = "user_exists"
    error_type = "validation_error"

    def __init__(self, field: str, value: str, *, spelled: str | None = None) -> None:
        what = {"username": "user name", "email": "e-mail address"}.get(field, field)
        spelling = "" if spelled in {None, value} else f", in the spelling {spelled!r}"
        super().__init__(f"The {what} {value!r} is taken{spelling}.", hint=_of_the_holder(field, spelled or value))
        self.field = field


def _of_the_holder(field: str, value: str) -> str | None:
    """Return how to see who has *value*, if a command line can contain it as it is."""
    if field == "id" or not _PLAIN_VALUE.fullmatch(value):
        return None
    if field == "username":
        return (
            f"Choose another name. 'lback user show {value}' shows the user who has it, "
            f"and 'lback user update {value}' changes that user."
        )
    found = f"show {value}" if field == "email" else f"list --where {field}={value}"
    return f"'lback user {found}' shows the user who has it."


class GroupExists(Conflict):
    """The group name is taken."""

    code = "group_exists"

    def __init__(self, name: str) -> None:
        shown = f"'lback group show {name}' shows it." if _PLAIN_VALUE.fullmatch(name) else None
        super().__init__(f"The group {name!r} exists already.", hint=shown)


class Refused(LbackError):
    """A rule, a token or a receiver refused the operation, or a verification failed."""


class ValidationError(Refused):
    """The value of *field* breaks the rule in the message."""

    code = "validation_error"
    error_type = "validation_error"

    def __init__(self, field: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.field = field


class InvalidFile(ValidationError):
    """A file as a whole cannot be used. *faults* has a line for each fault, which begins with its place."""

    code = "invalid_file"

    def __init__(self, message: str, faults: Sequence[str], *, hint: str | None = None) -> None:
        super().__init__("file", message, hint=hint)
        self.faults = faults


class InvalidToken(Refused):
    """The token is unknown, used, expired or replaced by a newer one."""

    code = "invalid_token"
    error_type = "invalid_token"

    def __init__(self, message: str, *, error_type: str = "invalid_token") -> None:
        super().__init__(message, hint="Request a new one; only the newest link works.")
        self.error_type = error_type


class OperationRejected(Refused):
    """Raised by a receiver to veto the operation. *reason* is shown to the user."""

    code = "rejected_by_receiver"
    error_type = "rejected_by_receiver"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AmbiguousUser(Refused):
    """Several users may be meant. Only users that an application of the lback framework registered can be."""

    code = "ambiguous_user"
    error_type = "validation_error"


class StillReferenced(Refused):
    """Rows of an application's tables refer to what would be deleted."""

    code = "still_referenced"
    error_type = "repository_error"


class LastAdministrator(Refused):
    """The change would leave the administrators' group without an active member."""

    code = "last_administrator"
    error_type = "last_administrator"


class ShareExceeded(Refused):
    """Too many of all users would be deleted or deactivated at once."""

    code = "share_exceeded"


class TooManyRequests(Refused):
    """Too many reset links were requested for an e-mail address in a short time."""

    code = "too_many_requests"
    error_type = "too_many_requests"

    def __init__(self) -> None:
        super().__init__(
            "Too many reset links were requested for this address.",
            hint="Wait for authentication.window; authentication.max_reset_requests is the limit.",
        )


class BrokenEventLog(Refused):
    """The event log was changed. *seq* is the number of the first event at which this shows."""

    code = "broken_event_log"

    def __init__(self, seq: int, message: str, *, hint: str | None = None) -> None:
        hint = hint or "Nothing from there on can be trusted; see docs/event-log.md."
        super().__init__(f"Event {seq}: {message}", hint=hint)
        self.seq = seq


class Unusable(LbackError):
    """The configuration, the database, the mail server, a sink or a file cannot be used."""


class ConfigurationError(Unusable):
    """A setting is missing, unknown or invalid."""

    code = "configuration_error"


class DatabaseError(Unusable):
    """A database operation failed.

    Attributes:
        retry_timeout: Seconds to retry if the server is not available, as configured; None if that is unknown.
    """

    code = "database_error"
    error_type = "repository_error"
    retry_timeout: float | None = None


class NotWritable(DatabaseError):
    """The database can be read but not written: it is read-only, or this user lacks the privilege."""


class SchemaError(DatabaseError):
    """The database lacks tables that lback needs, or has tables of another version of lback."""

    code = "schema_error"


class OutcomeUnknown(DatabaseError):
    """A COMMIT of which lback does not know whether it took effect, or whether it will last."""

    code = "outcome_unknown"


class UnconfirmedCommit(OutcomeUnknown):
    """The change is committed, but no synchronous standby confirmed it, so a failover may lose it."""


DeliveryFailureKind = Literal["refused", "deferred", "policy", "unreachable"]
"""Why a mail was not sent: the server rejected it permanently (``refused``) or temporarily (``deferred``), refuses what
lback sends because of its login, sender, host or quota (``policy``), or is ``unreachable``."""


class MailError(Unusable):
    """The transport did not accept the mail. *verdict* says whether a later attempt can succeed."""

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


class SinkFailed(Unusable):
    """A sink of the relay did not take what a command sent it."""

    code = "sink_failed"


class UsageError(LbackError):
    """The command line is not valid."""

    code = "usage"


class Declined(LbackError):
    """A person did not confirm what a command asked for. Nothing was changed."""

    code = "declined"


class PasswordHashingError(Unusable):
    """The password could not be hashed, usually because memory is short."""

    code = "password_hashing_error"
    error_type = "password_hashing_error"


class UnexpectedError(LbackError):
    """An exception that lback does not expect. That exception is the ``__cause__``."""

    code = "unexpected_exception"
