"""Many users as they were at a moment, one after the other."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from heapq import merge
from itertools import islice
from typing import Any, TypeVar

from lback_cli.events.moment import Moment
from lback_cli.events.past import PastUser
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.past_view import PastView
from lback_cli.repositories.snapshot import Snapshot
from lback_cli.repositories.user_query import UserQuery
from lback_cli.text.times import timestamp

T = TypeVar("T")

_PAGE = 500
"""Users whose events are read together."""


def past_listing(found: Snapshot, services: Dependencies, moment: Moment, query: UserQuery) -> "PastListing":
    """Return the users of *found* that *query* describes, as they were at *moment*.

    Raises:
        GroupNotFound: There was no such group.
        Refused: The event log does not reach back to the moment.
    """
    return PastListing(PastView(found, services, moment), query)


class PastListing:
    """Users to iterate over once.

    Attributes:
        since: The number of the first event after the moment.
        next_after: Then, where the next page starts, or None if there is none.
        erased: Then, the ids of the people who existed and were erased since.
    """

    def __init__(self, view: "PastView", query: UserQuery) -> None:
        self._view = view
        self._query = query
        self._groups = [view.group(name) for name in query.groups]
        self.since = view.since
        self.next_after: str | int | None = None
        self.erased: list[int] = []

    @property
    def group_names(self) -> list[str]:
        """The names that the groups of the query had at the moment."""
        return [group.name for group in self._groups]

    def __iter__(self) -> Iterator[PastUser]:
        query = self._query
        left, last = query.limit, query.after
        with self._view.reading(self._size()):
            for user in self._sorted():
                if left == 0:
                    self.next_after = last
                    return
                yield user
                last = _key(user, query.sort)
                left = None if left is None else left - 1

    def _size(self) -> int:
        """Return how many users are read at most."""
        touched, _ = self._view.touched
        today = self._today()
        size = len(touched) + (0 if today is None else self._view.found.users.count(today))
        return size if self._query.limit is None or self._query.sort != "id" else min(self._query.limit, size)

    def _sorted(self) -> Iterator[PastUser]:
        query = self._query
        users = merge(self._unchanged(), self._changed(), key=lambda user: user.id, reverse=query.descending)
        if query.sort == "id":
            return users
        found = (user for user in users if _is_after(query, _key(user, query.sort)))
        return iter(sorted(found, key=lambda user: _key(user, query.sort), reverse=query.descending))

    def _unchanged(self) -> Iterator[PastUser]:
        """Yield the users whom no later event is about, and of whom the database therefore knows who matches."""
        query = self._today()
        if query is None:
            return
        later = set().union(*self._view.touched)
        rows = (user for user in self._view.found.users.select(query, logins=False) if user.id not in later)
        size = _PAGE if self._query.limit is None else min(_PAGE, self._query.limit + 1)
        for page in _pages(rows, size):
            yield from self._existing(self._view.users({user.id: user for user in page}))

    def _today(self) -> UserQuery | None:
        """Return the query that finds the users whom no later event is about; None if there are none."""
        names = [group.today for group in self._groups if group.today is not None]
        if len(names) < len(self._groups):
            return None
        after = self._query.after if self._query.sort == "id" else None
        return replace(self._query, limit=None, sort="id", after=after, groups=names)

    def _changed(self) -> Iterator[PastUser]:
        """Yield the users whom later events are about."""
        touched, _ = self._view.touched
        for page in _pages(sorted(touched, reverse=self._query.descending), _PAGE):
            rows = self._view.found.users.find_all(page, logins=False)
            for user in self._existing(self._view.users({user_id: rows.get(user_id) for user_id in page})):
                if self._matches(user):
                    yield user

    def _existing(self, users: Iterable[PastUser]) -> Iterator[PastUser]:
        for user in users:
            if user.is_erased:
                self.erased.append(user.id)
            if user.exists:
                yield user

    def _matches(self, user: PastUser) -> bool:
        query = self._query
        if query.sort == "id" and not _is_after(query, user.id):
            return False
        conditions = (query.searches, query.groups, query.attributes, query.created_before)
        if user.values is None:
            return not any(conditions) and query.is_active is None and query.is_email_verified is None
        values = user.values
        names = f"{values.get('username')}\n{values.get('email')}".lower()
        return (
            all(search.lower() in names for search in query.searches)
            and all(group.name in values["groups"] for group in self._groups)
            and (query.created_before is None or str(values.get("created_at")) < timestamp(query.created_before))
            and query.is_active in {None, values.get("is_active")}
            and query.is_email_verified in {None, values.get("is_email_verified")}
            and all(values.get(name) == value for name, value in query.attributes.items())
        )


def _pages(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while page := list(islice(iterator, size)):
        yield page


def _key(user: PastUser, field: str) -> Any:
    return user.id if field == "id" else (user.values or {}).get(field) or ""


def _is_after(query: UserQuery, key: Any) -> bool:
    """Return whether a user with *key* comes after where *query* begins."""
    return query.after is None or (key < query.after if query.descending else key > query.after)
