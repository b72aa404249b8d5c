"""The changes of all users, sorted by user."""

import marshal
import tempfile
from bisect import bisect_left
from collections.abc import Container, Iterator, Sequence
from typing import TypeAlias

from lback_cli.events.kinds import CREATIONS
from lback_cli.events.past import Change, says_changes
from lback_cli.repositories.change_reader import ChangeReader

_Row: TypeAlias = tuple[int, str, int, str | None]
"""The number of an event, its name, the user that it is about, and its data as stored."""

_RANGE = 20_000
"""Events of the users of one range at least, with those that change nothing."""

_RANGES = 250
"""Ranges at most."""

_IN_MEMORY = 16 << 20
"""Bytes of changes that need no file."""

_FLUSHED = 20_000
"""Changes that are written together."""

_KEPT = 2
"""Ranges whose changes are kept once they are read: a page of users may begin in one and end in the next."""


class ChangeSpool:
    """Sorts the changes of all users by ranges of their ids, in a temporary file that has no name.

    The events of one user lie scattered over the log. For all users, it is much faster to read the log once from its
    beginning to its end than to find the events of each. The changes of the users of one range fit in memory.

    Attributes:
        is_complete: Whether all events from the moment on say what they changed.

    Args:
        reader: The reader of the log.
        since: The number of the first event after the moment.
    """

    def __init__(self, reader: ChangeReader, since: int) -> None:
        self._since = since
        self.is_complete = True
        # The last id of each range but the last.
        self._bounds = reader.every_nth_subject(max(_RANGE, reader.last() // _RANGES))
        self._parts: list[list[tuple[int, int]]] = [[] for _ in range(len(self._bounds) + 1)]
        self._recent: dict[int, dict[int, list[_Row]]] = {}
        # It ends with the process, and other users cannot read it.
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by `close`
        try:
            self._fill(reader)
        except BaseException:
            self.close()
            raise

    def touched(self, within: range, besides: Container[int]) -> Iterator[int]:
        """Yield the ids *within* a range, *besides* some, of the users who changed later, and may have existed."""
        for number in range(self._number(within.start), self._number(within.stop - 1) + 1):
            rows = self._range(number)
            ids = sorted(user_id for user_id in rows if user_id in within and user_id not in besides)
            yield from (user_id for user_id in ids if self._is_touched(rows[user_id]))

    def of_users(self, ids: Sequence[int]) -> dict[int, list[Change]]:
        """Return the events that say what changed of the users with these *ids*, by id and in the order of the log."""
        found: dict[int, list[Change]] = {}
        for user_id in ids:
            rows = self._range(self._number(user_id)).get(user_id)
            if rows is not None:
                found[user_id] = [Change(seq, signal, user_id, text) for seq, signal, _, text in rows]
        return found

    def close(self) -> None:
        """Delete the file."""
        self._file.close()

    def _is_touched(self, rows: Sequence[_Row]) -> bool:
        signal = next((signal for seq, signal, _, _ in rows if seq >= self._since), None)
        return signal is not None and signal not in CREATIONS

    def _number(self, user_id: int) -> int:
        return bisect_left(self._bounds, user_id)

    def _fill(self, reader: ChangeReader) -> None:
        waiting: list[list[_Row]] = [[] for _ in self._parts]
        for count, (seq, signal, user_id, text) in enumerate(reader.of_all_users(), start=1):
            if seq >= self._since and not says_changes(signal, text):
                self.is_complete = False
            waiting[bisect_left(self._bounds, user_id)].append((seq, signal, user_id, text))
            if count % _FLUSHED == 0:
                self._write(waiting)
        self._write(waiting)

    def _write(self, waiting: list[list[_Row]]) -> None:
        for parts, rows in zip(self._parts, waiting, strict=True):
            if rows:
                data = marshal.dumps(rows)
                parts.append((self._file.tell(), len(data)))
                self._file.write(data)
                rows.clear()

    def _range(self, number: int) -> dict[int, list[_Row]]:
        if number not in self._recent:
            while len(self._recent) >= _KEPT:
                del self._recent[next(iter(self._recent))]
            self._recent[number] = self._read(number)
        return self._recent[number]

    def _read(self, number: int) -> dict[int, list[_Row]]:
        found: dict[int, list[_Row]] = {}
        for place, length in self._parts[number]:
            self._file.seek(place)
            rows = marshal.loads(self._file.read(length))  # noqa: S302 - this process wrote it to a file without a name
            for row in rows:
                found.setdefault(row[2], []).append(row)
        for of_user in found.values():
            of_user.sort()  # by the number of the event
        return found
