"""Run a program with a time limit, a limit on its output, and few environment variables."""

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from lback_cli.receivers.trusted_files import open_trusted_program

OUTPUT_LIMIT = 16384
"""Bytes of standard error that are kept. The rest is read and discarded, so that the program never blocks."""

INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")
"""The environment variables that are passed on. Others may hold a password, or change what the program does."""

_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """The exit *status* of a program, or a description of its *failure*; and what it wrote to standard error."""

    status: int
    failure: str | None
    errors: bytes


def run_program(path: Path, data: bytes, seconds: float) -> ProcessResult:
    """Run the program at *path*, in its own directory, with *data* on its standard input, for at most *seconds*.

    A program that takes longer is killed with its process group. It need not read its input. If it ends in time, the
    processes that it started continue, and are not waited for. Standard output is discarded.

    Raises:
        UntrustedFileError: Other users could have changed the program.
        OSError: The program cannot be started.
    """
    descriptor = open_trusted_program(path)
    try:
        # Run the very file that was checked, through its descriptor. Without /proc run it by its path, whose
        # directories other users cannot change.
        opened = f"/proc/self/fd/{descriptor}"
        with contextlib.ExitStack() as running:
            with _signals_delayed():
                process = subprocess.Popen(  # noqa: S603 - the file was checked
                    [str(path)],
                    executable=opened if Path(opened).exists() else str(path),
                    pass_fds=(descriptor,),  # an interpreter opens the script through it
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    env=_environment(path),
                    cwd=path.parent,
                    start_new_session=True,
                )
                running.enter_context(process)
                running.enter_context(_killed_at_the_end(process))
            os.close(descriptor)
            descriptor = -1
            return _communicate(process, data, seconds)
    finally:
        if descriptor >= 0:
            os.close(descriptor)


@contextlib.contextmanager
def _signals_delayed() -> Iterator[None]:
    """Handle signals after the block: an exception while a process is started would leave it running."""
    arrived: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        arrived.append(number)

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    if threading.current_thread() is not threading.main_thread():
        handlers = {}
    replaced = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in replaced:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in replaced.items():
            signal.signal(number, handler)
        for arrival in arrived:
            signal.raise_signal(arrival)


@contextlib.contextmanager
def _killed_at_the_end(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Kill *process* if it is still running when the block ends, for example by Ctrl-C."""
    try:
        yield
    finally:
        if process.poll() is None:
            _kill(process)


def _communicate(process: "subprocess.Popen[bytes]", data: bytes, seconds: float) -> ProcessResult:
    """Write to and read from *process* until it ends, or kill it after *seconds*."""
    assert process.stdin is not None
    assert process.stderr is not None
    deadline = time.monotonic() + seconds
    errors = bytearray()
    left = memoryview(data)
    os.set_blocking(process.stdin.fileno(), False)
    os.set_blocking(process.stderr.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdin, selectors.EVENT_WRITE)
        selector.register(process.stderr, selectors.EVENT_READ)
        while process.poll() is None:
            if time.monotonic() > deadline:
                _kill(process)
                return ProcessResult(0, f"did not end within {seconds:g} s and was killed", bytes(errors))
            if not selector.get_map():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, deadline - time.monotonic()))
                continue
            for key, _ in selector.select(_POLL_SECONDS):
                if key.fileobj is process.stdin:
                    left = _write(process.stdin.fileno(), left)
                    if not left:
                        selector.unregister(process.stdin)
                        process.stdin.close()
                elif not _read(process.stderr.fileno(), errors):
                    selector.unregister(process.stderr)
    # Read only what is there now: a child process may hold the pipe open and write for ever.
    while len(errors) < OUTPUT_LIMIT and _read(process.stderr.fileno(), errors):
        pass
    killed = f"was killed by {_signal_name(-process.returncode)}" if process.returncode < 0 else None
    return ProcessResult(process.returncode, killed, bytes(errors))


def _write(descriptor: int, data: memoryview) -> memoryview:
    """Write what the pipe takes of *data* and return the rest; nothing is left if the pipe is closed."""
    try:
        return data[os.write(descriptor, data) :]
    except BlockingIOError:
        return data
    except BrokenPipeError:
        return data[:0]


def _read(descriptor: int, errors: bytearray) -> bool:
    """Read what is there now into *errors*, up to the limit. Return False if there is nothing."""
    try:
        piece = os.read(descriptor, 65536)
    except BlockingIOError:
        return False
    errors += piece[: OUTPUT_LIMIT - len(errors)]
    return bool(piece)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill the process group that *process* leads."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _environment(path: Path) -> dict[str, str]:
    return {name: os.environ[name] for name in INHERITED if name in os.environ} | {"LBACK_HOOK": str(path)}
