"""`lback events`: one module for each verb."""

from lback_cli.cli.command_group import CommandGroup

group = CommandGroup(
    __name__,
    "List, verify, export and relay the event log. It says what happened, and who did it.",
    {
        "list": "list:list_events",
        "show": "show:show",
        "follow": "follow:follow",
        "checkpoint": "checkpoint:checkpoint",
        "verify": "verify:verify",
        "export": "export:export",
        "summary": "summary:summary",
        "metrics": "metrics:metrics",
        "relay": "relay:relay",
        "sinks": "sinks:group",
        "replay": "replay:replay",
        "dead-letters": "dead_letters:group",
    },
)
