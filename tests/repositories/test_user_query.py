from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from lback_cli.models import Group, User
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.repositories.user_query import LARGEST_ID, SortKey, UserQuery
from lback_cli.repositories.user_reader import PAGE, UserRecord

NOW = datetime(2026, 3, 4, 15, 4, 5, tzinfo=UTC)
SORTS: tuple[SortKey, ...] = ("id", "username", "email")

# Few different characters make matches likely; they include the wildcards of LIKE.
NAMES = st.text("ab%_\\/é'", min_size=1, max_size=4)
PARTS = st.text("abAB%_\\/éÉ'", max_size=2)


@st.composite
def user_data(draw: st.DrawFn) -> list[dict[str, Any]]:
    names = draw(st.lists(NAMES, max_size=8, unique=True))
    emails = draw(st.lists(NAMES, min_size=len(names), max_size=len(names), unique=True))
    return [
        {
            "username": name,
            "email": email,
            "is_active": draw(st.booleans()),
            "is_email_verified": draw(st.booleans()),
            "groups": draw(st.sets(st.sampled_from(["staff", "guests"]))),
        }
        for name, email in zip(names, emails, strict=True)
    ]


QUERIES = st.builds(
    UserQuery,
    searches=st.lists(PARTS, max_size=2),
    prefix=st.none() | st.text("ab%_\\/é'", max_size=2),
    groups=st.lists(st.sampled_from(["staff", "guests", "nobody's"]), max_size=2),
    is_active=st.none() | st.booleans(),
    is_email_verified=st.none() | st.booleans(),
    sort=st.sampled_from(SORTS),
    descending=st.booleans(),
    limit=st.none() | st.integers(0, 10),
)


def expected(users: Iterable[User], query: UserQuery) -> list[str]:
    """Return the result of *query* by a simple filter in Python."""

    def wanted(user: User) -> bool:
        return (
            all(any(part.lower() in value for value in (user.username, user.email)) for part in query.searches)
            and (query.prefix is None or user.username.startswith(query.prefix))
            and set(query.groups) <= {group.name for group in user.groups}
            and query.is_active in (None, user.is_active)
            and query.is_email_verified in (None, user.is_email_verified)
        )

    def key(user: User) -> Any:
        return getattr(user, query.sort)

    found = sorted(filter(wanted, users), key=key, reverse=query.descending)
    if query.after is not None:
        found = [user for user in found if (key(user) < query.after if query.descending else key(user) > query.after)]
    return [user.username for user in found[: query.limit]]


def inserted(work: UnitOfWork, rows: Sequence[dict[str, Any]]) -> list[User]:
    groups = {name: Group(name=name, created_at=NOW, updated_at=NOW) for name in ("staff", "guests")}
    work.session.add_all(groups.values())
    users = [
        User(
            **{**row, "groups": [groups[name] for name in row["groups"]]},
            password_hash="x",
            created_at=NOW,
            updated_at=NOW,
        )
        for row in rows
    ]
    work.session.add_all(users)
    work.session.flush()
    return users


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(user_data(), QUERIES, st.none() | st.integers(-1, 9) | NAMES)
@example(
    [
        {"username": "a_b", "email": "1", "groups": set(), "is_active": True, "is_email_verified": True},
        {"username": "axb", "email": "2", "groups": set(), "is_active": True, "is_email_verified": True},
    ],
    UserQuery(searches=["_"]),
    None,
)
def test_query_returns_the_matching_users_in_order(
    work: UnitOfWork, rows: list[dict[str, Any]], query: UserQuery, after: str | int | None
) -> None:
    with work.session.begin_nested() as example_only:
        users = inserted(work, rows)
        if isinstance(after, int):
            # Relative to the existing ids.
            after = after + min((user.id for user in users), default=0) if query.sort == "id" else None
        elif query.sort == "id":
            after = None
        query = replace(query, after=after)
        assert [user.username for user in work.users.select(query)] == expected(users, query)
        example_only.rollback()
    work.session.expunge_all()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(user_data(), QUERIES, st.integers(1, 3))
def test_pages_together_are_the_whole(
    work: UnitOfWork, rows: list[dict[str, Any]], query: UserQuery, size: int
) -> None:
    query = replace(query, limit=None)
    with work.session.begin_nested() as example_only:
        users = inserted(work, rows)
        found: list[UserRecord] = []
        page = list(work.users.select(replace(query, limit=size)))
        while page:
            found += page
            page = list(work.users.select(replace(query, limit=size, after=getattr(page[-1], query.sort))))
        assert [user.username for user in found] == expected(users, query)
        example_only.rollback()
    work.session.expunge_all()


