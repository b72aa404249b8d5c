"""`lback group remove`."""

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.group.arguments import Existing
from lback_cli.cli.group.memberships import change_members
from lback_cli.cli.output.prompts import IfMissing, Yes
from lback_cli.cli.sets.options import Members, Where
from lback_cli.cli.sets.plan import Plan


@command(
    examples={
        "Remove two users": "lback group remove staff alice bob",
        "Remove all users who meet conditions": "lback group remove staff --where search=@example.org --yes",
        "Show the result for each user as JSON": "lback group remove staff id:7 -o json",
    }
)
def remove(
    ctx: typer.Context,
    name: Existing,
    users: Members = None,
    where: Where = None,
    if_missing: IfMissing = "fail",
    plan: Plan = False,
    yes: Yes = False,
) -> None:
    """Remove users from a group; exit 8 if some fail. Each is an operation of its own.

    Users who are selected by --where or read from standard input are confirmed by a question.
    """
    change_members(
        cli_context(ctx), name, users, where, change="remove_groups", if_missing=if_missing, plan=plan, yes=yes
    )
