"""`lback group`: one module for each verb."""

from lback_cli.cli.command_group import CommandGroup

group = CommandGroup(
    __name__,
    "List, create and delete groups. `lback user update` adds and removes members.",
    {
        "list": "list:list_groups",
        "show": "show:show",
        "create": "create:create",
        "delete": "delete:delete",
    },
)
