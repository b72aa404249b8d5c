"""`lback db`: one module for each verb."""

from lback_cli.cli.command_group import CommandGroup

group = CommandGroup(
    __name__,
    "Set up, migrate, adopt and move the database.",
    {
        "init": "init:init",
        "upgrade": "upgrade:upgrade",
        "adopt": "adopt:adopt",
        "copy": "copy:copy",
        "status": "status:status",
    },
)
