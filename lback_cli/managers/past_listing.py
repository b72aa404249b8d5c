"""Many users as they were at a moment, one after the other."""

import contextlib
from array import array
from bisect import bisect_left
from collections.abc import Container, Iterator
from dataclasses import replace
from heapq import merge
from itertools import groupby, islice
from typing import Any, TypeAlias

from lback_cli.events.past import PastUser, Values
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.past_view import PastView
from lback_cli.managers.users_of_today import UsersOfToday
from lback_cli.repositories.change_lookups import ChangeLookups
from lback_cli.repositories.change_spool import ChangeSpool
from lback_cli.repositories.user_query import LARGEST_ID, UserQuery
from lback_cli.text.times import timestamp

Changes: TypeAlias = ChangeLookups | ChangeSpool

_PAGE = 500
"""Users whose events are read together."""

_MANY = 2000
"""Users whose events are worth reading the whole log."""

_EVENTS_PER_LOOKUP = 100
"""Events that are read from the beginning to the end of the log in the time in which the events of a user are found."""


class PastListing:
    """Users to iterate over once.

    Attributes:
        since: The number of the first event after the moment.
        next_after: Then, where the next page starts, or None if there is none.
        erased: Then, the ids of the people who existed and were erased since.
    """

    def __init__(self, view: PastView, services: Dependencies, query: UserQuery) -> None:
        self._view = view
        self._query = query
        self._groups = [view.group(name) for name in query.groups]
        self._today = UsersOfToday(view.found, services)
        self._members = array("q", sorted(view.members()))
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
        with self._changes() as changes:
            for user in self._sorted(changes):
                if left == 0:
                    self.next_after = last
                    return
                yield user
                last = _key(user, query.sort)
                left = None if left is None else left - 1

    @contextlib.contextmanager
    def _changes(self) -> Iterator[Changes]:
        """Yield what finds the changes of users: by indexes, or if they may be many, by reading the whole log once."""
        reader, query = self._view.found.changes, self._query_of_today()
        users = len(self._members) + (0 if query is None else self._view.found.users.count(query))
        changes: Changes | None = None
        if not self._are_many(users):
            changes = ChangeLookups(reader, self.since)
            users += changes.users
        with contextlib.ExitStack() as stack:
            if changes is None or self._are_many(users):
                changes = stack.enter_context(contextlib.closing(ChangeSpool(reader, self.since)))
            if not changes.is_complete:
                raise self._view.out_of_reach()
            yield changes

    def _are_many(self, users: int) -> bool:
        query = self._query
        size = users if query.limit is None or query.sort != "id" else min(query.limit, users)
        return size >= _MANY and size * _EVENTS_PER_LOOKUP >= self._view.found.changes.last()

    def _sorted(self, changes: Changes) -> Iterator[PastUser]:
        query, users = self._query, self._matching(changes)
        if query.sort == "id":
            return users
        found = (user for user in users if _is_after(query, _key(user, query.sort)))
        return iter(sorted(found, key=lambda user: _key(user, query.sort), reverse=query.descending))

    def _matching(self, changes: Changes) -> Iterator[PastUser]:
        """Yield the users in the order of their ids."""
        size = _PAGE if self._query.limit is None else min(_PAGE, self._query.limit + 1)
        for page, within in self._pages():
            ids = merge(page, self._others(changes, within, page), reverse=self._query.descending)
            while some := list(islice(ids, size)):
                found = self._today.find([user_id for user_id in some if user_id not in page])
                rows = {user_id: page.get(user_id) or found.get(user_id) for user_id in some}
                for user in self._view.users(rows, changes.of_users(some)):
                    if user.is_erased:
                        self.erased.append(user.id)
                    # The database knows that a user matches whom no later event is about.
                    if user.exists and ((user.id in page and not user.is_changed) or self._matches(user)):
                        yield user

    def _pages(self) -> Iterator[tuple[dict[int, Values], range]]:
        """Yield the users whom the database finds today, a page at a time, and the range of ids that a page covers."""
        first, end = 0, LARGEST_ID + 1
        query, is_descending, after = self._query_of_today(), self._query.descending, self._query.after
        if self._query.sort == "id" and isinstance(after, int):
            first, end = (first, after) if is_descending else (after + 1, end)
        for page in () if query is None else self._today.pages(query):
            last = next(reversed(page))
            if is_descending:
                yield page, range(last, end)
                end = last
            else:
                yield page, range(first, last + 1)
                first = last + 1
        yield {}, range(first, end)

    def _others(self, changes: Changes, within: range, page: Container[int]) -> Iterator[int]:
        """Return the ids *within* a range of the users who are not on *page*, and whom later events are about."""
        members = self._members[bisect_left(self._members, within.start) : bisect_left(self._members, within.stop)]
        touched = merge(changes.touched(within, page), (user_id for user_id in members if user_id not in page))
        ids = (user_id for user_id, _ in groupby(touched))
        return reversed([*ids]) if self._query.descending else ids

    def _query_of_today(self) -> UserQuery | None:
        """Return the query that finds the users whom no later event is about; None if there are none."""
        names = [group.today for group in self._groups if group.today is not None]
        if len(names) < len(self._groups):
            return None
        after = self._query.after if self._query.sort == "id" else None
        return replace(self._query, limit=None, sort="id", after=after, groups=names)

    def _matches(self, user: PastUser) -> bool:
        query = self._query
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


def _key(user: PastUser, field: str) -> Any:
    return user.id if field == "id" else (user.values or {}).get(field) or ""


def _is_after(query: UserQuery, key: Any) -> bool:
    """Return whether a user with *key* comes after where *query* begins."""
    return query.after is None or (key < query.after if query.descending else key > query.after)
