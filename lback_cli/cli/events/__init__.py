"""`lback events`: one file for each command."""

from lback_cli.cli.events.commands import app

__all__ = ["app"]
