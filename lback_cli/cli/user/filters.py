"""The options that select users, and the query that they make."""

from typing import TYPE_CHECKING, Annotated

import typer

from lback_cli.cli.completion import complete_condition, complete_group
from lback_cli.cli.context import CliContext

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
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        help="Only users that meet this condition: active, inactive, verified, unverified, locked, never-logged-in, "
        "group=NAME, search=TEXT, created-before=TIME, last-login-before=TIME, or NAME=VALUE with the name of an "
        "attribute. TIME can be an age such as 90d. Repeatable: all must hold.",
        metavar="CONDITION",
        autocompletion=complete_condition,
    ),
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
    from lback_cli.managers.user_conditions import with_conditions
    from lback_cli.repositories.user_query import UserQuery

    query = UserQuery(searches=search or (), groups=group or (), is_active=active, is_email_verified=verified)
    return with_conditions(query, where or (), context.attributes, context.dependencies.now())
