"""A recorder of all signals from any sender."""

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
    """Records all 22 signals and their deliveries.

    *wrong* lists violations: another sender than expected, a session outside a transaction, or a session other than
    the caller's. They are recorded because exceptions of receivers are only logged.
    *interrupt_at* names a signal whose receiver sends SIGINT to the process.
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
            # Sent last, because the interrupt ends the delivery and the signal must be recorded.
            os.kill(os.getpid(), signal.SIGINT)

    def _deliver(self, _sender: Any, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        if delivery.time.tzinfo is None or delivery.time > datetime.now(delivery.time.tzinfo):
            self.wrong.append(f"{delivery.spec.name} has the time {delivery.time}")


def shown(value: Any) -> Any:  # noqa: PLR0911 - one for each kind of value
    """Return *value* as scenarios write it: as in a JSON trace, but with only the type of an exception."""
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
            # A masked value must not be readable in either form.
            return str(value) if str(value) == repr(value) else f"{value!s} or {value!r}"
