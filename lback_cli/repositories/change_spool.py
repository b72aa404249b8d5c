"""The changes of all users, sorted by user."""

import marshal
import tempfile
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from lback_cli.events.past import Change
from lback_cli.repositories.change_reader import ChangeReader

_IN_MEMORY = 16 << 20
"""Bytes of changes that need no file."""

_FLUSHED = 20_000
"""Changes that are written together."""

_KEPT = 2
"""Ranges of users whose changes are kept once they are read: those of two walks in the same order."""


class ChangeSpool:
    """Sorts the changes of all users by ranges of their ids, in a temporary file that has no name.

    The events of one user lie scattered over the log. For all users, it is much faster to read the log once from its
    beginning to its end than to find the events of each.

    Args:
        reader: The reader of the log.
        bounds: The last id of each range but the last, in their order. The changes of the users of one range fit in
            memory.
    """

    def __init__(self, reader: ChangeReader, bounds: Sequence[int]) -> None:
        self._bounds = bounds
        self._parts: list[list[tuple[int, int]]] = [[] for _ in range(len(bounds) + 1)]
        self._recent: dict[int, dict[int, list[Change]]] = {}
        # It ends with the process, and other users cannot read it.
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by `close`
        try:
            self._fill(reader)
        except BaseException:
            self.close()
            raise

    def of_users(self, ids: Sequence[int]) -> dict[int, list[Change]]:
        """Return the events that say what changed of the users with these *ids*, by id and in the order of the log."""
        found: dict[int, list[Change]] = {}
        for user_id in ids:
            changes = self._range(bisect_left(self._bounds, user_id)).get(user_id)
            if changes is not None:
                found[user_id] = changes
        return found

    def close(self) -> None:
        """Delete the file."""
        self._file.close()

    def _fill(self, reader: ChangeReader) -> None:
        waiting: list[list[tuple[object, ...]]] = [[] for _ in self._parts]
        for count, (seq, signal, user_id, text) in enumerate(reader.of_all_users(), start=1):
            waiting[bisect_left(self._bounds, user_id)].append((seq, signal, user_id, text))
            if count % _FLUSHED == 0:
                self._write(waiting)
        self._write(waiting)

    def _write(self, waiting: list[list[tuple[object, ...]]]) -> None:
        for parts, rows in zip(self._parts, waiting, strict=True):
            if rows:
                data = marshal.dumps(rows)
                parts.append((self._file.tell(), len(data)))
                self._file.write(data)
                rows.clear()

    def _range(self, number: int) -> dict[int, list[Change]]:
        if number not in self._recent:
            while len(self._recent) >= _KEPT:
                del self._recent[next(iter(self._recent))]
            found: dict[int, list[Change]] = {}
            for change in self._read(number):
                found.setdefault(change.subject_id or 0, []).append(change)
            self._recent[number] = found
        return self._recent[number]

    def _read(self, number: int) -> Iterator[Change]:
        for place, length in self._parts[number]:
            self._file.seek(place)
            rows = marshal.loads(self._file.read(length))  # noqa: S302 - this process wrote it to a file without a name
            yield from (change for change in (Change(*row) for row in rows) if not change.is_empty)
