"""Which process works on something that only one may work on at a time, and whether it still lives."""

import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LeaseOwner:
    """A process: its host, its id, when it started as far as the system tells, and a number for one piece of work."""

    host: str
    pid: int
    started: str
    nonce: str

    @classmethod
    def this_process(cls) -> "LeaseOwner":
        """The process that runs this, for one piece of work."""
        return cls(socket.gethostname()[:64], os.getpid(), _start_of(os.getpid()), secrets.token_hex(8))

    @classmethod
    def parse(cls, text: str) -> "LeaseOwner":
        """The owner that str() wrote."""
        host, pid, started, nonce = text.rsplit(":", 3)
        return cls(host, int(pid), started, nonce)

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}:{self.started}:{self.nonce}"

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return f"process {self.pid} on {self.host}"

    @property
    def lives(self) -> bool | None:
        """Whether the process is still there; None when that cannot be told from here."""
        if self.host != socket.gethostname()[:64]:
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # somebody else's, so it is there
        started = _start_of(self.pid)
        if not started or not self.started:
            return None
        # Another start means that the id was given to another process since.
        return started == self.started


def _start_of(pid: int) -> str:
    """When the process started, in ticks since the machine did; empty where the system does not tell."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
