"""Peers: servers on this machine that do what a script says, and keep what they are sent."""

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

Script = Callable[["Peer", socket.socket], None]


class Peer:
    """A server that runs *script* for each connection, in a thread of its own."""

    def __init__(self, script: Script) -> None:
        self.received = bytearray()
        """What clients sent, without the encryption if the script has removed it."""
        self.stopped = threading.Event()
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stopped.set()
        for end in (self._listener, *self._connections):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def swallow(self, connection: socket.socket) -> None:
        """Keep what *connection* sends until it ends."""
        while data := connection.recv(4096):
            self.received += data

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                if self.stopped.is_set():
                    connection.close()
                    return
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            self._script(self, connection)
        connection.close()


def says(greeting: bytes) -> Script:
    """Return the script of a server that greets and then only listens."""

    def script(peer: Peer, connection: socket.socket) -> None:
        connection.sendall(greeting)
        peer.swallow(connection)

    return script


def encrypts(context: ssl.SSLContext, greeting: bytes = b"") -> Script:
    """Return the script of a server that greets in the clear, then does TLS, and then only listens."""

    def script(peer: Peer, connection: socket.socket) -> None:
        connection.sendall(greeting)
        with context.wrap_socket(connection, server_side=True) as encrypted:
            peer.swallow(encrypted)

    return script


def forwards(port: int, change: Callable[[bytes], bytes], then: Script | None = None) -> Script:
    """Return the script of a proxy to *port* on this machine, which changes what the server says.

    If *change* raises `ConnectionError`, the rest is *then*.
    """

    def script(peer: Peer, connection: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", port)) as server:

            def upstream() -> None:
                with suppress(OSError):
                    while data := connection.recv(4096):
                        peer.received += data
                        server.sendall(data)
                with suppress(OSError):  # also if the client reset its connection, and if the server ignores the end
                    server.shutdown(socket.SHUT_RDWR)

            thread = threading.Thread(target=upstream)
            thread.start()
            # A broker of Kafka says where its clients have to connect to, and they should come back here.
            there, here = (b"localhost" + address.to_bytes(4) for address in (port, peer.port))
            try:
                while data := server.recv(4096):
                    connection.sendall(change(data.replace(there, here)))
            except ConnectionError:
                if then is not None:
                    then(peer, connection)
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()

    return script


def stalls(peer: Peer, _connection: socket.socket) -> None:
    """Say nothing more, and keep the connection open."""
    peer.stopped.wait()


def closes(_peer: Peer, _connection: socket.socket) -> None:
    """Close the connection."""


def lies(peer: Peer, connection: socket.socket) -> None:
    """Talk nonsense, and listen."""
    connection.sendall(b"\x00\xff$abc {]\r\n" * 100)
    peer.swallow(connection)


def drips(peer: Peer, connection: socket.socket) -> None:
    """Go on one byte at a time, each well before a timeout."""
    while not peer.stopped.wait(0.02):
        connection.sendall(b"+")


def breaks_off(port: int, after: int, then: Script) -> Script:
    """Return the script of a proxy to *port* that replaces by *then* what the server says *after* that many bytes.

    These are the bytes of all connections together.
    """
    left = after

    def script(peer: Peer, connection: socket.socket) -> None:
        def cut(data: bytes) -> bytes:
            nonlocal left
            passed, left = data[: max(0, left)], left - len(data)
            if left > 0:
                return passed
            connection.sendall(passed)
            raise ConnectionError

        forwards(port, cut, then)(peer, connection)

    return script
