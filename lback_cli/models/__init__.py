"""The tables, and the classes that map them.

The classes load the ORM, which takes as long as a short command, so each is loaded on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lback_cli.models.group import Group
    from lback_cli.models.import_job import ImportJob
    from lback_cli.models.queued_mail import QueuedMail
    from lback_cli.models.sink import DeadLetter, SinkState
    from lback_cli.models.token import Purpose, Token
    from lback_cli.models.user import User

_MODULES = {
    "DeadLetter": "sink",
    "Group": "group",
    "ImportJob": "import_job",
    "Purpose": "token",
    "QueuedMail": "queued_mail",
    "SinkState": "sink",
    "Token": "token",
    "User": "user",
}

__all__ = ["DeadLetter", "Group", "ImportJob", "Purpose", "QueuedMail", "SinkState", "Token", "User"]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
