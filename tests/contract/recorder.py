"""Writes down every signal that is sent while it is connected, whoever sends it."""

import os
import signal
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Self

from sqlalchemy.orm import Session

from lback_cli.models import User
from lback_cli.signals import CATALOGUE, Delivery, SignalSpec, delivered

from .scenario import SESSION, Sent


class Recorder:
    """Receives all 22 signals, and what `delivered` tells of them.

    *wrong* lists what a receiver of its own saw that must not be: another sender, or a session that is not in a
    transaction or, where one is given, not the caller's. It cannot raise: a receiver's exceptions are swallowed.
    *interrupt_at* names a signal during which Ctrl-C is pressed.
    """

    def __init__(self, sender: Any = None, session: Session | None = None, *, interrupt_at: str | None = None) -> None:
        self.sent: list[Sent] = []
        self.deliveries: list[Delivery] = []
        self.wrong: list[str] = []
        self._sender = sender
        self._session = session
        self._interrupt_at = interrupt_at
        self._receivers = {spec.name: partial(self._receive, spec) for spec in CATALOGUE.values()}

    def __enter__(self) -> Self:
        for name, receiver in self._receivers.items():
            CATALOGUE[name].signal.connect(receiver)
        delivered.connect(self._deliver)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for name, receiver in self._receivers.items():
            CATALOGUE[name].signal.disconnect(receiver)
        delivered.disconnect(self._deliver)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.sent]

    def _receive(self, spec: SignalSpec, sender: Any, **arguments: Any) -> None:
        if self._sender is not None and sender is not self._sender:
            self.wrong.append(f"{spec.name} came from {sender!r}")
        session = arguments.get("session")
        if session is not None and not session.in_transaction():
            self.wrong.append(f"{spec.name} came with a session outside a transaction")
        if session is not None and self._session is not None and session is not self._session:
            self.wrong.append(f"{spec.name} came with another session than the caller's")
        self.sent.append((spec.name, {name: shown(value) for name, value in arguments.items()}))
        if spec.name == self._interrupt_at:
            # Pressed here, as the order of receivers is not defined and none runs after it.
            os.kill(os.getpid(), signal.SIGINT)

    def _deliver(self, _sender: Any, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        if delivery.time.tzinfo is None or delivery.time > datetime.now(delivery.time.tzinfo):
            self.wrong.append(f"{delivery.spec.name} has the time {delivery.time}")


def shown(value: Any) -> Any:  # noqa: PLR0911 - one for each kind of value
    """*value* as the table writes it, which is as a JSON trace shows it, but of an exception only the type."""
    match value:
        case User():
            return {"id": value.id, "username": value.username, "email": value.email}
        case Session():
            return SESSION
        case BaseException():
            return {"type": type(value).__name__}
        case Mapping():
            return {name: shown(entry) for name, entry in value.items()}
        case list() | tuple():
            return [shown(entry) for entry in value]
        case str() | int() | None:
            return value
        case _:
            # A mask: what it is must show in neither form.
            return str(value) if str(value) == repr(value) else f"{value!s} or {value!r}"
