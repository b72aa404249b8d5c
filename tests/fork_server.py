"""Run `lback` in processes that have imported everything, which takes a tenth of the time of the installed script.

`ForkServer` starts this file as a program. For each request, the program forks, and the child calls what the installed
script calls. The program has a single thread, because only that can fork safely.
"""

import atexit
import gc
import importlib
import io
import json
import os
import pkgutil
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NoReturn

TIMEOUT = 60
"""Seconds within which a command must end."""

PRELOADED = (
    *("sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql.psycopg", "sqlalchemy.dialects.mysql.pymysql"),
    *("psycopg", "pymysql", "passlib.handlers.argon2", "argon2", "bcrypt", "email_validator", "alembic.command"),
)
LOCALE = ("LANG", "LC_ALL", "LC_CTYPE", "LC_MESSAGES")
APPLIED = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
"""The variables of Python that a child applies itself. Python reads all others before it runs anything."""


class ForkServer:
    """A process that runs commands by forking. It starts with the first command."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    @staticmethod
    def accepts(environment: Mapping[str, str]) -> bool:
        """Return whether a child behaves in *environment* like a new process."""
        return (
            os.name == "posix"
            and environment.get("LANG") == "C.UTF-8"
            and not any(name in environment for name in LOCALE[1:])
            and not any(name.startswith("PYTHON") and name not in APPLIED for name in environment)
        )

    def run(
        self,
        arguments: Sequence[str | bytes],
        *,
        environment: Mapping[str, str],
        directory: Path,
        stdin: bytes = b"",
        memory: int | None = None,
    ) -> tuple[int, bytes, bytes]:
        """Return exit status, stdout and stderr of ``lback`` with *arguments*.

        Args:
            arguments: The command line, without the name of the program.
            environment: All variables of the command.
            directory: Its current directory.
            stdin: What it can read. All three streams are pipes.
            memory: The limit of its address space in bytes.

        """
        order = {
            "arguments": [os.fsdecode(argument) for argument in arguments],
            "environment": dict(environment),
            "directory": str(directory),
            "memory": memory,
            "umask": _umask(),
        }
        with self._lock:
            control = self._connect()
            (child_in, feed), (out, child_out), (err, child_err) = os.pipe(), os.pipe(), os.pipe()
            request = json.dumps(order).encode()
            socket.send_fds(control, [len(request).to_bytes(4, "big")], [child_in, child_out, child_err])
            control.sendall(request)
            for number in (child_in, child_out, child_err):
                os.close(number)
            pid = _receive(control)
            killer = threading.Timer(TIMEOUT, os.kill, (pid, signal.SIGKILL))
            killer.start()
            try:
                output = _communicate(feed, stdin, out, err)
                return (_receive(control), *output)
            finally:
                killer.cancel()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._control.close()
            self._process.wait(TIMEOUT)

    def _connect(self) -> socket.socket:
        if self._process is None:
            self._control, other = socket.socketpair()
            environment = {"LANG": "C.UTF-8", "PATH": os.environ["PATH"], "HOME": "/nonexistent"}
            command = [sys.executable, __file__, str(other.fileno())]
            self._process = subprocess.Popen(command, env=environment, cwd="/", pass_fds=[other.fileno()])
            other.close()
        return self._control


def _umask() -> int:
    current = os.umask(0o77)
    os.umask(current)
    return current


def _communicate(feed: int, stdin: bytes, *outputs: int) -> tuple[bytes, bytes]:
    """Write *stdin* to *feed* while reading both *outputs* to their ends."""
    contents = [b"", b""]

    def read(index: int) -> None:
        with os.fdopen(outputs[index], "rb") as file:
            contents[index] = file.read()

    readers = [threading.Thread(target=read, args=(index,)) for index in range(2)]
    for reader in readers:
        reader.start()
    with suppress(BrokenPipeError), os.fdopen(feed, "wb", buffering=0) as file:
        rest = memoryview(stdin)
        while rest:
            rest = rest[file.write(rest) :]
    for reader in readers:
        reader.join()
    return contents[0], contents[1]


def _receive(control: socket.socket) -> int:
    """Receive a number: four bytes, with a sign."""
    received = control.recv(4, socket.MSG_WAITALL)
    if len(received) < 4:
        raise EOFError("The fork server ended.")
    return int.from_bytes(received, "big", signed=True)


def _send(control: socket.socket, number: int) -> None:
    control.sendall(number.to_bytes(4, "big", signed=True))


def preload() -> None:
    """Import what commands import."""
    import lback_cli

    for module in pkgutil.walk_packages(lback_cli.__path__, "lback_cli."):
        # No command imports what needs the package of the lback framework.
        if not module.name.endswith("__main__") and not {"migrations", "compat"} & set(module.name.split(".")[:-1]):
            importlib.import_module(module.name)
    for name in PRELOADED:
        importlib.import_module(name)


def child(script: Callable[[], object], order: dict[str, Any], streams: Sequence[int]) -> NoReturn:
    """Become the command."""
    status: Any = 1
    try:
        _prepare(order, streams)
        script()
    except SystemExit as ended:
        status = ended.code
    except BaseException:  # noqa: BLE001 - the child must never become a second server
        traceback.print_exc()
    with suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status if isinstance(status, int) else int(status is not None))


def _prepare(order: dict[str, Any], streams: Sequence[int]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    os.umask(order["umask"])
    os.chdir(order["directory"])
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    sys.argv = ["lback", *order["arguments"]]
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.path[1:1] = list(filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))
    importlib.invalidate_caches()
    # As Python opens them: standard error writes each line at once.
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0)), encoding="utf-8", errors="surrogateescape")
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w")), encoding="utf-8", errors="surrogateescape")
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(2, "w")), encoding="utf-8", errors="backslashreplace", line_buffering=True
    )
    if order["memory"] is not None:
        resource.setrlimit(resource.RLIMIT_AS, (order["memory"], order["memory"]))


def serve(control: socket.socket) -> None:
    """Serve requests until the other side closes the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path[0] = str(Path(sys.executable).parent)  # as for the installed script
    preload()
    (installed,) = entry_points(group="console_scripts", name="lback")
    script = installed.load()
    if threading.active_count() > 1:
        raise RuntimeError("Only a process with a single thread can fork safely.")
    gc.freeze()  # the garbage collector of a child would write to shared pages, which copies them
    while True:
        header, streams, _, _ = socket.recv_fds(control, 4, 3)
        if not header:
            return
        header += control.recv(4 - len(header), socket.MSG_WAITALL)
        order = json.loads(control.recv(int.from_bytes(header, "big"), socket.MSG_WAITALL))
        pid = os.fork()
        if pid == 0:
            control.close()
            child(script, order, streams)
        for stream in streams:
            os.close(stream)
        _send(control, pid)
        _, status = os.waitpid(pid, 0)
        _send(control, os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
