"""The changes of few users, found by the indexes of the event log."""

from array import array
from bisect import bisect_left
from collections.abc import Container, Iterator, Sequence

from lback_cli.events.kinds import CREATIONS
from lback_cli.events.past import Change
from lback_cli.repositories.change_reader import ChangeReader


class ChangeLookups:
    """Finds the changes of users where they are, and first reads whom events from a moment on are about.

    Attributes:
        is_complete: Whether all events from the moment on say what they changed.
        users: How many users the events from the moment on are about who may have existed.

    Args:
        reader: The reader of the log.
        since: The number of the first event after the moment.
    """

    def __init__(self, reader: ChangeReader, since: int) -> None:
        self._reader = reader
        self.is_complete = True
        existed: dict[int, bool] = {}
        for user_id, signal, is_complete in reader.touched(since):
            self.is_complete = self.is_complete and is_complete
            existed.setdefault(user_id, signal not in CREATIONS)
        self._touched = array("q", sorted(user_id for user_id, did_exist in existed.items() if did_exist))
        self.users = len(self._touched)

    def touched(self, within: range, besides: Container[int]) -> Iterator[int]:
        """Yield the ids *within* a range, *besides* some, of the users who changed later, and may have existed."""
        ids = self._touched[bisect_left(self._touched, within.start) : bisect_left(self._touched, within.stop)]
        return (user_id for user_id in ids if user_id not in besides)

    def of_users(self, ids: Sequence[int]) -> dict[int, list[Change]]:
        """Return the events that say what changed of the users with these *ids*, by id and in the order of the log."""
        return self._reader.of_users(ids)
