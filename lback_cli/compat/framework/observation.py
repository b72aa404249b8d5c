"""Show the signals of the framework's dispatcher in lback's trace."""

import contextlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from datetime import datetime
from functools import cache
from typing import Any, TextIO
from uuid import uuid4

from blinker import NamedSignal
from lback.core.signals import dispatcher
from lback.models.user import User
from sqlalchemy.orm import Session

from lback_cli.managers.user_update import MASK
from lback_cli.signals import CATALOGUE, Delivery, delivered
from lback_cli.signals.catalogue import Argument, SignalSpec
from lback_cli.signals.dispatch import notify_observers, receiver_name
from lback_cli.signals.emission import ReceiverFailure
from lback_cli.text.times import utc_now
from lback_cli.tracing.trace import Format, Trace

_SECRET = re.compile(r"password|secret|token(?!_prefix)|csrf|cookie|session_id|api_key|authorization", re.IGNORECASE)
"""Names of arguments whose values the trace masks."""

_DEPTH = 3
"""Levels of dicts and lists that are shown."""

_OPERATION = "application"
_operation_id = uuid4().hex
_began = utc_now()
"""The trace shows all signals of a process as those of one operation, which begins when this is imported."""

_silent: ContextVar[bool] = ContextVar("lback_unobserved", default=False)


@contextlib.contextmanager
def unobserved() -> Iterator[None]:
    """Send signals with the dispatcher without showing them: lback has shown them already."""
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)


def trace_signals(stream: TextIO | None = None, *, format: Format = "rich") -> Trace:  # noqa: A002 - the name of the option
    """Trace every signal in this process, lback's and those that the framework's dispatcher sends.

    It shows what ``--trace-signals`` shows of a command. Passwords, tokens and cookies are masked, and objects such as
    requests are shown by their type.

    Args:
        stream: The text stream to write to; by default standard error.
        format: ``rich`` for people, ``json`` for programs.

    Returns:
        The trace; its ``disconnect`` ends it.
    """
    observe_dispatcher()
    trace = Trace(sys.stderr if stream is None else stream, format=format)
    trace.connect()
    return trace


def observe_dispatcher() -> None:
    """Report each signal of the framework's dispatcher to the observers of lback's signals."""
    if not getattr(dispatcher.send, "reports_to_lback", False):
        dispatcher.send = _reporting(dispatcher.send)


def _reporting(send: Callable[..., Any]) -> Callable[..., Any]:
    def send_and_report(signal_name: str, sender: Any = None, **arguments: Any) -> Any:
        time, is_silent = utc_now(), _silent.get()
        token = _silent.set(False)  # what the receivers send is news
        try:
            results = send(signal_name, sender=sender, **arguments)
        finally:
            _silent.reset(token)
        if delivered.receivers and not is_silent and isinstance(signal_name, str):
            notify_observers(_delivery(signal_name, sender, arguments, time, results))
        return results

    send_and_report.reports_to_lback = True  # type: ignore[attr-defined]  # marks the function
    return send_and_report


def _delivery(
    name: str, sender: Any, arguments: Mapping[str, Any], time: datetime, results: list[tuple[Any, Any]]
) -> Delivery:
    shown = {key: MASK if _SECRET.search(key) else _shown(value, _DEPTH) for key, value in arguments.items()}
    failures = [
        ReceiverFailure(receiver_name(receiver), result)
        for receiver, result in results
        if isinstance(result, Exception)
    ]
    spec = _spec(name, tuple(shown))
    operation = (_OPERATION, _operation_id, 1, time, spec, spec.phase, sender, shown, len(results), failures)
    return Delivery(*operation, began=_began)


@cache
def _spec(name: str, arguments: tuple[str, ...]) -> SignalSpec:
    """Return the phase of the signal and the names of the *arguments* it was sent with, as the trace reads them."""
    known = CATALOGUE.get(name)
    return SignalSpec(
        name=name,
        phase="progress" if known is None else known.phase,
        when="",
        arguments=tuple(Argument(argument, "Any", "") for argument in arguments),
        reasons={},
        signal=NamedSignal(name),
    )


def _shown(value: Any, depth: int) -> Any:
    """Return *value* without secrets, and objects by their type, as their text may contain anything."""
    if value is None or isinstance(value, str | int | float | bool | datetime | Session | BaseException):
        return value
    if isinstance(value, User):
        loaded = vars(value)
        return {name: loaded.get(name) for name in ("id", "username", "email")}
    if depth and isinstance(value, Mapping):
        return {key: MASK if _SECRET.search(str(key)) else _shown(entry, depth - 1) for key, entry in value.items()}
    if depth and isinstance(value, list | tuple | set | frozenset):
        return [_shown(entry, depth - 1) for entry in value]
    return f"<{type(value).__name__}>"
