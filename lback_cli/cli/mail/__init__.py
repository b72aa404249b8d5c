"""`lback mail`: one module for each verb."""

from lback_cli.cli.command_group import CommandGroup

group = CommandGroup(
    __name__,
    "Test the mail settings, and deliver queued mail.",
    {
        "test": "test:test",
        "deliver": "deliver:deliver",
        "queue": "queue:group",
    },
)
