"""A TCP proxy in front of a database server that cuts a connection at COMMIT."""

import contextlib
import re
import socket
import threading
from typing import Literal

from .proxy_base import CHUNK, ProxyBase, close_sockets, run_in_thread

Cut = Literal["before", "at once", "late", "after"]
"""How the connection is cut.

``before``: COMMIT does not reach the server. ``at once``: it does, and the client is gone at the same moment. ``late``:
the network delays it until the client checks the outcome on a new connection. ``after``: the server's answer is lost.
"""

COMMIT = re.compile(rb"(?<![A-Z ])COMMIT(?![A-Z])")
"""The statement in both protocols, but not the isolation level READ COMMITTED."""

CHECK = re.compile(rb"lback_(event_head|import_jobs|accounts).*FOR UPDATE|INSERT INTO users", re.DOTALL)
"""The first statement of a client that checks the outcome, or the first change of one that does not."""


class CuttingProxy(ProxyBase):
    """After `arm`, the next connection that commits a change is cut.

    *cuts* counts the cut connections. With *then_down* the proxy accepts no connection after a cut.
    """

    def __init__(self, url: str, *, then_down: bool = False) -> None:
        self._armed: Cut | None = None
        self._then_down = then_down
        self._lock = threading.Lock()
        self._held: list[tuple[socket.socket, bytes]] = []
        self.cuts = 0
        super().__init__(url)

    def arm(self, cut: Cut) -> None:
        with self._lock:
            self._armed = cut

    def close(self) -> None:
        close_sockets(self._listener)
        self._release()

    def _accept_client(self, client: socket.socket) -> None:
        server, cutting = self._to_server(), threading.Event()
        run_in_thread(self._requests, client, server, cutting)
        run_in_thread(_answers, client, server, cutting)

    def _requests(self, client: socket.socket, server: socket.socket, cutting: threading.Event) -> None:
        # PyMySQL sends a COMMIT when it sets the isolation level.
        wrote = False
        with contextlib.suppress(OSError):
            while data := client.recv(CHUNK):
                wrote = wrote or b"INSERT INTO" in data
                if wrote and COMMIT.search(data) and (cut := self._disarm()):
                    self._cut(cut, data, client, server, cutting)
                    return
                server.sendall(data)
                if CHECK.search(data):
                    self._release()
        close_sockets(client, server)

    def _release(self) -> None:
        with self._lock:
            held, self._held = self._held, []
        for server, data in held:
            with contextlib.suppress(OSError):
                server.sendall(data)

    def _disarm(self) -> Cut | None:
        with self._lock:
            cut, self._armed = self._armed, None
            self.cuts += cut is not None
        return cut

    def _cut(
        self, cut: Cut, data: bytes, client: socket.socket, server: socket.socket, cutting: threading.Event
    ) -> None:
        if self._then_down:
            self.close()
        cutting.set()
        if cut == "late":
            with self._lock:
                self._held.append((server, data))
            close_sockets(client)
            return
        if cut != "before":
            server.sendall(data)
        if cut == "after":
            # The other thread closes the sockets instead of forwarding the answer.
            return
        close_sockets(client, server)


def _answers(client: socket.socket, server: socket.socket, cutting: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while data := server.recv(CHUNK):
            if cutting.is_set():
                break
            client.sendall(data)
    close_sockets(client, server)
