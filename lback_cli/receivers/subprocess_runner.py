"""Run a foreign program for a bounded time, with bounded output, in an environment that tells it little."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lback_cli.receivers.trusted_files import open_trusted_program

OUTPUT_LIMIT = 16384
"""Bytes of standard error that are kept; the rest is read and dropped, so that the program never has to wait."""

INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")
"""The only variables that are passed on: others may hold a password, or change what the program does."""

_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """How a program ended: by its exit *status*, or by a *failure* in words; and what it wrote to standard error."""

    status: int
    failure: str | None
    errors: bytes


def run_program(path: Path, data: bytes, seconds: float) -> ProcessResult:
    """Run the program at *path* with *data* on its standard input, in its own directory, for at most *seconds*.

    Then it is killed with everything it started, unless that left its process group. It need not read its input. What
    it leaves behind when it ends in time goes on, and is not waited for. Standard output goes nowhere.

    Raises `UntrustedFileError` when others could have changed the program, and OSError when it cannot be started.
    """
    descriptor = open_trusted_program(path)
    try:
        # The very file that was looked at; where that cannot be named, the name, whose way is safe from others too.
        opened = f"/proc/self/fd/{descriptor}"
        with subprocess.Popen(  # noqa: S603 - running it is what it is trusted for
            [str(path)],
            executable=opened if Path(opened).exists() else str(path),
            pass_fds=(descriptor,),  # an interpreter opens the script by this number
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=_environment(path),
            cwd=path.parent,
            start_new_session=True,
        ) as process:
            os.close(descriptor)
            descriptor = -1
            with _ended_with(process):
                return _attend(process, data, seconds)
    finally:
        if descriptor >= 0:
            os.close(descriptor)


@contextlib.contextmanager
def _ended_with(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Whatever ends the block, such as Ctrl-C, nothing of an unfinished *process* is left running."""
    try:
        yield
    finally:
        if process.poll() is None:
            _kill(process)


def _attend(process: "subprocess.Popen[bytes]", data: bytes, seconds: float) -> ProcessResult:
    """Write and read until *process* ends, or until it has to."""
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
    # What is there by now is what the program said: a child that still holds the pipe may write for ever.
    while len(errors) < OUTPUT_LIMIT and _read(process.stderr.fileno(), errors):
        pass
    killed = f"was killed by {_signal_name(-process.returncode)}" if process.returncode < 0 else None
    return ProcessResult(process.returncode, killed, bytes(errors))


def _write(descriptor: int, data: memoryview) -> memoryview:
    """What is left of *data*: nothing, too, where nobody is going to read it."""
    try:
        return data[os.write(descriptor, data) :]
    except BlockingIOError:
        return data
    except BrokenPipeError:
        return data[:0]


def _read(descriptor: int, errors: bytearray) -> bool:
    """Keep what fits of what can be read now; false when there is nothing."""
    try:
        piece = os.read(descriptor, 65536)
    except BlockingIOError:
        return False
    errors += piece[: OUTPUT_LIMIT - len(errors)]
    return bool(piece)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill all of its session's first process group, which it leads."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _environment(path: Path) -> dict[str, str]:
    return {name: os.environ[name] for name in INHERITED if name in os.environ} | {"LBACK_HOOK": str(path)}
