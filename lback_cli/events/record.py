"""An event as it is recorded: the terminal signal of an operation, who caused it, and whom it is about."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from lback_cli.events.actor import current_actor
from lback_cli.events.arguments import as_json
from lback_cli.events.chain import HASHED, canonical, personal_digest, row_hash
from lback_cli.times import timestamp, utc_now

SUBJECT_LIMIT = 320
"""Characters of a subject's name; no address is longer (RFC 5321)."""

_COLUMN_LIMIT = 255
_OUTCOME_LIMIT = 64

UNRECORDED = frozenset({"session"})
"""Arguments that mean nothing once the operation is over."""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """What is known of an event before it gets its place in the chain. *subject_id* and *subject* say whom it is about.

    *outcome* is the ``error_type`` or ``reason`` of the signal; *data* its arguments, as canonical JSON.
    """

    signal: str
    operation: str
    operation_id: str
    outcome: str | None
    subject_id: int | None
    subject: str | None
    data: str

    def row(self, seq: int, previous_hash: str) -> dict[str, Any]:
        """The columns of this event as number *seq*, behind the row with *previous_hash*."""
        actor = current_actor()
        salt = secrets.token_hex(16)
        row: dict[str, Any] = {
            "seq": seq,
            "id": uuid4().hex,
            "time": timestamp(utc_now()),
            "signal": self.signal,
            "operation": self.operation,
            "operation_id": self.operation_id,
            "outcome": self.outcome,
            "actor": storable(actor.name, _COLUMN_LIMIT),
            "host": storable(actor.host, _COLUMN_LIMIT),
            "pid": os.getpid(),
            "version": actor.version,
            "invocation_id": actor.invocation_id,
            "subject_id": self.subject_id,
            "subject": self.subject,
            "data": self.data,
            "salt": salt,
            "digest": personal_digest(salt, self.data, self.subject),
            "previous_hash": previous_hash,
        }
        row["hash"] = row_hash(row[name] for name in HASHED)
        return row


def event_of(signal: str, operation: str, operation_id: str, arguments: Mapping[str, Any]) -> EventRecord:
    """The event that *signal* with *arguments* is.

    Whom it is about is the user among the arguments, else the ``user_id``, ``username`` or ``email``.
    """
    data = {name: as_json(value) for name, value in arguments.items() if name not in UNRECORDED}
    user = data.get("user") or {}
    subject = user.get("username") or data.get("username") or data.get("email")
    outcome = data.get("error_type") or data.get("reason")
    return EventRecord(
        signal=signal,
        operation=operation,
        operation_id=operation_id,
        outcome=storable(outcome, _OUTCOME_LIMIT) if outcome else None,
        subject_id=_integer(user.get("id", data.get("user_id"))),
        subject=storable(subject, SUBJECT_LIMIT) if subject else None,
        data=canonical(data),
    )


def storable(value: object, limit: int | None = None) -> str:
    """*value* as text that every database takes as it is: without NUL and lone surrogates, and cut to *limit*."""
    text = str(value).replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
    return text[:limit]


def _integer(value: Any) -> int | None:
    """*value*, if it is a number: True and False, which Python counts as such, would be stored as another value."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
