"""Walk a log from its first event and find the first that is not as it was written.

The verifier trusts nothing it is given: neither that rows come in order, nor that they have the fields or types they
should. What it cannot see is a log that was cut off at the end or rewritten as a whole, head included; for that it
needs a `Checkpoint` that was kept elsewhere.
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lback_cli.errors import BrokenEventLog
from lback_cli.events.checkpoint import Checkpoint
from lback_cli.events.erasure import ERASURE, parse_ranges
from lback_cli.events.hash_chain import GENESIS, HASHED, personal_digest, row_hash

COLUMNS = (*HASHED, "data", "subject", "salt", "hash")
"""The fields of a row that the verifier is fed, in this order; *data* as canonical JSON text."""

_SEQ = HASHED.index("seq")
_PREVIOUS_HASH = HASHED.index("previous_hash")
_DIGEST = HASHED.index("digest")
_SIGNAL = HASHED.index("signal")
_HASHED = len(HASHED)
_ENDLESS = 10**20


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """A log that holds: *events* in number, *erased* of them without personal data, and the *hash* of the last."""

    events: int
    erased: int
    hash: str


class Verifier:
    """Checks a log row by row. With a *checkpoint*, the log must contain it."""

    def __init__(self, checkpoint: Checkpoint | None = None) -> None:
        self._checkpoint = checkpoint
        self._seq = 0
        self._hash = GENESIS
        self._erased = 0
        self._unexplained: list[int] = []
        if checkpoint is not None and checkpoint.seq == 0:
            self._compare_checkpoint(GENESIS)

    def feed(self, rows: Iterable[Sequence[Any]]) -> None:
        """Check *rows*, which have the fields of `COLUMNS`. Raises `BrokenEventLog` for the first that is wrong."""
        seq, previous = self._seq, self._hash
        stop = self._checkpoint.seq if self._checkpoint else None
        for row in rows:
            seq += 1
            data, subject, salt, stated = row[_HASHED:]
            if row[_SEQ] != seq:
                raise BrokenEventLog(seq, _misplaced(row[_SEQ], seq))
            try:
                whole = row_hash(row[:_HASHED]) == stated
                erased = salt is None and data is None and subject is None
                named = erased or (
                    data is not None and salt is not None and personal_digest(salt, data, subject) == row[_DIGEST]
                )
            except (ValueError, TypeError, RecursionError) as error:
                raise BrokenEventLog(seq, "it holds what no event holds.") from error
            if not whole:
                raise BrokenEventLog(seq, "it was edited: its fields do not give its hash.")
            if row[_PREVIOUS_HASH] != previous:
                raise BrokenEventLog(seq, f"it does not follow event {seq - 1}: one of them was replaced.")
            if not named:
                raise BrokenEventLog(seq, "its data or subject was edited.")
            if erased:
                self._erased += 1
                self._unexplained.append(seq)
            if row[_SIGNAL] == ERASURE:
                self._explain(seq, data)
            previous = stated
            if seq == stop:
                self._compare_checkpoint(previous)
        self._seq, self._hash = seq, previous

    def finish(self, head: tuple[Any, Any] | None = None) -> VerificationResult:
        """Check what only the whole log shows; *head* is the number and hash that its last event should have.

        Raises `BrokenEventLog`.
        """
        if head is not None and head != (self._seq, self._hash):
            raise BrokenEventLog(
                self._seq + 1,
                f"the log ends before it, but its head tells of {_short(head[0])} events: one of them was changed.",
            )
        if self._checkpoint is not None and self._seq < self._checkpoint.seq:
            raise BrokenEventLog(
                self._seq + 1,
                f"it is missing: the log ends before the checkpoint, which has seen {self._checkpoint.seq} events.",
            )
        if self._unexplained:
            raise BrokenEventLog(self._unexplained[0], "its data is gone, and no erasure says so.")
        return VerificationResult(self._seq, self._erased, self._hash)

    def _explain(self, seq: int, data: str | None) -> None:
        """Take the events that an erasure names off those that need one: all of them come before it."""
        if data is None:
            raise BrokenEventLog(seq, "it tells of an erasure and was itself erased.")
        try:
            ranges = parse_ranges(json.loads(data)["events"])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BrokenEventLog(seq, "it tells of an erasure, but not of what.") from error
        for first, last in ranges:
            del self._unexplained[bisect_left(self._unexplained, first) : bisect_right(self._unexplained, last)]

    def _compare_checkpoint(self, found: str) -> None:
        if self._checkpoint is not None and self._checkpoint.hash != found:
            raise BrokenEventLog(
                self._checkpoint.seq, "it is not the one that the checkpoint has seen: the log was rewritten."
            )


def _misplaced(found: Any, wanted: int) -> str:
    if isinstance(found, int) and found > wanted:
        return f"it is missing; event {_short(found)} comes in its place."
    return f"event {_short(found)} comes in its place: one was inserted, repeated or moved."


def _short(found: Any) -> str:
    """What stands where a number should, which may be anything."""
    return str(found) if isinstance(found, int) and abs(found) < _ENDLESS else "without a number"
