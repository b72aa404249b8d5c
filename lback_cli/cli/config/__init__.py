"""`lback config`: one module for each verb."""

from lback_cli.cli.command_group import CommandGroup

group = CommandGroup(
    __name__,
    "Show the configuration and where it comes from.",
    {
        "show": "show:show",
        "path": "path:path",
    },
)
