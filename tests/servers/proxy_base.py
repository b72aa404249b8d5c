"""A way to a database server that a test has in its hands."""

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

CHUNK = 65536


class Way:
    """Listens on a free port of 127.0.0.1, to which *url* leads; what becomes of who comes is the subclass's."""

    def __init__(self, url: str) -> None:
        self._server = urlsplit(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port = self._listener.getsockname()[1]
        # libpq would ask for encryption first, in words that are none of the protocol's.
        options = "sslmode=disable&gssencmode=disable" if "postgresql" in self._server.scheme else self._server.query
        self.url = f"{self._server.scheme}://root@127.0.0.1:{self._port}{self._server.path}?{options}"
        self._listen()

    def _listen(self) -> None:
        run(self._accept, self._listener)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._admit(listener.accept()[0])

    def _admit(self, client: socket.socket) -> None:
        raise NotImplementedError

    def _to_server(self) -> socket.socket:
        return socket.create_connection((self._server.hostname, self._server.port))


def run(work: Callable[..., object], *arguments: Any) -> None:
    """Do *work* beside the test, and no longer than that runs."""
    threading.Thread(target=work, args=arguments, daemon=True).start()


def end(*sockets: socket.socket) -> None:
    """Close them."""
    for one in sockets:
        # Unlike close alone, this wakes the thread that waits in accept, and those that wait for words.
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
