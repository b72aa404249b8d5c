"""Forward lback's signals to the receivers of the framework's dispatcher."""

from functools import partial
from typing import Any
from weakref import WeakSet

from blinker import ANY
from lback.core.signals import dispatcher
from lback.models.user import User
from sqlalchemy import inspect
from sqlalchemy.orm import Session, object_session
from sqlalchemy.orm.attributes import set_committed_value

from lback_cli import models
from lback_cli.compat.framework.call import current_call
from lback_cli.compat.framework.observation import observe_dispatcher, unobserved
from lback_cli.errors import OperationRejected
from lback_cli.signals import CATALOGUE
from lback_cli.signals.catalogue import SignalSpec

_forwarded: WeakSet[Any] = WeakSet()
"""The managers whose signals are forwarded."""


def forward_signals(manager: Any = None, *, sender: Any = None) -> None:
    """Send each of the 22 signals on with the framework's dispatcher.

    Receivers that the application registered there get what the framework would pass: its own ``User``, the session,
    and no argument that has nothing to say. The dispatcher logs what a receiver raises and goes on, except that
    `OperationRejected` refuses the operation. Calling this again changes nothing.

    Args:
        manager: The manager whose signals are forwarded; None for every one.
        sender: The sender that receivers get; None for the manager that sent the signal.
    """
    source = ANY if manager is None else manager
    if source in _forwarded:
        return
    _forwarded.add(source)
    observe_dispatcher()
    for spec in CATALOGUE.values():
        forward = partial(_forward, spec, sender)
        forward.receiver_name = "the framework's dispatcher"  # type: ignore[attr-defined]  # for messages
        spec.signal.connect(forward, sender=source, weak=False)


def _forward(spec: SignalSpec, sender: Any, manager: Any, /, **arguments: Any) -> None:
    call = current_call.get()
    session = arguments.get("session") or (None if call is None else call.session)
    passed = {}
    for argument in spec.arguments:
        value = arguments[argument.name]
        if isinstance(value, models.User):
            value = framework_user(value, session)
        if not (value is None and argument.optional):
            passed[argument.name] = value
    if call is not None:
        _apply_columns(spec, passed, call.columns)
    with unobserved():
        results = dispatcher.send(spec.name, sender=manager if sender is None else sender, **passed)
    for _, result in results:
        if isinstance(result, OperationRejected):
            raise result


def _apply_columns(spec: SignalSpec, passed: dict[str, Any], columns: Any) -> None:
    """Write the application's own columns before the receivers of the success run; show them among the data."""
    if spec.name == "user_updated":
        for name, value in columns.items():
            try:
                setattr(passed["user"], name, value)
            except ValueError as error:  # a validator of the application's model
                raise OperationRejected(str(error)) from error
    if "update_data" in passed:
        passed["update_data"] = {**passed["update_data"], **columns}


def framework_user(user: models.User, session: Session | None) -> Any:
    """Return the framework's ``User`` for lback's *user*: in the same transaction, or detached if there is none."""
    identity = inspect(user).identity
    session = session or object_session(user)
    if identity is not None and session is not None and session.is_active:
        session.flush()
        return session.get(User, identity[0], populate_existing=True)
    copy = User()
    loaded = inspect(user).dict
    for column in inspect(User).column_attrs:
        key = "password_hash" if column.key == "password" else column.key
        if key in loaded:
            set_committed_value(copy, column.key, loaded[key])
    return copy
