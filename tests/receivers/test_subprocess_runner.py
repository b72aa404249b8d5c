"""How hooks are started and ended."""

import subprocess
import sys
import time
from pathlib import Path

PROGRAM = """
import os, signal, subprocess, sys, time
from pathlib import Path
from lback_cli.receivers.subprocess_runner import run_program

class Ended(BaseException):
    pass

def end(number, frame):
    raise Ended

hook = Path(sys.argv[1])
start = subprocess.Popen.__init__

def start_and_signal(self, *args, **options):
    start(self, *args, **options)
    while not Path(hook.parent, "child").exists():
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)

subprocess.Popen.__init__ = start_and_signal
signal.signal(signal.SIGTERM, end)
try:
    run_program(hook, b"", 60)
except Ended:
    print("ended")
"""


def test_hook_is_killed_if_a_signal_arrives_while_it_is_started(tmp_path: Path) -> None:
    hook = tmp_path / "hang"
    hook.write_text("#!/bin/sh\nsleep 600 & echo $! > child.part; mv child.part child; wait\n")
    hook.chmod(0o700)

    ended = subprocess.run([sys.executable, "-c", PROGRAM, hook], capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "ended\n", "")
    child = Path("/proc", (tmp_path / "child").read_text().strip(), "cmdline")
    deadline = time.monotonic() + 30
    while child.exists() and child.read_bytes().startswith(b"sleep\x00600"):
        assert time.monotonic() < deadline, "the child of the hook is still running"
        time.sleep(0.01)
