"""The tables, and nothing but the tables."""

from lback_cli.models.base import Base
from lback_cli.models.event import Event, EventHead
from lback_cli.models.group import Group, memberships
from lback_cli.models.import_job import ImportJob
from lback_cli.models.queued_mail import QueuedMail
from lback_cli.models.sink import DeadLetter, Sink
from lback_cli.models.token import Purpose, Token
from lback_cli.models.user import User

__all__ = [
    "Base",
    "DeadLetter",
    "Event",
    "EventHead",
    "Group",
    "ImportJob",
    "Purpose",
    "QueuedMail",
    "Sink",
    "Token",
    "User",
    "memberships",
]
