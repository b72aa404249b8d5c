"""What events record of many users, as their rows are today."""

from collections.abc import Iterator, Sequence

from lback_cli.events.past import Values
from lback_cli.managers.dependencies import Dependencies
from lback_cli.repositories.snapshot import Snapshot
from lback_cli.repositories.user_columns import Columns, UserColumns
from lback_cli.repositories.user_query import UserQuery


class UsersOfToday:
    """Reads the values of many users: in a fraction of the time that an object for each would take."""

    def __init__(self, found: Snapshot, services: Dependencies) -> None:
        known = services.attributes
        self._users = found.users
        columns, self._rows = known.columns, known.rows
        attributes = (attribute.name for attribute in (*columns, *self._rows))
        self._names = (*attributes, "created_at", "groups", "password")
        fields = ("id", *(attribute.column for attribute in columns), "created_at", "groups", "password_hash")
        self._columns = UserColumns(found.connection, fields, known, services.now(), exact=True)

    def pages(self, query: UserQuery) -> Iterator[dict[int, Values]]:
        """Yield the users that *query* describes, in its order and by id; only a page of them is in memory."""
        return map(self._by_id, self._columns.pages(query))

    def find(self, ids: Sequence[int]) -> dict[int, Values]:
        """Return those of the users with these *ids* that exist, by id."""
        return self._by_id(self._columns.of(ids)) if ids else {}

    def _by_id(self, columns: Columns) -> dict[int, Values]:
        ids, *plain, times, groups, hashes = columns
        none = [[None] * len(ids)] * len(self._rows)
        has_password = (stored is not None for stored in hashes)
        rows = zip(*plain, *none, times, map(frozenset, groups), has_password, strict=True)
        found = {user_id: dict(zip(self._names, row, strict=True)) for user_id, row in zip(ids, rows, strict=True)}
        # An attribute that the configuration no longer declares still has rows.
        for user_id, values in self._users.attributes(ids).items():
            found[user_id] |= values
        return found
