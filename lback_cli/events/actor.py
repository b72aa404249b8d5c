"""Actors: the person or program that an operation is attributed to."""

import contextlib
import os
import pwd
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from uuid import uuid4

from lback_cli.version import __version__


@dataclass(frozen=True, slots=True)
class Actor:
    """The name of an actor, the host, and the version of lback.

    *invocation_id* is shared by all operations of one command, of one `acting_as` block, or of one process that uses
    neither.
    """

    name: str
    host: str = field(default_factory=lambda: os.uname().nodename)
    version: str = __version__
    invocation_id: str = field(default_factory=lambda: uuid4().hex)


_acting: ContextVar[Actor | None] = ContextVar("lback_actor", default=None)


def current_actor() -> Actor:
    """Return the actor that `acting_as` or `set_actor` named, else the operating system's user of this process."""
    return _acting.get() or _process_actor(os.getpid())


@contextlib.contextmanager
def acting_as(actor: Actor | str) -> Iterator[Actor]:
    """Attribute the operations in the block to *actor*, in this thread or task.

    Args:
        actor: An actor, or a name. With a name, the operations in the block share a new ``invocation_id``.
    """
    acting = Actor(actor) if isinstance(actor, str) else actor
    token = _acting.set(acting)
    try:
        yield acting
    finally:
        _acting.reset(token)


def set_actor(name: str | None) -> None:
    """Attribute all later operations of this thread or task to *name*, or to `login_name`, in a new invocation."""
    _acting.set(Actor(name or login_name()))


def login_name() -> str:
    """Return the login name of the user who used sudo or doas, else the user of the process.

    The environment variables of sudo and doas are trusted only if root runs the process: other users can set them.
    """
    if os.getuid() == 0:
        for variable in ("SUDO_USER", "DOAS_USER"):
            if name := os.environ.get(variable):
                return name
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid:{os.getuid()}"


@cache
def _process_actor(_pid: int) -> Actor:
    # Cached by process id, since a forked worker is another process.
    return Actor(login_name())
