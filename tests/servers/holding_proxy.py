"""A TCP proxy in front of a database server that delays a COMMIT."""

import contextlib
import socket
import threading

from .counting_proxy import Loss
from .proxy import COMMIT
from .proxy_base import CHUNK, ProxyBase, close_sockets, run_in_thread


class HoldingProxy(ProxyBase):
    """Holds back the first COMMIT after *statement*, or the answer to it, until the client closes the connection.

    *held* is set as soon as it does.
    """

    def __init__(self, url: str, loss: Loss, statement: bytes) -> None:
        self._loss, self._statement = loss, statement
        self.held = threading.Event()
        super().__init__(url)

    def close(self) -> None:
        close_sockets(self._listener)

    def _accept_client(self, client: socket.socket) -> None:
        server, holds = self._to_server(), threading.Event()
        run_in_thread(self._requests, client, server, holds)
        run_in_thread(self._answers, client, server, holds)

    def _requests(self, client: socket.socket, server: socket.socket, holds: threading.Event) -> None:
        sent = False
        with contextlib.suppress(OSError):
            while data := client.recv(CHUNK):
                sent = sent or self._statement in data
                if sent and COMMIT.search(data) and not self.held.is_set():
                    holds.set()
                    if self._loss == "request":
                        self.held.set()
                        continue
                server.sendall(data)
        close_sockets(client, server)

    def _answers(self, client: socket.socket, server: socket.socket, holds: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(CHUNK):
                if holds.is_set():
                    self.held.set()
                else:
                    client.sendall(data)
        close_sockets(client, server)
