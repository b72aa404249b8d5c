"""`lback user list`."""

from dataclasses import replace
from typing import Annotated, Literal

import typer

from lback_cli.cli.as_of import AsOf, list_past_users
from lback_cli.cli.command_group import command
from lback_cli.cli.completion import user_fields
from lback_cli.cli.context import cli_context
from lback_cli.cli.output.serializers import USER_TABLE, user_columns
from lback_cli.cli.user.deleted import list_deleted_users
from lback_cli.cli.user.filters import Active, InGroup, Search, Verified, Where, user_query
from lback_cli.errors import UsageError

DEFAULT_LIMIT = 100
NO_MATCH = "No users match."
NO_USERS = "There are no users yet. 'lback user register --help' shows how to register one."

Sort = Literal["id", "username", "email"]
"""The fields to sort by: those that have an index."""


@command(
    examples={
        "List users who may not log in, by name": "lback user list --inactive --sort username",
        "List the members of a group for a spreadsheet": "lback user list --group staff -o csv",
        "Find a user by an attribute": "lback user list --where external_id=4711",
        "See when each user logged in last": "lback user list --fields username,last_login",
        "Give a script the addresses to verify": "lback user list --unverified --fields email -o value",
        "Read the next page, after the user with id 4711": "lback user list --limit 100 --after 4711 -o json",
        "List deleted users who can be restored": "lback user list --deleted",
        "List who was an administrator at the end of yesterday": "lback user list --group admin --as-of yesterday",
    },
    fields=user_fields,
)
def list_users(
    ctx: typer.Context,
    search: Search = None,
    group: InGroup = None,
    active: Active = None,
    verified: Verified = None,
    where: Where = None,
    sort: Annotated[Sort, typer.Option("--sort", help="Field to sort by.")] = "id",
    descending: Annotated[bool, typer.Option("--desc", help="Sort in descending order.")] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            help=f"Maximum number of users; 0 means all. The default is {DEFAULT_LIMIT} on a terminal, else all.",
            min=0,
        ),
    ] = None,
    after: Annotated[
        str | None,
        typer.Option(
            "--after", help="Start after this value of the sorted field, to get the next page.", metavar="VALUE"
        ),
    ] = None,
    as_of: AsOf = None,
    deleted: Annotated[
        bool, typer.Option("--deleted", help="List deleted users who can be restored, and until when.")
    ] = False,
) -> None:
    """List users: all of them, or a page at a time."""
    context = cli_context(ctx)
    matching = user_query(context, search=search, group=group, active=active, verified=verified, where=where)
    empty = NO_USERS if after is None and not any((search, group, where)) and active is verified is None else NO_MATCH
    query = replace(
        matching,
        sort=sort,
        descending=descending,
        after=_cursor(sort, after),
        limit=context.output.default_limit(DEFAULT_LIMIT) if limit is None else limit or None,
    )
    if deleted:
        list_deleted_users(context, query, as_of)
        return
    if as_of is not None:
        if query.locked_at or query.last_login_before or query.never_logged_in:
            raise UsageError("--as-of knows nothing of logins and locks.", hint="They are not recorded as changes.")
        list_past_users(context, query, as_of)
        return
    known = context.attributes
    fields = context.output.choose(user_columns(known), brief=USER_TABLE, nested=user_columns(known, nested=True))
    with context.directory.list_users(query, fields) as users:
        context.output.pages(users, fields, empty=empty)
        if users.next_after is not None:
            context.output.limited("users", query.limit, users.count, next_page=f"--after {users.next_after}")


def _cursor(sort: Sort, after: str | None) -> str | int | None:
    if after is None or sort != "id":
        return after
    from lback_cli.repositories.user_query import LARGEST_ID

    if not (after.isascii() and after.isdigit()):
        raise UsageError(f"--after: {after[:40]!r} is not an id.", hint="With --sort id it is the last id shown.")
    # 20 digits exceed every id. Converting a very long number would take long.
    return min(int(after[:20]), LARGEST_ID)
