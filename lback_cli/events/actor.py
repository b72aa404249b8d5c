"""Who acts: the person behind an operation, and the process through which it is done."""

import contextlib
import os
import pwd
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from uuid import uuid4

from lback_cli import __version__


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where.

    *name* is a login, or what the caller says; *invocation_id* is shared by all operations of one command, of one
    `acting_as` block, or of one process that uses neither.
    """

    name: str
    host: str = field(default_factory=lambda: os.uname().nodename)
    version: str = __version__
    invocation_id: str = field(default_factory=lambda: uuid4().hex)


_acting: ContextVar[Actor | None] = ContextVar("lback_actor", default=None)


def current_actor() -> Actor:
    """Who acts now: whom `acting_as` named, else the operating system's user of this process."""
    return _acting.get() or _process_actor(os.getpid())


@contextlib.contextmanager
def acting_as(actor: Actor | str) -> Iterator[Actor]:
    """Attribute the operations in the block to *actor*, in this thread or task; a name stands for a new invocation."""
    who = Actor(actor) if isinstance(actor, str) else actor
    token = _acting.set(who)
    try:
        yield who
    finally:
        _acting.reset(token)


def set_actor(name: str | None) -> None:
    """Attribute every later operation of this context to *name*, else to the login: a new invocation begins."""
    _acting.set(Actor(name or login_name()))


def login_name() -> str:
    """The person at the keyboard: the login behind sudo or doas, else the user that the process runs as.

    An environment variable is only believed from root, since anybody else could set it.
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
    # By process id, as a forked worker is another process.
    return Actor(login_name())
