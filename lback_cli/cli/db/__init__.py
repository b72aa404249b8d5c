"""`lback db`: one file for each command."""

from lback_cli.cli.db.commands import app

__all__ = ["app"]
