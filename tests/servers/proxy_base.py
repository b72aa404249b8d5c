"""The base of TCP proxies in front of a database server."""

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

CHUNK = 65536


class ProxyBase:
    """Listens on a free port of 127.0.0.1, which is in its *url*. Subclasses handle each client."""

    def __init__(self, url: str) -> None:
        self._server = urlsplit(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port = self._listener.getsockname()[1]
        # libpq would first negotiate encryption, with messages that the proxies do not understand.
        options = "sslmode=disable&gssencmode=disable" if "postgresql" in self._server.scheme else self._server.query
        self.url = f"{self._server.scheme}://root@127.0.0.1:{self._port}{self._server.path}?{options}"
        self._listen()

    def _listen(self) -> None:
        run_in_thread(self._accept, self._listener)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._accept_client(listener.accept()[0])

    def _accept_client(self, client: socket.socket) -> None:
        raise NotImplementedError

    def _to_server(self) -> socket.socket:
        return socket.create_connection((self._server.hostname, self._server.port))


def run_in_thread(function: Callable[..., object], *arguments: Any) -> None:
    """Call *function* in a daemon thread."""
    threading.Thread(target=function, args=arguments, daemon=True).start()


def close_sockets(*sockets: socket.socket) -> None:
    """Close *sockets*."""
    for connection in sockets:
        # Unlike close alone, shutdown wakes the threads that wait in accept or recv.
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()
