"""Receivers that do what a scenario wants of them."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from lback_cli.errors import OperationRejected
from lback_cli.models import Group
from lback_cli.signals import CATALOGUE

from .cast import FRANK
from .scenario import VETO, Behaviour, Receiver


@contextmanager
def acting(receivers: Sequence[Receiver], path: Path, now: datetime) -> Iterator[None]:
    """Connect *receivers* to their signals, for the database at *path* in which it is *now*."""
    with ExitStack() as connected:
        for receiver in receivers:
            connected.enter_context(
                CATALOGUE[receiver.signal].signal.connected_to(_Actor(receiver.behaviour, path, now))
            )
        yield


class _Actor:
    def __init__(self, behaviour: Behaviour, path: Path, now: datetime) -> None:
        self._behaviour = behaviour
        self._path = path
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
        connection = sqlite3.connect(self._path)
        with connection:
            connection.execute(
                "INSERT INTO users (username, email, password, is_active, is_email_verified, created_at, updated_at)"
                " VALUES (?, ?, 'taken', 1, 1, ?, ?)",
                (FRANK.username, FRANK.email, moment, moment),
            )
        connection.close()
