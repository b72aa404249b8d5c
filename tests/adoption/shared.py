"""An application of the framework and lback on one database."""

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from pathlib import Path

from lback_cli.database.engine import Database
from lback_cli.managers.user_manager import UserManager

from .framework import Application


@dataclass
class Shared:
    """The application, and lback's manager on the same database."""

    application: Application
    database: Database
    users: UserManager
    mail: Path

    def token(self, page: str) -> str:
        """Return the token in the newest mail, whose link leads to that page of the application."""
        newest = max(self.mail.glob("*.eml"))
        body = message_from_bytes(newest.read_bytes(), policy=default).get_body(("plain",))
        assert body is not None
        found = re.search(rf"https://app\.example/{page}/(\S+)", body.get_content())
        assert found is not None, body.get_content()
        return found[1]
