"""A TCP proxy in front of a database server that cuts a connection at its COMMIT, in a chosen way."""

import contextlib
import re
import socket
import threading
from typing import Literal

from .proxy_base import CHUNK, Way, end, run

Cut = Literal["before", "at once", "late", "after"]
"""COMMIT does not reach the server; it does, and whoever sent it is gone the same moment; it does only when somebody
else looks what became of it, as the network may keep it so long; or its answer is lost."""

COMMIT = re.compile(rb"(?<![A-Z ])COMMIT(?![A-Z])")
"""The statement as either protocol sends it, and not the isolation level READ COMMITTED."""

LOOK = re.compile(rb"lback_(event_head|import_jobs).*FOR UPDATE|INSERT INTO users", re.DOTALL)
"""What somebody who looks must send first, and the first change of one who does not."""


class CuttingProxy(Way):
    """`arm` it, and whatever connection commits a change next is cut.

    *cuts* counts what was cut so far. With *then_down* it accepts nobody any more after a cut.
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
        end(self._listener)
        self._release()

    def _admit(self, client: socket.socket) -> None:
        server, cutting = self._to_server(), threading.Event()
        run(self._requests, client, server, cutting)
        run(_answers, client, server, cutting)

    def _requests(self, client: socket.socket, server: socket.socket, cutting: threading.Event) -> None:
        # MariaDB's isolation level is set with a COMMIT of its own.
        wrote = False
        with contextlib.suppress(OSError):
            while data := client.recv(CHUNK):
                wrote = wrote or b"INSERT INTO" in data
                if wrote and COMMIT.search(data) and (cut := self._disarm()):
                    self._cut(cut, data, client, server, cutting)
                    return
                server.sendall(data)
                if LOOK.search(data):
                    self._release()
        end(client, server)

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
            end(client)
            return
        if cut != "before":
            server.sendall(data)
        if cut == "after":
            # Only the thread for answers reads here, and it ends with the first one.
            return
        end(client, server)


def _answers(client: socket.socket, server: socket.socket, cutting: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while data := server.recv(CHUNK):
            if cutting.is_set():
                break
            client.sendall(data)
    end(client, server)
