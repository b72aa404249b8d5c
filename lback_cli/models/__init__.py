"""The tables, and nothing but the tables.

Those that most commands have no use for are loaded on first use; `lback_cli.models.metadata` loads them all.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from lback_cli.models.base import Base
from lback_cli.models.event import EVENT_HEAD, EVENTS
from lback_cli.models.group import Group, memberships
from lback_cli.models.queued_mail import QueuedMail
from lback_cli.models.token import Purpose, Token
from lback_cli.models.user import User

if TYPE_CHECKING:
    from lback_cli.models.import_job import ImportJob
    from lback_cli.models.sink import DeadLetter, SinkState

_ON_FIRST_USE = {"DeadLetter": "sink", "ImportJob": "import_job", "SinkState": "sink"}

__all__ = [
    "EVENTS",
    "EVENT_HEAD",
    "Base",
    "DeadLetter",
    "Group",
    "ImportJob",
    "Purpose",
    "QueuedMail",
    "SinkState",
    "Token",
    "User",
    "memberships",
]


def __getattr__(name: str) -> object:
    if name not in _ON_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ON_FIRST_USE[name]}"), name)
