"""`lback user`: one file for each command."""

from lback_cli.cli.user.commands import app

__all__ = ["app"]
