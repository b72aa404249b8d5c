"""Brokers of the tests' own, which can be killed."""

import os
import signal
import socket
import subprocess
from collections.abc import Mapping
from contextlib import closing

from .consumers import eventually


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


class Broker:
    """A server that can be killed and restarted with its data."""

    def __init__(self, command: list[str], port: int, environment: Mapping[str, str] | None = None) -> None:
        self._command = command
        self._port = port
        self._environment = {**os.environ, **(environment or {})}
        self.start()

    def start(self) -> None:
        # In a new process group, as RabbitMQ is a script that starts other programs.
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually(self._listens)

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0
