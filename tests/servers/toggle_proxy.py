"""A TCP proxy in front of a database server that can be closed and opened, as if the server restarted."""

import contextlib
import socket

from .proxy_base import CHUNK, ProxyBase, close_sockets, run_in_thread

STARTING = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"


class ToggleProxy(ProxyBase):
    """A proxy that keeps its port while it is closed.

    The next *starting* connections get the answer of a PostgreSQL server that is starting.
    """

    def __init__(self, url: str) -> None:
        self._sockets: list[socket.socket] = []
        self.starting = 0
        super().__init__(url)

    def close(self) -> None:
        """Cut all connections and refuse new ones."""
        close_sockets(self._listener, *self._sockets)
        self._sockets.clear()

    def open(self) -> None:
        """Accept connections again."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._listen()

    def _accept_client(self, client: socket.socket) -> None:
        if self.starting:
            self.starting -= 1
            client.recv(CHUNK)
            client.sendall(b"E" + (len(STARTING) + 4).to_bytes(4, "big") + STARTING)
            client.close()
            return
        server = self._to_server()
        self._sockets += [client, server]
        run_in_thread(_forward, client, server)
        run_in_thread(_forward, server, client)


def _forward(source: socket.socket, destination: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            destination.sendall(data)
        destination.shutdown(socket.SHUT_RDWR)
