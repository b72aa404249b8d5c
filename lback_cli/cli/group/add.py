"""`lback group add`."""

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.group.arguments import Existing
from lback_cli.cli.group.memberships import change_members
from lback_cli.cli.output.prompts import IfMissing, Yes
from lback_cli.cli.sets.options import Users, Where
from lback_cli.cli.sets.plan import Plan


@command(
    examples={
        "Add two users": "lback group add staff alice bob",
        "Add all users who meet conditions": "lback group add staff --where search=@example.org --yes",
        "Show the result for each user as JSON": "lback group add staff id:7 -o json",
    }
)
def add(
    ctx: typer.Context,
    name: Existing,
    users: Users = None,
    where: Where = None,
    if_missing: IfMissing = "fail",
    plan: Plan = False,
    yes: Yes = False,
) -> None:
    """Add users to a group; exit 8 if some fail. Each is an operation of its own.

    Users who are selected by --where or read from standard input are confirmed by a question.
    """
    context = cli_context(ctx)
    change_members(context, name, users, where, change="add_groups", if_missing=if_missing, plan=plan, yes=yes)
