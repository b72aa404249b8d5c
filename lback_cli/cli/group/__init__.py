"""`lback group`: one module for each verb."""

from lback_cli.cli.command_group import CommandGroup

group = CommandGroup(
    __name__,
    "Create, rename and delete groups, and change who is a member.",
    {
        "list": "list:list_groups",
        "show": "show:show",
        "members": "members:members",
        "add": "add:add",
        "remove": "remove:remove",
        "create": "create:create",
        "rename": "rename:rename",
        "delete": "delete:delete",
    },
)
