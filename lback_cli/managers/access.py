"""Who is in which group, since when, and who added them: today or at a moment."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from lback_cli.events.grants import Grant, GroupTimeline, grants_of
from lback_cli.events.moment import Moment
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.past_listing import PastListing
from lback_cli.managers.past_view import PastView
from lback_cli.managers.user_lookup import find_group_record
from lback_cli.repositories.access_reader import AccessReader
from lback_cli.repositories.snapshot import Snapshot
from lback_cli.repositories.user_columns import UserColumns
from lback_cli.repositories.user_query import UserQuery

_PAGE = 500
_FIELDS = ("id", "username", "email", "is_active", "groups", "last_login")
_SECOND = len("2026-01-31T12:00:00")
_NO_GRANT = (None, None, None)


class Access(NamedTuple):
    """One membership of a user.

    Attributes:
        group: The name of the group; None for a user who is in no group.
        id: The id of the user.
        username: The user name; None if it is unknown.
        email: The e-mail address; None if it is unknown.
        is_active: Whether the user may log in.
        since: When the user joined, in RFC 3339; None if no event says it.
        granted_by: The actor who added the user.
        event: The number of the event that says it.
        last_login: When the user last logged in; None for never.
    """

    group: str | None
    id: int
    username: str | None
    email: str | None
    is_active: bool | None
    since: str | None
    granted_by: str | None
    event: int | None
    last_login: str | None


class AccessListing:
    """Memberships to iterate over once, in the order of the users' ids.

    Attributes:
        erased: Then, the ids of people who existed at the moment and were erased since.
        damaged: Then, the numbers of events that could not be read.
    """

    def __init__(
        self, found: Snapshot, services: Dependencies, *, group: str | None = None, moment: Moment | None = None
    ) -> None:
        """Prepare the listing.

        Args:
            found: The state of the database.
            services: The dependencies of managers.
            group: Only members of this group, and only this membership.
            moment: The moment; None for today.

        Raises:
            GroupNotFound: There is no such group.
            Refused: The event log does not reach back to the moment.
        """
        self._found = found
        self._services = services
        self._events = AccessReader(found.connection)
        self._past: PastListing | None = None
        self.erased: Sequence[int] = ()
        self.damaged: set[int] = set()
        self._only = group
        if moment is not None:
            query = UserQuery(groups=[] if group is None else [group])
            self._past = PastListing(PastView(found, services, moment), services, query)
            self._only = next(iter(self._past.group_names), None)
        elif group is not None:
            self._only = find_group_record(found.groups, services, group).name
        before = None if self._past is None else self._past.since
        changes = found.changes.of_groups()
        self._timeline = GroupTimeline(c for c in changes if before is None or c.seq < before)
        self._before = before

    def __iter__(self) -> Iterator[Access]:
        for page in self.pages():
            yield from map(Access._make, page)

    def pages(self) -> Iterator[Sequence[tuple[Any, ...]]]:
        """Yield the memberships as plain tuples with the fields of `Access`, those of some users at a time."""
        for page in self._pages():
            grants = self._grants([user[0] for user in page])
            yield [row for user in page for row in self._memberships(user, grants.get(user[0], {}))]
        if self._past is not None:
            self.erased = self._past.erased

    def _memberships(self, user: Sequence[Any], grants: Mapping[int | str, Grant]) -> Iterable[tuple[Any, ...]]:
        user_id, username, email, is_active, groups, last_login = user
        names = groups if self._only is None else [self._only]
        if not names:
            return [(None, user_id, username, email, is_active, None, None, None, last_login)]
        now = self._timeline.now
        found = [(name, grants.get(now(name), _NO_GRANT)) for name in names]
        return [
            (name, user_id, username, email, is_active, since, actor, seq, last_login)
            for name, (seq, since, actor) in found
        ]

    def _grants(self, ids: Sequence[int]) -> dict[int, dict[int | str, Grant]]:
        events = self._events.memberships(ids, self._before)
        return {user_id: grants_of(own, self._timeline, self.damaged) for user_id, own in events.items()}

    def _pages(self) -> Iterator[Sequence[Sequence[Any]]]:
        if self._past is not None:
            yield from self._past_pages(self._past)
            return
        query = UserQuery(groups=[] if self._only is None else [self._only])
        columns = UserColumns(self._found.connection, _FIELDS, self._services.attributes, self._services.now())
        for page in columns.pages(query):
            rows = list(zip(*page, strict=True))
            yield from (rows[start : start + _PAGE] for start in range(0, len(rows), _PAGE))

    def _past_pages(self, past: PastListing) -> Iterator[Sequence[Sequence[Any]]]:
        known = ((user.id, user.values) for user in past if user.values is not None)
        for page in _chunks(known):
            logins = self._events.last_logins([user_id for user_id, _ in page], past.since)
            yield [
                (
                    *(user_id, values.get("username"), values.get("email"), values.get("is_active")),
                    *(sorted(values["groups"]), _whole(logins.get(user_id))),
                )
                for user_id, values in page
            ]


def _chunks(items: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(items)
    while page := list(islice(iterator, _PAGE)):
        yield page


def _whole(time: str | None) -> str | None:
    """Return *time*, RFC 3339 in UTC, to the second."""
    return None if time is None else f"{time[:_SECOND]}Z"