@pytest.mark.parametrize("part", ["%", "_", "\\", "/", "'", "é", "É", "A", ""])
def test_characters_of_a_search_are_literal(person: Callable[..., User], work: UnitOfWork, part: str) -> None:
    for number, name in enumerate(["plain", "per%cent", "under_score", "back\\slash", "sla/sh", "quo'te", "été"]):
        person(name, email=f"{number}@example.org")
    found = {user.username for user in work.users.select(UserQuery(searches=[part]))}
    everyone = {"plain", "per%cent", "under_score", "back\\slash", "sla/sh", "quo'te", "été"}
    # The addresses have an "a" in them, and every text has the empty one.
    assert found == {name for name in everyone if part.lower() in f"{name} example.org"}


MANY = """
WITH RECURSIVE number(n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM number WHERE n < {last})
INSERT INTO users (username, email, password, is_active, is_email_verified, created_at, updated_at)
SELECT printf('u%08x', n * 2654435761 % 4294967296), printf('%08x@example.org', n * 2246822519 % 4294967296), 'x',
       n % 2, 0, '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000'
FROM number
"""


@pytest.mark.parametrize("count", [PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 2 * PAGE + 3])
@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("descending", [False, True])
def test_pages_have_each_user_once_in_order(work: UnitOfWork, count: int, sort: SortKey, descending: bool) -> None:
    work.session.execute(text(MANY.format(last=count - 1)))
    for limit in (None, count, count - 1):
        query = UserQuery(sort=sort, descending=descending, limit=limit)
        values = [getattr(user, sort) for user in work.users.select(query)]
        assert len(values) == (limit or count)
        assert values == sorted(set(values), reverse=descending)


def test_select_holds_at_most_two_pages_in_memory(work: UnitOfWork) -> None:
    work.session.execute(text(MANY.format(last=5 * PAGE - 1)))
    seen = 0
    for _ in work.users.select(UserQuery()):
        seen += 1
        assert len(work.session.identity_map) <= 2 * PAGE
    assert seen == 5 * PAGE


@pytest.mark.parametrize("user_id", [0, -1, LARGEST_ID + 1, 10**40, LARGEST_ID, 5])
def test_unknown_or_impossible_id_has_no_user(work: UnitOfWork, user_id: int) -> None:
    assert work.users.get(user_id) is None


@pytest.mark.parametrize("descending", [False, True])
def test_page_may_start_after_any_number(work: UnitOfWork, person: Callable[..., User], descending: bool) -> None:
    person("ann")
    query = UserQuery(descending=descending)
    found = [[user.username for user in work.users.select(replace(query, after=end))] for end in (-(10**40), 10**40)]
    assert found == ([[], ["ann"]] if descending else [["ann"], []])


FILTERS: dict[str, dict[str, Any]] = {
    "all": {},
    "search": {"searches": ["ab"]},
    "prefix": {"prefix": "ab"},
    "active": {"is_active": True},
    "unverified": {"is_email_verified": False},
    "group": {"groups": ["staff"]},
    "everything": {"searches": ["ab"], "is_active": False, "is_email_verified": True, "groups": ["staff"]},
}


@pytest.mark.parametrize("after", [None, 7])
@pytest.mark.parametrize(("sort", "descending"), [(sort, descending) for sort in SORTS for descending in (False, True)])
@pytest.mark.parametrize("filters", FILTERS)
def test_order_and_later_pages_use_an_index(
    work: UnitOfWork, filters: str, sort: SortKey, descending: bool, after: int | None
) -> None:
    start = after if sort == "id" or after is None else str(after)
    query = UserQuery(sort=sort, descending=descending, after=start, limit=100, **FILTERS[filters])
    steps = plan(work, query)
    assert not [step for step in steps if "TEMP B-TREE" in step]
    if after is None:
        # The order of ids is the one in which SQLite keeps the rows anyhow.
        assert steps[0] == ("SCAN users" if sort == "id" else f"SCAN users USING INDEX ix_users_{sort}")
    else:
        index = "INTEGER PRIMARY KEY (rowid" if sort == "id" else f"INDEX ix_users_{sort} ({sort}"
        assert steps[0] == f"SEARCH users USING {index}{'<' if descending else '>'}?)"


def plan(work: UnitOfWork, query: UserQuery) -> list[str]:
    """Return the plan of SQLite for the only statement of *query*."""
    statements: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        if "ORDER BY users" in statement:
            statements.append((statement, parameters))

    connection = work.session.connection()
    event.listen(connection, "before_cursor_execute", note)
    list(work.users.select(query))
    event.remove(connection, "before_cursor_execute", note)
    ((statement, parameters),) = statements
    steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    return [step[3] for step in steps]
