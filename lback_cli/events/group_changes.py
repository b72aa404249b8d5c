"""The changes of groups that matter to one user, of the many in a log."""

from collections.abc import Iterable, Mapping
from typing import Any

from lback_cli.events.past import Change, members


class GroupChanges:
    """The changes of groups by the names of groups. Names that a rename connects belong together.

    Attributes:
        with_members: The events in which members left a group, with their data.
    """

    def __init__(self, changes: Iterable[Change]) -> None:
        """Sort *changes*, which are in the order of the log."""
        self.with_members: list[tuple[Change, Mapping[str, Any]]] = []
        self._first: dict[str, str] = {}
        self._of_family: dict[str, list[Change]] = {}
        decoded = [(change, data) for change in changes if (data := change.data) is not None]
        for _, data in decoded:
            renamed = data["changes"].get("name", {})
            if "from" in renamed and "to" in renamed:
                self._first[self._family(renamed["to"])] = self._family(renamed["from"])
        for change, data in decoded:
            self._of_family.setdefault(self._family(data["group"]["name"]), []).append(change)
            if "members" in data:
                self.with_members.append((change, data))

    def about(self, user_id: int, names: Iterable[str]) -> list[Change]:
        """Return the changes of the groups called *names* at some time, and of those that the user left with others."""
        left = [
            data["group"]["name"]
            for _, data in self.with_members
            if any(first <= user_id <= last for first, last in members(data))
        ]
        families = {self._family(name) for name in (*names, *left)}
        return [change for family in families for change in self._of_family.get(family, ())]

    def _family(self, name: str) -> str:
        """Return the name that stands for all names of the same groups."""
        while (parent := self._first.get(name, name)) != name:
            name = parent
        return name


def names_of_groups(changes: Iterable[Change]) -> set[str]:
    """Return the names of the groups that a user joined or left in *changes*."""
    found: set[str] = set()
    for change in changes:
        groups = (change.data or {}).get("changes", {}).get("groups", {})
        found.update(groups.get("added", ()), groups.get("removed", ()))
    return found
