"""`lback group members`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command_like
from lback_cli.cli.completion import complete_group
from lback_cli.cli.user.list import list_users


@command_like(
    list_users,
    examples={
        "List all members": "lback group members staff",
        "List the members who may not log in, for a spreadsheet": "lback group members staff --inactive -o csv",
        "List the users who are in both groups": "lback group members staff editors",
    },
)
def members(
    group: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="Name of the group. Of several groups, the users in all of them are listed.",
            autocompletion=complete_group,
        ),
    ],
) -> None:
    """List the members of a group, like `lback user list`."""
