"""The peak memory of a process: VmHWM in /proc/PID/status (proc_pid_status(5)).

`ru_maxrss` of getrusage(2) is not it. It survives execve(2), so a process that a large one starts has at least the
size of its parent.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


class Measured(NamedTuple):
    """How a command ended: its exit code, its peak memory in MiB, and what it wrote to standard error."""

    status: int
    mebibytes: float
    err: str


def peak_memory() -> float:
    """Return the peak memory of this process in MiB."""
    found = _PEAK.search(Path("/proc/self/status").read_text())
    assert found is not None, "the kernel does not say"
    return int(found[1]) / 1024


def wrapped(report: Path, *arguments: object) -> list[str]:
    """Return the command that runs lback with *arguments*, and writes its peak memory in MiB to the file *report*."""
    return [sys.executable, "-P", __file__, str(report), *map(str, arguments)]


def measure(directory: Path, *arguments: object, environment: Mapping[str, str] | None = None) -> Measured:
    """Run lback in *directory*, which is also its home."""
    report = directory / "peak"
    homes = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"), str(directory))
    done = subprocess.run(
        wrapped(report, *arguments),
        cwd=directory,
        env={**os.environ, **homes, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return Measured(done.returncode, float(report.read_text()), done.stderr)


def _run(report: str, *arguments: str) -> None:
    import lback_cli.__main__  # noqa: F401 - it sets how often garbage is collected
    from lback_cli.cli.main import main

    sys.argv = ["lback", *arguments]
    try:
        main()
    finally:
        Path(report).write_text(str(peak_memory()))


if __name__ == "__main__":
    _run(*sys.argv[1:])
