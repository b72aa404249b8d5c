"""`lback group members`."""

from lback_cli.cli.command_group import command_like
from lback_cli.cli.group.arguments import Existing
from lback_cli.cli.user.list import list_users


@command_like(
    list_users,
    examples={
        "List all members": "lback group members staff",
        "List the members who may not log in, for a spreadsheet": "lback group members staff --inactive -o csv",
    },
)
def members(group: Existing) -> dict[str, list[str]]:
    """List the members of a group, like `lback user list`."""
    return {"group": [group]}
