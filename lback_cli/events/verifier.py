"""Verify a log from its first event on, and find the first event that was altered.

The verifier trusts nothing in the rows: not their order, their fields or their types. But it cannot detect a log that
was truncated or rewritten completely, with its head, unless it has a `Checkpoint` that was kept elsewhere.
"""

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lback_cli.errors import BrokenEventLog
from lback_cli.events.checkpoint import Checkpoint
from lback_cli.events.erasure import ERASURE, parse_ranges
from lback_cli.events.hash_chain import GENESIS, HASHED, personal_digest, row_hash

COLUMNS = (*HASHED, "data", "subject", "salt", "hash")
"""The order of the fields in a row for the verifier; ``data`` is canonical JSON text."""

_SEQ = HASHED.index("seq")
_PREVIOUS_HASH = HASHED.index("previous_hash")
_DIGEST = HASHED.index("digest")
_SIGNAL = HASHED.index("signal")
_ACTOR = HASHED.index("actor")
_SUBJECT_ID = HASHED.index("subject_id")
_HASHED = len(HASHED)
_LARGEST_NUMBER = 10**20
_is_salt = re.compile("[0-9a-f]{32}").fullmatch


@dataclass(frozen=True, slots=True)
class ErasureSummary:
    """The erasure in event *seq*: who did it, of which user, and how many events of that user and of others.

    *is_checked* is false if the event does not list mentions apart, as in earlier versions. Then the events about
    others cannot be distinguished from events that were erased without a reason.
    """

    seq: int
    actor: str
    user_id: int | None
    events: int
    mentions: int
    is_checked: bool = True


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """An intact log.

    Attributes:
        events: The number of events.
        erased: The number of those whose personal data is erased.
        hash: The hash of the last.
        erasures: The erasures since the checkpoint; without one, all.
    """

    events: int
    erased: int
    hash: str
    erasures: Sequence[ErasureSummary] = ()


class Verifier:
    """Verifies a log row by row. With a *checkpoint*, the log must contain that event."""

    def __init__(self, checkpoint: Checkpoint | None = None) -> None:
        self._checkpoint = checkpoint
        self._seq = 0
        self._hash = GENESIS
        self._erased = self._erased_before = 0
        self._unexplained: list[int] = []
        self._subjects: dict[int, Any] = {}
        self._erasures: list[ErasureSummary] = []
        if checkpoint is not None and checkpoint.seq == 0:
            self._compare_checkpoint(GENESIS)

    def feed(self, rows: Iterable[Sequence[Any]]) -> None:
        """Verify *rows*, which have the fields of `COLUMNS`.

        Raises:
            BrokenEventLog: A row was altered; the error names the first.
        """
        seq, previous = self._seq, self._hash
        stop = self._checkpoint.seq if self._checkpoint else None
        for row in rows:
            seq += 1
            data, subject, salt, stated = row[_HASHED:]
            if row[_SEQ] != seq:
                raise BrokenEventLog(seq, _misplaced(row[_SEQ], seq))
            try:
                is_hashed = row_hash(row[:_HASHED]) == stated
                erased = salt is None and data is None and subject is None
                is_digested = (
                    erased
                    or (
                        data is not None
                        and salt is not None
                        # Otherwise bytes could move between the two, and the digest would stay right.
                        and _is_salt(salt) is not None
                        and data[:1] == "{"
                        and personal_digest(salt, data, subject) == row[_DIGEST]
                    )
                )
            except (ValueError, TypeError, RecursionError) as error:
                raise BrokenEventLog(seq, "it has a value that no event can have.") from error
            if not is_hashed:
                raise BrokenEventLog(seq, "it was edited: its hash does not match its fields.")
            if row[_PREVIOUS_HASH] != previous:
                raise BrokenEventLog(seq, f"it does not follow event {seq - 1}: one of the two was replaced.")
            if not is_digested:
                raise BrokenEventLog(seq, "its data or subject was edited.")
            if erased:
                self._erased += 1
                self._unexplained.append(seq)
                self._subjects[seq] = row[_SUBJECT_ID]
            if row[_SIGNAL] == ERASURE:
                self._explain(seq, data, row[_ACTOR])
            previous = stated
            if seq == stop:
                self._erased_before = self._erased
                self._compare_checkpoint(previous)
        self._seq, self._hash = seq, previous

    def finish(self, head: tuple[Any, Any] | None = None) -> VerificationResult:
        """Verify what only the complete log shows.

        Args:
            head: The number and hash that the last event should have, if known.

        Raises:
            BrokenEventLog: The log was truncated or rewritten, or an erased event is not listed by an erasure.
        """
        if head is not None and head != (self._seq, self._hash):
            raise BrokenEventLog(
                self._seq + 1,
                f"the log ends before it, but the head counts {_display(head[0])} events: one of the two was changed.",
            )
        if self._checkpoint is not None and self._seq < self._checkpoint.seq:
            raise BrokenEventLog(
                self._seq + 1,
                f"it is missing: the log ends before the checkpoint, which covers {self._checkpoint.seq} events.",
            )
        if self._unexplained:
            raise BrokenEventLog(self._unexplained[0], "its data is missing, and no erasure names it.")
        if self._checkpoint is not None and self._erased_before < (self._checkpoint.erased or 0):
            raise BrokenEventLog(
                self._checkpoint.seq,
                f"the checkpoint counts {self._checkpoint.erased} erased events up to it, but there are"
                f" {self._erased_before}: erased data was written back.",
            )
        return VerificationResult(self._seq, self._erased, self._hash, self._erasures)

    def _explain(self, seq: int, data: str | None, actor: Any) -> None:
        """Mark the events that an erasure names as explained. All of them come before it."""
        if data is None:
            raise BrokenEventLog(seq, "it records an erasure, but was itself erased.")
        try:
            erasure = json.loads(data)
            user_id = erasure.get("user_id")
            # Erasures of earlier versions do not name mentions apart.
            is_apart = "mentions" in erasure
            parts = [parse_ranges(erasure["events"]), parse_ranges(erasure.get("mentions", ""))]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise BrokenEventLog(seq, "it records an erasure, but does not name the erased events.") from error
        counts = [0, 0]
        for part, ranges in enumerate(parts):
            for first, last in ranges:
                start, end = bisect_left(self._unexplained, first), bisect_right(self._unexplained, last)
                for number in self._unexplained[start:end]:
                    is_of_other = self._subjects.pop(number) != user_id
                    if is_of_other and part == 0 and is_apart:
                        raise BrokenEventLog(number, f"event {seq} erased it as an event of another user.")
                    counts[part if is_apart else is_of_other] += 1
                del self._unexplained[start:end]
        if self._checkpoint is None or seq > self._checkpoint.seq:
            self._erasures.append(ErasureSummary(seq, str(actor), user_id, counts[0], counts[1], is_checked=is_apart))

    def _compare_checkpoint(self, found: str) -> None:
        if self._checkpoint is not None and self._checkpoint.hash != found:
            raise BrokenEventLog(self._checkpoint.seq, "it differs from the checkpoint: the log was rewritten.")


def _misplaced(found: Any, wanted: int) -> str:
    if isinstance(found, int) and found > wanted:
        return f"it is missing; event {_display(found)} is in its place."
    return f"event {_display(found)} is in its place: an event was inserted, repeated or moved."


def _display(found: Any) -> str:
    """Return the number of an event for a message; it may be any value."""
    return str(found) if isinstance(found, int) and abs(found) < _LARGEST_NUMBER else "without a number"
