"""How the users' passwords are hashed: what an import brought, and what logins have replaced since."""

from dataclasses import dataclass, field

from lback_cli.database.engine import Database
from lback_cli.managers.dependencies import Dependencies
from lback_cli.repositories.unit_of_work import reading

UNUSABLE = "unusable"
"""The scheme of what no password opens: an invited user, a locked one, a hash that is of no known kind."""


@dataclass(slots=True)
class HashSchemeCount:
    """Users of one *scheme*: all of them, those whose hash the next login replaces, and why the scheme is weak."""

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
        """The schemes that users have, the most frequent first; hashes pass through one page at a time."""
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
