"""`lback signals`: one module for each verb."""

from lback_cli.cli.command_group import CommandGroup

group = CommandGroup(
    __name__,
    "List and explain the 22 signals. Each has a time when it is sent, and arguments.",
    {
        "list": "list:list_signals",
        "show": "show:show",
    },
)
