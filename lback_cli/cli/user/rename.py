"""`lback user rename`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.user.arguments import UserArgument
from lback_cli.cli.user.changes import change_user


@command(examples={"Give a user another name": "lback user rename alice ally"})
def rename(
    ctx: typer.Context,
    user: UserArgument,
    new_name: Annotated[str, typer.Argument(metavar="NEW", help="The new user name.")],
) -> None:
    """Give a user another user name."""
    change_user(cli_context(ctx), user, {"username": new_name})
