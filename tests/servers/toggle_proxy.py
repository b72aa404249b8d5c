"""A way to a database server that can be shut and opened again, as when the server is restarted."""

import contextlib
import socket

from .proxy_base import CHUNK, Way, end, run

STARTING = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"


class Gate(Way):
    """Listens on the same port again when it is opened again.

    The next *starting* connections are answered as PostgreSQL does while it starts.
    """

    def __init__(self, url: str) -> None:
        self._ends: list[socket.socket] = []
        self.starting = 0
        super().__init__(url)

    def shut(self) -> None:
        """Cut all connections, and refuse new ones."""
        end(self._listener, *self._ends)
        self._ends.clear()

    def open(self) -> None:
        """Take connections again."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._listen()

    def _admit(self, client: socket.socket) -> None:
        if self.starting:
            self.starting -= 1
            client.recv(CHUNK)
            client.sendall(b"E" + (len(STARTING) + 4).to_bytes(4, "big") + STARTING)
            client.close()
            return
        server = self._to_server()
        self._ends += [client, server]
        run(_pass_on, client, server)
        run(_pass_on, server, client)


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(CHUNK):
            other.sendall(data)
        other.shutdown(socket.SHUT_RDWR)
