"""Which users a reader reads, and how it reads them page by page."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import methodcaller
from typing import Any, Literal

from sqlalchemy import ColumnElement, Exists, Select, and_, exists, or_

from lback_cli.attributes import Value, digest
from lback_cli.models.tables import ACCOUNTS, GROUPS, MEMBERSHIPS, USER_ATTRIBUTES, USERS
from lback_cli.repositories.sql_functions import binary_equal

SortKey = Literal["id", "username", "email"]

LARGEST_ID = 2**63 - 1
"""No database has an id beyond this, and a driver would raise."""

OWN_ATTRIBUTES = and_(USER_ATTRIBUTES.c.user_id == USERS.c.id, USER_ATTRIBUTES.c.user_created_at == USERS.c.created_at)
"""Joins `USERS` with the attributes of the same user, not of one who had the id before."""

OWN_ACCOUNT = and_(ACCOUNTS.c.user_id == USERS.c.id, ACCOUNTS.c.user_created_at == USERS.c.created_at)
"""Joins `USERS` with the logins of the same user, not of one who had the id before."""


@dataclass(frozen=True, slots=True)
class UserQuery:
    """Which users, in which order.

    Attributes:
        searches: Parts that the user name or e-mail address contains, in any case; all of them.
        prefix: The beginning of the user name.
        groups: The stored names of groups that the users are members of; all of them.
        is_active: Only active users, or only inactive ones.
        is_email_verified: Only users with a verified address, or only those without.
        attributes: Values by name, in lback's own table, that the users must have.
        locked_at: Only users whose accounts are locked at that time.
        created_before: Only users who were created before that time.
        last_login_before: Only users whose last login was before that time. Users without a login have none.
        never_logged_in: Whether to find only users without a login.
        sort: A unique, indexed column.
        descending: Whether the last in order come first.
        after: The value of *sort* after which the users begin: the last one of the page before.
        limit: How many users at most; None for all.
    """

    searches: Sequence[str] = ()
    prefix: str | None = None
    groups: Sequence[str] = ()
    is_active: bool | None = None
    is_email_verified: bool | None = None
    attributes: Mapping[str, Value] = field(default_factory=dict)
    locked_at: datetime | None = None
    created_before: datetime | None = None
    last_login_before: datetime | None = None
    never_logged_in: bool = False
    sort: SortKey = "id"
    descending: bool = False
    after: str | int | None = None
    limit: int | None = None


def conditions(query: UserQuery) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions that all users of *query* meet."""
    for search in query.searches:
        # SQLite's lower() knows only ASCII.
        part = search.lower()
        yield or_(USERS.c.username.icontains(part, autoescape=True), USERS.c.email.icontains(part, autoescape=True))
    if query.prefix is not None:
        yield USERS.c.username.startswith(query.prefix, autoescape=True)
    membership = MEMBERSHIPS.join(GROUPS, GROUPS.c.id == MEMBERSHIPS.c.group_id)
    for group in query.groups:
        # The first comparison uses the index; the second is for MariaDB, which ignores spaces at the end.
        is_group = and_(GROUPS.c.name == group, binary_equal(GROUPS.c.name) == group)
        yield exists().select_from(membership).where(MEMBERSHIPS.c.user_id == USERS.c.id, is_group).correlate(USERS)
    if query.is_active is not None:
        yield USERS.c.is_active == query.is_active
    if query.is_email_verified is not None:
        yield USERS.c.is_email_verified == query.is_email_verified
    for name, value in query.attributes.items():
        yield _exists(OWN_ATTRIBUTES, USER_ATTRIBUTES.c.name == name, USER_ATTRIBUTES.c.digest == digest(value))
    yield from _conditions_on_times(query)


def _conditions_on_times(query: UserQuery) -> Iterator[ColumnElement[bool]]:
    if query.locked_at is not None:
        yield _exists(OWN_ACCOUNT, ACCOUNTS.c.locked_until > query.locked_at)
    if query.created_before is not None:
        yield USERS.c.created_at < query.created_before
    if query.last_login_before is not None:
        yield _exists(OWN_ACCOUNT, ACCOUNTS.c.last_login < query.last_login_before)
    if query.never_logged_in:
        yield ~_exists(OWN_ACCOUNT, ACCOUNTS.c.last_login.is_not(None))


def _exists(*of_the_user: ColumnElement[bool]) -> Exists:
    """Return the condition that there is a row *of_the_user*, even if the query joins the same table for its fields."""
    return exists().where(*of_the_user).correlate(USERS)


def driver_rows(result: Any) -> Sequence[Sequence[Any]]:
    """Return all rows of *result* as the driver returns them, in half of the time that SQLAlchemy's rows take.

    SQLAlchemy converts no value of them. An error is the driver's own.
    """
    try:
        rows: Sequence[Sequence[Any]] = result.cursor.fetchall()
        return rows
    finally:
        result.close()


def read_pages(
    execute: Callable[..., Any],
    statement: Select[Any],
    query: UserQuery,
    *,
    size: int,
    rows_of: Callable[[Any], Sequence[Any]] = methodcaller("all"),
) -> Iterator[Sequence[Any]]:
    """Yield the rows of *statement* for the users of *query*, a page at a time; the last one may be empty.

    Args:
        execute: The method of a connection or a session.
        statement: A selection from `USERS` that has the column to sort by.
        query: Which users, in which order.
        size: How many rows a page has at most.
        rows_of: Returns the rows of a result, such as `driver_rows`.
    """
    place = statement.selected_columns.keys().index(query.sort)
    after, left = query.after, query.limit
    if isinstance(after, int):
        after = max(-1, min(after, LARGEST_ID))
    column = USERS.c[query.sort]
    statement = statement.where(*conditions(query)).order_by(column.desc() if query.descending else column)
    while left is None or left > 0:
        wanted = size if left is None else min(size, left)
        page = statement.limit(wanted)
        if after is not None:
            page = page.where(column < after if query.descending else column > after)
        rows = rows_of(execute(page))
        yield rows
        if len(rows) < wanted:
            return
        after = rows[-1][place]
        left = None if left is None else left - wanted
