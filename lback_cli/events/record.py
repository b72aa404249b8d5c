"""Build events: the terminal signal of an operation, its actor, and the user that it is about."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from lback_cli.events.actor import current_actor
from lback_cli.events.erasure import ERASURE, format_ranges
from lback_cli.events.hash_chain import RowHasher, canonical, personal_digest
from lback_cli.text.times import timestamp, utc_now

SUBJECT_LIMIT = 320
"""Characters of a subject. No address is longer (RFC 5321)."""

_COLUMN_LIMIT = 255
_OUTCOME_LIMIT = 64

UNRECORDED = frozenset({"session"})
"""Arguments that are not recorded, because they have no meaning after the operation."""

COLUMNS = (
    *("id", "signal", "operation", "operation_id", "outcome", "actor", "host", "pid", "version", "invocation_id"),
    *("subject_id", "subject", "data", "salt", "digest", "seq", "time", "previous_hash", "hash"),
)
"""The columns of `ChainLinks.rows`, and then those of `ChainLinks.places`."""

_ID_LENGTH = 32  # hex digits


class EventRecord(NamedTuple):
    """An event before it is added to the chain.

    *outcome* is the ``error_type`` or ``reason`` of the signal, *subject_id* and *subject* identify the user that it is
    about, and *data* has its arguments as canonical JSON.
    """

    signal: str
    operation: str
    operation_id: str
    outcome: str | None
    subject_id: int | None
    subject: str | None
    data: str


class ChainLinks:
    """Events that are ready to be added to the chain: all is done that can be done before it is locked.

    All have the same actor and, when they are added, the same time.

    Args:
        records: The events.

    Attributes:
        rows: The rows of the events, without their places in the chain.
        last_operation_id: The operation of the last event.
    """

    def __init__(self, records: Sequence[EventRecord]) -> None:
        actor = current_actor()
        name, host = to_storable_text(actor.name, _COLUMN_LIMIT), to_storable_text(actor.host, _COLUMN_LIMIT)
        by = (name, host, os.getpid(), actor.version, actor.invocation_id)
        self._hasher = RowHasher(dict(zip(("actor", "host", "pid", "version", "invocation_id"), by, strict=True)))
        self.rows: list[tuple[Any, ...]] = []
        self._links = []
        self.last_operation_id = records[-1].operation_id
        ids, salts = random_ids(len(records)), random_ids(len(records))
        for (signal, operation, operation_id, outcome, subject_id, subject, data), id_, salt in zip(
            records, ids, salts, strict=True
        ):
            digest = personal_digest(salt, data, subject)
            begun = self._hasher.begin(operation, outcome, digest, id_, operation_id)
            self.rows.append(
                (id_, signal, operation, operation_id, outcome, *by, subject_id, subject, data, salt, digest)
            )
            self._links.append((begun, signal, subject_id))

    def places(self, seq: int, previous_hash: str) -> list[tuple[int, str, str, str]]:
        """Return the number, time, previous hash and hash of each event; it can be called once.

        The events follow that with number *seq* and the hash *previous_hash*.
        """
        time = timestamp(utc_now())
        end = self._hasher.ending_at(time)
        places = []
        for begun, signal, subject_id in self._links:
            seq += 1
            hash_ = end(begun, previous_hash, seq, signal, subject_id)
            places.append((seq, time, previous_hash, hash_))
            previous_hash = hash_
        return places


def random_ids(count: int) -> list[str]:
    """Return *count* times 128 random bits in hex, from one system call."""
    digits = os.urandom(count * _ID_LENGTH // 2).hex()
    return [digits[start : start + _ID_LENGTH] for start in range(0, len(digits), _ID_LENGTH)]


def event_from_signal(
    signal: str,
    operation: str,
    operation_id: str,
    arguments: Mapping[str, Any],
    changes: Mapping[str, Any] | None = None,
    *,
    undoes: int | None = None,
) -> EventRecord:
    """Return the event for *signal* with *arguments*, and with *changes* if the operation succeeded.

    Its subject is the user among the arguments, else the ``user_id``, ``username`` or ``email``. *undoes* is the number
    of the event that the operation undoes, if it undoes one.
    """
    from lback_cli.events.serialization import to_json  # loads the ORM, which readers of the log do without

    data = {name: to_json(value) for name, value in arguments.items() if name not in UNRECORDED}
    if changes is not None:
        data["changes"] = changes
    if undoes is not None:
        data["undoes"] = undoes
    user = data.get("user") or {}
    subject = user.get("username") or data.get("username") or data.get("email")
    outcome = data.get("error_type") or data.get("reason")
    return EventRecord(
        signal=signal,
        operation=operation,
        operation_id=operation_id,
        outcome=to_storable_text(outcome, _OUTCOME_LIMIT) if outcome else None,
        subject_id=_integer(user.get("id", data.get("user_id"))),
        subject=to_storable_text(subject, SUBJECT_LIMIT) if subject else None,
        data=canonical(data),
    )


def registered_event(operation_id: str, user_id: int, username: str, data: str) -> EventRecord:
    """Return the event of ``user_registered`` with *data*, which is in canonical form."""
    return EventRecord("user_registered", "register_user", operation_id, None, user_id, username, data)


def deleted_event(operation_id: str, user_id: int, username: str, data: str) -> EventRecord:
    """Return the event of ``user_deleted`` with *data*, which is in canonical form."""
    subject = to_storable_text(username, SUBJECT_LIMIT)
    return EventRecord("user_deleted", "delete_user", operation_id, None, user_id, subject, data)


def administrative_event(
    name: str,
    operation: str,
    data: Mapping[str, Any],
    *,
    operation_id: str | None = None,
    subject: tuple[int, str] | None = None,
) -> EventRecord:
    """Return an event that is not a signal, such as ``group_created``.

    Args:
        name: The name of the event.
        operation: The name of what was done.
        data: What the event says. It has no ``changes`` of its own if no user and no group changed.
        operation_id: The operation that it belongs to; None for one of its own.
        subject: The id and the name of the user that it is about, if it is about one.
    """
    user_id, username = subject or (None, None)
    text = canonical({"changes": {}, **data})
    return EventRecord(name, operation, operation_id or random_ids(1)[0], None, user_id, username, text)


def erasure_event(user_id: int | None, events: Sequence[int], mentions: Sequence[int]) -> EventRecord:
    """Return the event of an erasure, with the numbers of the person's *events* and of others that had *mentions*."""
    ranges = {"events": format_ranges(events), "mentions": format_ranges(mentions)}
    data = canonical({"changes": {}, **ranges, "user_id": user_id})
    return EventRecord(ERASURE, "erase_user", random_ids(1)[0], None, user_id, None, data)


def to_storable_text(value: object, limit: int | None = None) -> str:
    """Return *value* as text that every database can store: without NUL and lone surrogates, and cut to *limit*."""
    text = str(value).replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
    return text[:limit]


def _integer(value: Any) -> int | None:
    """Return *value* if it is an integer. A bool, which is one in Python, would be stored as another value."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
