"""Processes of servers that a test can kill and start again."""

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

TIMEOUT = 180
"""Seconds within which a server must take connections."""


_ENDS_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"]
"""Starts a command so that it does not outlive the tests, however these end."""


def wait_until(ready: Callable[[], object], timeout: float = TIMEOUT) -> None:
    """Wait until *ready* raises no error."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            ready()
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


class ServerProcess:
    """One server, started by *command* in *directory*, as the account of *identity*."""

    def __init__(self, name: str, command: Sequence[str], directory: Path, identity: dict[str, Any]) -> None:
        self.name = name
        self._command = command
        self._identity = identity
        self.log = directory / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str, ready: Callable[[], object], timeout: float = TIMEOUT) -> None:
        """Start the server, and wait until *ready* raises no error."""
        self.launch(*options)
        self.wait(ready, timeout)

    def launch(self, *options: str) -> None:
        with self.log.open("ab") as output:
            # In a group of its own, so that a Ctrl-C on the terminal of the tests does not reach it.
            self._process = subprocess.Popen(
                [*_ENDS_WITH_PARENT, *self._command, *options],
                stdout=output,
                stderr=output,
                process_group=0,
                **self._identity,
            )

    def wait(self, ready: Callable[[], object], timeout: float = TIMEOUT) -> None:
        """Wait until *ready* raises no error."""

        def look() -> None:
            if self.runs:
                ready()

        wait_until(look, timeout)
        assert self.runs, f"{self.name} has ended:\n{self.log.read_text('utf-8', 'replace')[-4000:]}"

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        """Send a signal, and do not wait."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End the server with a signal, and wait until it has ended."""
        if self._process is not None:
            self.send(number)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
