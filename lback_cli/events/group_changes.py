"""The changes of groups that matter to one user, of the many in a log."""

from bisect import bisect_right
from collections.abc import Iterable
from operator import itemgetter

from lback_cli.events.past import Change, members


class GroupChanges:
    """The changes of groups by the names of groups. Names that a rename connects belong together.

    Attributes:
        last: The number of the last change; 0 if there is none.
    """

    def __init__(self, changes: Iterable[Change]) -> None:
        """Sort *changes*, which are in the order of the log."""
        self._left: list[tuple[int, str, list[tuple[int, int]]]] = []
        self._first: dict[str, str] = {}
        self._of_family: dict[str, list[Change]] = {}
        decoded = [(change, data) for change in changes if (data := change.data) is not None]
        self.last = decoded[-1][0].seq if decoded else 0
        for _, data in decoded:
            renamed = data["changes"].get("name", {})
            if "from" in renamed and "to" in renamed:
                self._first[self._family(renamed["to"])] = self._family(renamed["from"])
        for change, data in decoded:
            self._of_family.setdefault(self._family(data["group"]["name"]), []).append(change)
            if "members" in data:
                self._left.append((change.seq, data["group"]["name"], members(data)))

    def about(self, user_id: int, names: Iterable[str], after: int = 0) -> list[Change]:
        """Return the changes of the groups called *names* at some time, and of those that the user left with others.

        Args:
            user_id: The user.
            names: The names.
            after: The number of the event after which the changes begin.
        """
        left = [name for seq, name, ranges in self._left if seq > after and _contains(ranges, user_id)]
        families = {self._family(name) for name in (*names, *left)}
        return [change for family in families for change in self._of_family.get(family, ()) if change.seq > after]

    def _family(self, name: str) -> str:
        """Return the name that stands for all names of the same groups."""
        while (parent := self._first.get(name, name)) != name:
            name = parent
        return name


def _contains(ranges: list[tuple[int, int]], user_id: int) -> bool:
    place = bisect_right(ranges, user_id, key=itemgetter(0))
    return place > 0 and user_id <= ranges[place - 1][1]


def names_of_groups(changes: Iterable[Change]) -> set[str]:
    """Return the names of the groups that a user joined or left in *changes*."""
    found: set[str] = set()
    for change in changes:
        groups = change.changes.get("groups", {})
        found.update(groups.get("added", ()), groups.get("removed", ()))
    return found
