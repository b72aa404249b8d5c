"""A way to a database server that can be shut and opened again, as when the server is restarted."""

import contextlib
import socket
import threading
from urllib.parse import urlsplit

STARTING = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"


class Gate:
    """Listens on a free port of 127.0.0.1, and on the same one again when it is opened again.

    The next *starting* connections are answered as PostgreSQL does while it starts.
    """

    def __init__(self, url: str) -> None:
        self._server = urlsplit(url)
        self._ends: list[socket.socket] = []
        self.starting = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port = self._listener.getsockname()[1]
        options = "sslmode=disable&gssencmode=disable" if "postgresql" in self._server.scheme else self._server.query
        self.url = f"{self._server.scheme}://root@127.0.0.1:{self._port}{self._server.path}?{options}"
        self._serve()

    def shut(self) -> None:
        """Cut all connections, and refuse new ones."""
        # Unlike close alone, this wakes the thread that waits in accept, and those that wait for words.
        for end in (self._listener, *self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._ends.clear()

    def open(self) -> None:
        """Take connections again."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._serve()

    def _serve(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                if self.starting:
                    self.starting -= 1
                    client.recv(4096)
                    client.sendall(b"E" + (len(STARTING) + 4).to_bytes(4, "big") + STARTING)
                    client.close()
                    continue
                server = socket.create_connection((self._server.hostname, self._server.port))
                self._ends += [client, server]
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_RDWR)
