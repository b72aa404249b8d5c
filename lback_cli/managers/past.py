"""Finding users and groups as they were at a moment, from their rows of today and the event log."""

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lback_cli.database.engine import Database
from lback_cli.errors import UserNotFound
from lback_cli.events.moment import Moment
from lback_cli.events.past import PastUser
from lback_cli.events.past_groups import PastGroup
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.past_view import PastView
from lback_cli.managers.user_lookup import parse_id
from lback_cli.repositories.snapshot import snapshot
from lback_cli.repositories.user_query import UserQuery
from lback_cli.text.escaping import safe

if TYPE_CHECKING:
    from lback_cli.managers.past_listing import PastListing


class Past:
    """The users and groups of one database at a moment.

    Args:
        database: The database.
        services: The dependencies of managers.
        moment: The moment. It means the state before the first event that is later.
    """

    def __init__(self, database: Database, services: Dependencies, moment: Moment) -> None:
        self._database = database
        self._services = services
        self._moment = moment

    def find_user(self, identifier: str) -> PastUser:
        """Return the user that a user name, an e-mail address or ``id:N`` meant, else the one that it means today.

        Raises:
            UserNotFound: There was none.
            Refused: The event log does not reach back to the moment.
        """
        with self._looking_back() as view:
            for user_id, is_sure in view.candidates(identifier):
                user = view.user(user_id)
                if user.is_erased and parse_id(identifier) is not None:
                    raise UserNotFound(f"The user id:{user_id} existed at {self._moment.text}, and was erased since.")
                if user.values is not None and (is_sure or view.has_name(user, identifier)):
                    return user
        raise UserNotFound(
            f"There was no user '{safe(identifier, limit=80)}' {self._moment.phrase}.",
            hint="'lback user history USER' shows since when there is a user.",
        )

    @contextlib.contextmanager
    def select_users(self, query: UserQuery) -> Iterator["PastListing"]:
        """Yield the users that *query* describes; they are read while the block lasts.

        Raises:
            GroupNotFound: There was no such group.
            Refused: The event log does not reach back to the moment.
        """
        with self._looking_back() as view:
            yield self._listing(view, query)

    def find_group(self, name: str) -> tuple[PastGroup, int, Sequence[int]]:
        """Return the group that was called *name*, the number of its members, and the ids of people erased since.

        Raises:
            GroupNotFound: There was none.
            Refused: The event log does not reach back to the moment.
        """
        with self._looking_back() as view:
            group = view.dated(view.group(name))
            listing = self._listing(view, UserQuery(groups=[group.name]))
            return group, sum(1 for _ in listing), listing.erased

    def list_groups(self) -> tuple[list[tuple[PastGroup, int]], Sequence[int]]:
        """Return the groups by name, each with the number of its members, and the ids of people erased since.

        Raises:
            Refused: The event log does not reach back to the moment.
        """
        with self._looking_back() as view:
            listing = self._listing(view, UserQuery())
            sizes = Counter(name for user in listing for name in (user.values or {}).get("groups", ()))
            return [(group, sizes[group.name]) for group in view.groups()], listing.erased

    def _listing(self, view: PastView, query: UserQuery) -> "PastListing":
        from lback_cli.managers.past_listing import PastListing  # one user is found without it

        return PastListing(view, self._services, query)

    @contextlib.contextmanager
    def _looking_back(self) -> Iterator[PastView]:
        with snapshot(self._database) as found:
            yield PastView(found, self._services, self._moment)
