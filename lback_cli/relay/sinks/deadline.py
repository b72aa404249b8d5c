"""Sockets whose operations share one deadline, which a server that sends byte by byte cannot extend."""

import math
import socket
import ssl
import time
from typing import Any


class DeadlineSocket(socket.socket):
    """A socket whose operations raise `TimeoutError` after *deadline*, a moment of `time.monotonic`."""

    deadline = math.inf

    def send(self, *arguments: Any) -> int:
        """Send as `socket.socket` does."""
        self.settimeout(seconds_left(self.deadline))
        return super().send(*arguments)

    def sendall(self, *arguments: Any) -> None:
        """Send as `socket.socket` does."""
        self.settimeout(seconds_left(self.deadline))
        super().sendall(*arguments)

    def recv_into(self, *arguments: Any) -> int:
        """Receive as `socket.socket` does."""
        self.settimeout(seconds_left(self.deadline))
        return super().recv_into(*arguments)


class DeadlineTlsSocket(DeadlineSocket, ssl.SSLSocket):
    """The same over TLS. Set it as the `sslsocket_class` of a context."""


def seconds_left(deadline: float) -> float | None:
    """Return the seconds until *deadline*, or None if there is none.

    Raises:
        TimeoutError: If the deadline has passed.
    """
    if math.isinf(deadline):
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
