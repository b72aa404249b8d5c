"""How many users have which scheme of password hash."""

from dataclasses import dataclass, field

from lback_cli.database.engine import Database
from lback_cli.managers.dependencies import Dependencies
from lback_cli.repositories.unit_of_work import reading

UNUSABLE = "unusable"
"""The scheme of users whom no password lets log in: they have no hash, or one that lback cannot verify."""


@dataclass(slots=True)
class HashSchemeCount:
    """The number of users with one *scheme*.

    Attributes:
        scheme: The scheme of their hashes.
        users: How many there are.
        outdated: For how many of them the next login replaces the hash.
        weakness: Why the scheme is weak, or None.
    """

    scheme: str
    users: int = 0
    outdated: int = 0
    weakness: str | None = None


@dataclass(slots=True)
class HashStatistics:
    """Counts users by the scheme of their hash."""

    database: Database
    services: Dependencies
    _counts: dict[str, HashSchemeCount] = field(default_factory=dict)

    def count(self) -> list[HashSchemeCount]:
        """Return the counts, the most frequent scheme first. Only a page of hashes is in memory at a time."""
        self._counts.clear()
        inspect = self.services.hasher.inspect
        with reading(self.database) as work:
            for stored in work.users.password_hashes():
                known = inspect(stored)
                if known is None:
                    self._of(UNUSABLE, None).users += 1
                    continue
                count = self._of(known.scheme, known.weakness)
                count.users += 1
                count.outdated += not known.current
        return sorted(self._counts.values(), key=lambda count: (-count.users, count.scheme))

    def _of(self, scheme: str, weakness: str | None) -> HashSchemeCount:
        return self._counts.setdefault(scheme, HashSchemeCount(scheme, weakness=weakness))
