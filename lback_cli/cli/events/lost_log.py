"""The warning about an event log that was dropped, rolled back or replaced."""

from lback_cli.cli.context import CliContext


def warn_of_lost_log(context: CliContext) -> None:
    """Warn if the log is not the one that this machine remembers, and remember it otherwise."""
    lost = context.events.check_memory()
    if lost is not None:
        context.output.warning(f"Event {lost.seq}: {lost.message}", hint=lost.hint)
