"""Leases, with which only one process at a time works on an import, a sink or a mail."""

import os
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeVar

RELEASED: Mapping[str, None] = {"owner": None, "lease_until": None}
"""The columns of a row that no process holds."""

_PLAUSIBLE = 10
"""A lease that ends later than this many times its duration was written with a wrong clock."""


class LeaseLostError(Exception):
    """Another process has taken over the lease."""


class Leased(Protocol):
    """A row that one process at a time may hold, with the two columns of every such table."""

    @property
    def owner(self) -> str | None:
        """The process that holds the row, as `LeaseOwner` writes it."""

    @property
    def lease_until(self) -> datetime | None:
        """When the lease expires unless its owner renews it."""


Row = TypeVar("Row", bound=Leased)


@dataclass(frozen=True, slots=True)
class LeaseOwner:
    """A process: its host, its id, when it started if the system says so, and a nonce for one lease."""

    host: str
    pid: int
    started: str
    nonce: str

    @classmethod
    def this_process(cls) -> "LeaseOwner":
        """Return the current process, with a new nonce."""
        return cls(_hostname(), os.getpid(), _start_time(os.getpid()), secrets.token_hex(8))

    @classmethod
    def parse(cls, text: str) -> "LeaseOwner":
        """Return the owner that `str` wrote."""
        host, pid, started, nonce = text.rsplit(":", 3)
        return cls(host, int(pid), started, nonce)

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}:{self.started}:{self.nonce}"

    @property
    def name(self) -> str:
        """The process as messages name it."""
        return f"process {self.pid} on {self.host}"

    @property
    def is_running(self) -> bool | None:
        """True if the process is running, False if it is dead, None if this host cannot know."""
        if self.host != _hostname():
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # It is running, as another operating system user.
        started = _start_time(self.pid)
        if not started or not self.started:
            return None
        # If the start time differs, the system has given the id to another process.
        return started == self.started


def current_owner(row: Leased, now: datetime) -> LeaseOwner | None:
    """Return the owner of *row* if its lease has not expired and its process is not known to be dead."""
    if row.owner is None or row.lease_until is None or row.lease_until <= now:
        return None
    owner = LeaseOwner.parse(row.owner)
    return None if owner.is_running is False else owner


class Lease:
    """How this process holds rows: as *owner*, for *duration* after each renewal.

    The statements that take, renew and release a lease are in `LeaseRepository`.
    """

    def __init__(self, duration: timedelta, now: Callable[[], datetime], *, expires_while_running: bool = True) -> None:
        """Create a lease with a new owner.

        Args:
            duration: How long a row is held without a renewal.
            now: The clock.
            expires_while_running: False if a process that is known to be running keeps a row beyond *duration*,
                because it cannot renew the lease while its transaction is open.
        """
        self.duration = duration
        self.owner = str(LeaseOwner.this_process())
        self._now = now
        self._expires_while_running = expires_while_running

    @property
    def columns(self) -> Mapping[str, object]:
        """The columns of a row that this process holds from now on."""
        return {"owner": self.owner, "lease_until": self._now() + self.duration}

    def holder(self, row: Leased) -> LeaseOwner | None:
        """Return the process that keeps others from taking *row*, or None if the row can be taken."""
        if not self._expires_while_running and row.owner is not None:
            owner = LeaseOwner.parse(row.owner)
            if owner.is_running:
                return owner
        now = self._now()
        if row.lease_until is not None and row.lease_until - now >= _PLAUSIBLE * self.duration:
            return None
        return current_owner(row, now)

    def require_owned(self, row: Row | None) -> Row:
        """Return *row* if this process holds it, or raise `LeaseLostError`."""
        if row is None or row.owner != self.owner:
            raise LeaseLostError
        return row


def _hostname() -> str:
    return socket.gethostname()[:64]


def _start_time(pid: int) -> str:
    """Return when the process started, in clock ticks since boot, or an empty string on systems without /proc."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
