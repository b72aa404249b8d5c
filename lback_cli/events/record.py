"""An event as it is recorded: the terminal signal of an operation, who caused it, and whom it is about."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from lback_cli.events.actor import current_actor
from lback_cli.events.erasure import ERASURE
from lback_cli.events.hash_chain import canonical, hash_row, personal_digest, quoted, row_template
from lback_cli.events.serialization import to_json
from lback_cli.text.times import timestamp, utc_now

SUBJECT_LIMIT = 320
"""Characters of a subject's name; no address is longer (RFC 5321)."""

_COLUMN_LIMIT = 255
_OUTCOME_LIMIT = 64

UNRECORDED = frozenset({"session"})
"""Arguments that mean nothing once the operation is over."""

COLUMNS = (
    *("seq", "id", "time", "signal", "operation", "operation_id", "outcome"),
    *("actor", "host", "pid", "version", "invocation_id"),
    *("subject_id", "subject", "data", "salt", "digest", "previous_hash", "hash"),
)
"""The order of the values in the rows of `build_chain_rows`."""

_ID_LENGTH = 32  # hex digits


class EventRecord(NamedTuple):
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


def build_chain_rows(records: Sequence[EventRecord], seq: int, previous_hash: str) -> list[tuple[Any, ...]]:
    """The rows of *records* behind number *seq* with *previous_hash*, their values in the order of `COLUMNS`.

    They are recorded together, so the time and who acts are asked for once.
    """
    actor = current_actor()
    time = timestamp(utc_now())
    name, host = to_storable_text(actor.name, _COLUMN_LIMIT), to_storable_text(actor.host, _COLUMN_LIMIT)
    pid, version, invocation = os.getpid(), actor.version, actor.invocation_id
    shared = {"actor": name, "host": host, "pid": pid, "version": version, "invocation_id": invocation, "time": time}
    templates: dict[tuple[str, str, str | None], str] = {}
    ids, salts = random_ids(len(records)), random_ids(len(records))
    rows = []
    for (signal, operation, operation_id, outcome, subject_id, subject, data), id_, salt in zip(
        records, ids, salts, strict=True
    ):
        seq += 1
        kind = (signal, operation, outcome)
        if (template := templates.get(kind)) is None:
            what = {"signal": signal, "operation": operation, "outcome": outcome}
            template = templates[kind] = row_template(shared | what)
        digest = personal_digest(salt, data, subject)
        hash_ = hash_row(template, (digest, id_, operation_id, previous_hash, seq, subject_id))
        rows.append(
            (
                *(seq, id_, time, signal, operation, operation_id, outcome, name, host, pid, version, invocation),
                *(subject_id, subject, data, salt, digest, previous_hash, hash_),
            )
        )
        previous_hash = hash_
    return rows


def random_ids(count: int) -> list[str]:
    """So many times 128 random bits in hex, for the price of one call of the system."""
    digits = os.urandom(count * _ID_LENGTH // 2).hex()
    return [digits[start : start + _ID_LENGTH] for start in range(0, len(digits), _ID_LENGTH)]


def event_from_signal(signal: str, operation: str, operation_id: str, arguments: Mapping[str, Any]) -> EventRecord:
    """The event that *signal* with *arguments* is.

    Whom it is about is the user among the arguments, else the ``user_id``, ``username`` or ``email``.
    """
    data = {name: to_json(value) for name, value in arguments.items() if name not in UNRECORDED}
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


def fast_registered_event(operation_id: str, user_id: int, username: str, email: str) -> EventRecord:
    """Build the event of ``user_registered`` as `event_from_signal` does, ten times faster, for imports."""
    data = f'{{"user":{{"email":{quoted(email)},"id":{user_id},"username":{quoted(username)}}}}}'
    return EventRecord("user_registered", "register_user", operation_id, None, user_id, username, data)


def erasure_event(user_id: int | None, events: str) -> EventRecord:
    """The event that tells which others were erased; *events* are their numbers, all of them, however many."""
    data = canonical({"events": events, "user_id": user_id})
    return EventRecord(ERASURE, "erase_user", random_ids(1)[0], None, user_id, None, data)


def to_storable_text(value: object, limit: int | None = None) -> str:
    """*value* as text that every database takes as it is: without NUL and lone surrogates, and cut to *limit*."""
    text = str(value).replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
    return text[:limit]


def _integer(value: Any) -> int | None:
    """*value*, if it is a number: True and False, which Python counts as such, would be stored as another value."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
