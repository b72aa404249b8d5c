"""What `lback apply` does, as one object."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from lback_cli.apply.differences import Differences, find_differences
from lback_cli.apply.files import read_files
from lback_cli.database.engine import Database
from lback_cli.managers.brake import check_share
from lback_cli.managers.dependencies import Dependencies

if TYPE_CHECKING:
    from lback_cli.apply.applier import Applied, Rehearsed
    from lback_cli.managers.group_manager import GroupManager
    from lback_cli.managers.user_manager import UserManager


class Declarations:
    """Files that describe users and groups, and one database.

    Args:
        database: The database.
        services: The dependencies of the managers.
        managers: Returns the managers that change users and groups. It is called only to apply differences.
    """

    def __init__(
        self, database: Database, services: Dependencies, managers: Callable[[], "tuple[UserManager, GroupManager]"]
    ) -> None:
        self._database = database
        self._services = services
        self._managers = managers

    def differences(self, paths: Sequence[str], *, prune: bool) -> Differences:
        """Return what differs from the files at *paths*; the errors are those of reading and comparing.

        Raises:
            UsageError: A file cannot be read, or names no owner although *prune* needs it.
            InvalidFile: The files have faults.
        """
        return find_differences(self._database, self._services, read_files(paths, self._services), prune=prune)

    @staticmethod
    def check_share(differences: Differences, *, max_share: float | None) -> None:
        """Refuse to delete or deactivate too many users.

        Raises:
            ShareExceeded: There are too many.
        """
        check_share("delete or deactivate", differences.leaving, differences.total, max_share=max_share)

    def rehearse(self, differences: Differences) -> "Rehearsed":
        """Return what removing *differences* would do."""
        from lback_cli.apply.applier import rehearse

        return rehearse(self._database, self._services, differences.found)

    def apply(self, differences: Differences) -> "Iterator[Sequence[Applied]]":
        """Remove *differences*, and yield the results of each transaction once it is committed."""
        from lback_cli.apply.applier import Applier

        return Applier(self._database, *self._managers()).apply(differences.found)
