"""The call of the application that an operation of lback serves."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the framework's manager: the application's *session*, and *columns* of its own that it updates."""

    session: Session
    columns: Mapping[str, Any]


current_call: ContextVar[Call | None] = ContextVar("lback_framework_call", default=None)
"""The call that is being served in this thread or task, if any."""
