"""Walk a log from its first event and find the first that is not as it was written.

The verifier trusts nothing it is given: neither that rows come in order, nor that they have the fields or types they
should. What it cannot see is a log that was cut off at the end or rewritten as a whole, head included; for that it
needs a `Checkpoint` that was kept elsewhere.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lback_cli.errors import BrokenEventLog
from lback_cli.events.chain import GENESIS, HASHED, personal_digest, row_hash
from lback_cli.events.checkpoint import Checkpoint
from lback_cli.events.erasure import ERASURE, in_ranges, parse_ranges

COLUMNS = (*HASHED, "data", "subject", "salt", "hash")
"""The fields of a row that the verifier is fed, in this order; *data* as canonical JSON text."""

_SEQ = HASHED.index("seq")
_PREVIOUS_HASH = HASHED.index("previous_hash")
_DIGEST = HASHED.index("digest")
_SIGNAL = HASHED.index("signal")
_HASHED = len(HASHED)


@dataclass(frozen=True, slots=True)
class Verdict:
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
        self._erased: list[int] = []
        self._erasures: list[tuple[int, Sequence[tuple[int, int]]]] = []

    def feed(self, rows: Iterable[Sequence[Any]]) -> None:
        """Check *rows*, which have the fields of `COLUMNS`. Raises `BrokenEventLog` for the first that is wrong."""
        seq, previous = self._seq, self._hash
        stop = self._checkpoint.seq if self._checkpoint else None
        for row in rows:
            seq += 1
            data, subject, salt, stated = row[_HASHED:]
            if row[_SEQ] != seq:
                raise BrokenEventLog(seq, _misplaced(row[_SEQ], seq))
            if row_hash(row[:_HASHED]) != stated:
                raise BrokenEventLog(seq, "it was edited: its fields do not give its hash.")
            if row[_PREVIOUS_HASH] != previous:
                raise BrokenEventLog(seq, f"it does not follow event {seq - 1}: one of them was replaced.")
            if salt is None and data is None and subject is None:
                self._erased.append(seq)
            elif data is None or salt is None or personal_digest(salt, data, subject) != row[_DIGEST]:
                raise BrokenEventLog(seq, "its data or subject was edited.")
            if row[_SIGNAL] == ERASURE:
                self._note_erasure(seq, data)
            previous = stated
            if seq == stop:
                self._compare_checkpoint(previous)
        self._seq, self._hash = seq, previous

    def finish(self, head: tuple[int, str] | None = None) -> Verdict:
        """Check what only the whole log shows; *head* is the number and hash that its last event should have.

        Raises `BrokenEventLog`.
        """
        if head is not None and head != (self._seq, self._hash):
            raise BrokenEventLog(
                min(self._seq, head[0]) + 1,
                f"the log has {self._seq} events, but its head tells of {head[0]}: its end was changed.",
            )
        if self._checkpoint is not None and self._seq < self._checkpoint.seq:
            raise BrokenEventLog(
                self._seq + 1,
                f"it is missing: the log ends before the checkpoint, which has seen {self._checkpoint.seq} events.",
            )
        for seq in self._erased:
            if not any(erasure > seq and in_ranges(seq, ranges) for erasure, ranges in self._erasures):
                raise BrokenEventLog(seq, "its data is gone, and no erasure says so.")
        return Verdict(self._seq, len(self._erased), self._hash)

    def _note_erasure(self, seq: int, data: str | None) -> None:
        if data is None:
            raise BrokenEventLog(seq, "it tells of an erasure and was itself erased.")
        self._erasures.append((seq, parse_ranges(json.loads(data).get("events", ""))))

    def _compare_checkpoint(self, found: str) -> None:
        if self._checkpoint is not None and self._checkpoint.hash != found:
            raise BrokenEventLog(
                self._checkpoint.seq, "it is not the one that the checkpoint has seen: the log was rewritten."
            )


def _misplaced(found: Any, wanted: int) -> str:
    if isinstance(found, int) and found > wanted:
        return f"it is missing; event {found} comes in its place."
    return f"event {found!r} comes in its place: one was inserted, repeated or moved."
