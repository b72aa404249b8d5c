"""`lback user list`."""

from dataclasses import replace
from typing import Annotated, Literal

import typer

from lback_cli.cli.as_of import AsOf, list_past_users
from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.output.serializers import USER_TABLE, user_columns
from lback_cli.cli.user.attributes import WhereAttributes
from lback_cli.cli.user.filters import Active, InGroup, Search, Verified, user_query
from lback_cli.errors import UsageError

DEFAULT_LIMIT = 100


Sort = Literal["id", "username", "email"]
"""The fields to sort by: those that have an index."""


@command(
    examples=(
        "lback user list --inactive --sort username",
        "lback user list --group staff -o csv",
        "lback user list --where external_id=4711",
        "lback user list --limit 100 --after 4711 -o json",
        "lback user list --group admin --as-of 2026-01-31",
    ),
)
def list_users(
    ctx: typer.Context,
    search: Search = None,
    group: InGroup = None,
    active: Active = None,
    verified: Verified = None,
    where: WhereAttributes = None,
    sort: Annotated[Sort, typer.Option("--sort", help="Field to sort by.")] = "id",
    descending: Annotated[bool, typer.Option("--desc", help="Sort in descending order.")] = False,
    limit: Annotated[int, typer.Option("--limit", help="Maximum number of users; 0 means all.", min=0)] = DEFAULT_LIMIT,
    after: Annotated[
        str | None,
        typer.Option(
            "--after", help="Start after this value of the sorted field, to get the next page.", metavar="VALUE"
        ),
    ] = None,
    as_of: AsOf = None,
) -> None:
    """List users, one page at a time."""
    context = cli_context(ctx)
    query = replace(
        user_query(context, search=search, group=group, active=active, verified=verified, where=where),
        sort=sort,
        descending=descending,
        after=_cursor(sort, after),
        limit=limit or None,
    )
    if as_of is not None:
        list_past_users(context, query, as_of)
        return
    with context.directory.select_users(query) as users:
        columns = user_columns(context.dependencies.attributes)
        context.output.records(map(context.user_view, users), columns, brief=USER_TABLE)
    if users.next_after is not None:
        context.output.message(f"There are more: --after {users.next_after} shows the next page, --limit 0 all.")


def _cursor(sort: Sort, after: str | None) -> str | int | None:
    if after is None or sort != "id":
        return after
    from lback_cli.repositories.user_reader import LARGEST_ID

    if not (after.isascii() and after.isdigit()):
        raise UsageError(f"--after: {after[:40]!r} is not an id.", hint="With --sort id it is the last id shown.")
    # 20 digits exceed every id. Converting a very long number would take long.
    return min(int(after[:20]), LARGEST_ID)
