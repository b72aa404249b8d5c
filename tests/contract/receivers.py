"""The receivers of scenarios."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from lback_cli.errors import OperationRejected
from lback_cli.models import Group
from lback_cli.signals import CATALOGUE

from .fixtures_data import FRANK
from .scenario import VETO, Behaviour, Receiver

Write = Callable[[str], None]
"""Executes a statement on a connection of its own, and commits."""


@contextmanager
def acting(receivers: Sequence[Receiver], write: Write, now: datetime) -> Iterator[None]:
    """Connect *receivers*. *write* executes a statement on another connection; *now* is the time of new rows."""
    with ExitStack() as connected:
        for receiver in receivers:
            connected.enter_context(
                CATALOGUE[receiver.signal].signal.connected_to(_Actor(receiver.behaviour, write, now))
            )
        yield


class _Actor:
    def __init__(self, behaviour: Behaviour, write: Write, now: datetime) -> None:
        self._behaviour = behaviour
        self._write_elsewhere = write
        self._now = now

    def __call__(self, _sender: Any, session: Session | None = None, **_arguments: Any) -> None:
        match self._behaviour:
            case "veto":
                raise OperationRejected(VETO)
            case "crash":
                if session is not None:
                    self._write(session)
                _ = 1 / 0
            case "write":
                assert session is not None
                self._write(session)
            case "take the name":
                self._take_the_name()

    def _write(self, session: Session) -> None:
        session.add(Group(name="written by a receiver", created_at=self._now, updated_at=self._now))
        session.flush()

    def _take_the_name(self) -> None:
        moment = self._now.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
        self._write_elsewhere(
            "INSERT INTO users (username, email, password, is_active, is_email_verified, created_at, updated_at)"
            f" VALUES ('{FRANK.username}', '{FRANK.email}', 'taken', true, true, '{moment}', '{moment}')"
        )
