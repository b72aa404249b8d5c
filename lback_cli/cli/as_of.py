"""The option ``--as-of``, and results that show a moment in the past."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lback_cli.cli.context import CliContext
from lback_cli.cli.output.format import Columns
from lback_cli.cli.output.serializers import (
    GROUP_TABLE,
    PAST_GROUP_COLUMNS,
    USER_TABLE,
    past_group_view,
    past_user_columns,
    past_user_values,
    past_user_view,
    with_marks_in_place,
)

if TYPE_CHECKING:
    from lback_cli.events.past import PastUser
    from lback_cli.repositories.user_query import UserQuery

AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        help="Show the state at this moment: a time, a date (its end), yesterday, an age such as 7d, or event:N.",
        metavar="MOMENT",
    ),
]

_PAGE = 500
"""Users whose values are converted together."""

_SHOWN = 10
"""People named in a message at most."""


def show_past_user(context: CliContext, user: str, moment: str) -> None:
    """Write a user as of *moment*."""
    _show(context, past_user_view(context.past(moment).find_user(user), context.dependencies.attributes))


def show_past_group(context: CliContext, name: str, moment: str) -> None:
    """Write a group as of *moment*."""
    group, members, erased = context.past(moment).find_group(name)
    _show(context, past_group_view(group, members))
    _name_erased(context, erased, "They may have been members.")


def list_past_groups(context: CliContext, moment: str) -> None:
    """Write all groups as of *moment*."""
    groups, erased = context.past(moment).list_groups()
    views = (past_group_view(group, members) for group, members in groups)
    if context.output.format.for_people:
        views = (with_marks_in_place(view) for view in views)
    context.output.records(views, PAST_GROUP_COLUMNS, brief=GROUP_TABLE, empty="No groups.")
    _name_erased(context, erased, "They may have been members.")


def list_past_users(context: CliContext, query: "UserQuery", moment: str) -> None:
    """Write the users that *query* describes, as of *moment*."""
    known = context.dependencies.attributes
    columns, nested = past_user_columns(known), past_user_columns(known, nested=True)
    fields = context.output.choose(columns, brief=USER_TABLE, nested=nested)
    marked: list[str] = []
    with context.past(moment).select_users(query) as users:
        shown = _noting_marks(users, marked) if context.output.format.for_people else iter(users)
        context.output.pages(_pages(shown, fields, context), fields, empty="No users match.")
        if users.next_after is not None:
            next_page = f"--after {users.next_after}"
            context.output.limited("users", query.limit, lambda: None, next_page=next_page)
    if context.output.format.for_people:
        for line in marked[:_SHOWN]:
            context.output.notice(line)
        if len(marked) > _SHOWN:
            context.output.notice(f"{len(marked) - _SHOWN} more users have such marks; -o json shows all.")
    _name_erased(context, users.erased, "Whether they match the filters is unknown.")


def _show(context: CliContext, view: dict[str, Any]) -> None:
    context.output.record(with_marks_in_place(view) if context.output.format.for_people else view)


def _pages(users: "Iterator[PastUser]", fields: Sequence[str], context: CliContext) -> Iterator[Columns]:
    erased = "(erased)" if context.output.format.for_people else None
    while page := list(islice(users, _PAGE)):
        yield past_user_values(page, fields, context.dependencies.attributes, erased=erased)


def _noting_marks(users: "Iterable[PastUser]", marked: list[str]) -> "Iterator[PastUser]":
    for user in users:
        if user.marks and user.values is not None:
            marks = ", ".join(mark if name == "user" else f"{name} {mark}" for name, mark in user.marks.items())
            marked.append(f"{user.values.get('username') or f'id:{user.id}'}: {marks}")
        yield user


def _name_erased(context: CliContext, erased: Sequence[int], consequence: str) -> None:
    if erased:
        people = "1 person was" if len(erased) == 1 else f"{len(erased)} people were"
        names = ", ".join(f"id:{user_id}" for user_id in erased[:_SHOWN]) + (", ..." if len(erased) > _SHOWN else "")
        context.output.notice(f"{people} there and erased later: {names}. {consequence}")
