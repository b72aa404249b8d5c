"""An event as it is recorded: the terminal signal of an operation, who caused it, and whom it is about."""

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
            "actor": actor.name,
            "host": actor.host,
            "pid": actor.pid,
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
    return EventRecord(
        signal=signal,
        operation=operation,
        operation_id=operation_id,
        outcome=data.get("error_type") or data.get("reason"),
        subject_id=_integer(user.get("id", data.get("user_id"))),
        subject=None if subject is None else str(subject)[:SUBJECT_LIMIT],
        data=canonical(data),
    )


def registered_event(operation_id: str, user_id: int, username: str, email: str) -> EventRecord:
    """The event of ``user_registered``: what `event_of` makes of it, in a tenth of the time, as batches need it."""
    data = f'{{"user":{{"email":{canonical(email)},"id":{user_id},"username":{canonical(username)}}}}}'
    return EventRecord("user_registered", "register_user", operation_id, None, user_id, username, data)


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) else None
