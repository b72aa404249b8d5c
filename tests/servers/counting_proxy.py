"""A TCP proxy in front of a database server that cuts the connection at any message of the client."""

import contextlib
import socket
import threading
from typing import Literal

from .proxy_base import CHUNK, ProxyBase, close_sockets, run_in_thread

Loss = Literal["request", "answer"]
"""What is lost: the client's message, which then does not reach the server, or the server's answer to it."""


class CountingProxy(ProxyBase):
    """After `arm`, the connection is cut at a message of the client, whichever connection sends it.

    *cuts* counts the cut connections.
    """

    def __init__(self, url: str) -> None:
        self._left = 0
        self._loss: Loss = "request"
        self._lock = threading.Lock()
        self.cuts = 0
        super().__init__(url)

    def arm(self, message: int, loss: Loss) -> None:
        """Cut the connection at the client's message with number *message* from now on."""
        with self._lock:
            self._left, self._loss, self.cuts = message, loss, 0

    def close(self) -> None:
        close_sockets(self._listener)

    def _accept_client(self, client: socket.socket) -> None:
        server, cut = self._to_server(), threading.Event()
        run_in_thread(self._requests, client, server, cut)
        run_in_thread(_answers, client, server, cut)

    def _requests(self, client: socket.socket, server: socket.socket, cut: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(CHUNK):
                if self._is_last():
                    cut.set()
                    if self._loss == "request":
                        break
                server.sendall(data)
        if not (cut.is_set() and self._loss == "answer"):
            close_sockets(client, server)

    def _is_last(self) -> bool:
        with self._lock:
            self._left -= 1
            self.cuts += self._left == 0
            return self._left == 0


def _answers(client: socket.socket, server: socket.socket, cut: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while (data := server.recv(CHUNK)) and not cut.is_set():
            client.sendall(data)
    close_sockets(client, server)
