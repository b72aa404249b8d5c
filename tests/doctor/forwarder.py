"""A port of this machine's own address that leads to a port of 127.0.0.1."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator


def own_address() -> str | None:
    """Return an address of this machine that is not a loopback address, or None. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if address.startswith("127.") else address


@contextlib.contextmanager
def forwarded(address: str, port: int) -> Iterator[int]:
    """Forward a new port of *address* to *port* of 127.0.0.1, and yield it."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", port)) as server:
                sending = threading.Thread(target=_copy, args=(self.request, server))
                sending.start()
                _copy(server, self.request)
                sending.join()

    with socketserver.ThreadingTCPServer((address, 0), Handler) as listener:
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()
        yield int(listener.server_address[1])
        listener.shutdown()
        thread.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
