"""Sockets whose operations share one deadline, which a server that sends byte by byte cannot extend."""

import math
import socket
import ssl
import time
from typing import Any


class Deadline:
    """A moment by which a conversation must be over.

    Attributes:
        at: The moment, of `time.monotonic`; infinity if there is none.
    """

    def __init__(self) -> None:
        self.at = math.inf

    def set(self, seconds: float) -> None:
        """Set the moment to *seconds* from now."""
        self.at = time.monotonic() + seconds

    def left(self) -> float | None:
        """Return the seconds that are left, or None if there is no deadline.

        Raises:
            TimeoutError: If the moment has passed.
        """
        if math.isinf(self.at):
            return None
        left = self.at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class DeadlineSocket(socket.socket):
    """A socket whose operations raise `TimeoutError` at its *deadline*, or earlier if their own timeout is shorter."""

    deadline = Deadline()
    _timeout: float | None = None

    @classmethod
    def over(cls, opened: socket.socket, deadline: Deadline) -> "DeadlineSocket":
        """Return a socket that takes over the connection of *opened*."""
        made = cls(opened.family, opened.type, opened.proto, opened.detach())
        made.deadline = deadline
        return made

    def settimeout(self, value: float | None) -> None:
        """Set the timeout of each operation."""
        self._timeout = value
        super().settimeout(value)

    def send(self, *arguments: Any) -> int:
        """Send as `socket.socket` does."""
        self._limit()
        return super().send(*arguments)

    def sendall(self, *arguments: Any) -> None:
        """Send as `socket.socket` does."""
        self._limit()
        super().sendall(*arguments)

    def recv(self, *arguments: Any) -> bytes:
        """Receive as `socket.socket` does."""
        self._limit()
        return super().recv(*arguments)

    def recv_into(self, *arguments: Any) -> int:
        """Receive as `socket.socket` does."""
        self._limit()
        return super().recv_into(*arguments)

    def _limit(self) -> None:
        limits = [limit for limit in (self._timeout, self.deadline.left()) if limit is not None]
        super().settimeout(min(limits, default=None))


class DeadlineTlsSocket(DeadlineSocket, ssl.SSLSocket):
    """The same over TLS. Set it as the `sslsocket_class` of a context."""


def connect(host: str, port: int, deadline: Deadline, context: ssl.SSLContext | None) -> DeadlineSocket:
    """Return a connection to *host*, encrypted if there is a *context*, that is made and used until *deadline*.

    Raises:
        OSError: If the server cannot be reached or is not trusted.
    """
    opened = socket.create_connection((host, port), timeout=deadline.left())
    try:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return encrypt(opened, host, deadline, context) if context else DeadlineSocket.over(opened, deadline)
    except BaseException:
        opened.close()
        raise


def encrypt(opened: socket.socket, host: str, deadline: Deadline, context: ssl.SSLContext) -> DeadlineTlsSocket:
    """Return the connection of *opened* with TLS, of a server whose certificate is valid for *host*.

    Raises:
        OSError: If the server does not do TLS or is not trusted.
    """
    context.sslsocket_class = DeadlineTlsSocket
    opened.settimeout(deadline.left())  # of the whole handshake
    made = context.wrap_socket(opened, server_hostname=host)
    assert isinstance(made, DeadlineTlsSocket)
    made.deadline = deadline
    made.settimeout(None)
    return made
