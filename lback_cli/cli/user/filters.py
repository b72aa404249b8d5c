"""The options that select users, and the query that they make."""

from typing import TYPE_CHECKING, Annotated

import typer

from lback_cli.cli.completion import complete_group
from lback_cli.cli.context import CliContext
from lback_cli.cli.user.attributes import selected

if TYPE_CHECKING:
    from lback_cli.repositories.user_query import UserQuery

Search = Annotated[
    list[str] | None,
    typer.Option(
        "--search",
        help="Only users with this text in the user name or e-mail address, in any case. Repeatable: all must match.",
        metavar="TEXT",
    ),
]
InGroup = Annotated[
    list[str] | None,
    typer.Option(
        "--group",
        help="Only members of this group. Repeatable: members of all of them.",
        metavar="GROUP",
        autocompletion=complete_group,
    ),
]
Active = Annotated[bool | None, typer.Option("--active/--inactive", help="Only active users, or only inactive ones.")]
Verified = Annotated[
    bool | None,
    typer.Option("--verified/--unverified", help="Only users with a verified e-mail address, or only users without."),
]


def user_query(
    context: CliContext,
    *,
    search: list[str] | None,
    group: list[str] | None,
    active: bool | None,
    verified: bool | None,
    where: list[str] | None,
) -> "UserQuery":
    """Return the query for the users that all of these options select."""
    from lback_cli.repositories.user_query import UserQuery

    return UserQuery(
        searches=search or (),
        groups=group or (),
        is_active=active,
        is_email_verified=verified,
        attributes=selected(where, context.dependencies.attributes),
    )
