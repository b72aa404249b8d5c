"""A forked command behaves like the installed script."""

import os
import signal
import subprocess
from typing import Any

import pytest

from tests.fork_server import ForkServer

SPY = """
import json, os, signal, sys
signals = (signal.SIGINT, signal.SIGPIPE)
state = {
    "environment": dict(os.environ), "directory": os.getcwd(), "umask": os.umask(0o27), "arguments": sys.argv[1:],
    "encodings": [(stream.encoding, stream.errors) for stream in (sys.stdin, sys.stdout, sys.stderr)],
    "signals": [getattr(handler, "__qualname__", str(handler)) for handler in map(signal.getsignal, signals)],
    "terminals": [os.isatty(number) for number in range(3)],
}
with open(os.environ["SPY_FILE"], "w") as file:
    json.dump(state, file, indent=1, sort_keys=True)
"""
"""A module that writes what a process inherits to a file. It connects no receiver, so the command fails."""

REGISTER = ("user", "register", "ann", "--email", "ann@example.org", "--generate-password")


def plugin(lback: Any, code: str) -> dict[str, str]:
    """Write a plugin with that *code*, and return the variables that load it."""
    modules = lback.directory / "modules"
    modules.mkdir()
    (modules / "plugin.py").write_text(code)
    return {"PYTHONPATH": str(modules), "LBACK_RECEIVERS_MODULES": "plugin"}


def by_script(lback: Any, *arguments: str, stdin: Any = b"", **variables: Any) -> tuple[int, str, str]:
    process = lback.start(*arguments, stdin=subprocess.PIPE, **variables)
    out, err = process.communicate(stdin)
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--version",),
        ("user", "--help"),
        ("no-such-command",),
        ("group", "show", "gruppe-\N{SNOWMAN}"),
        ("group", "show", "staff", "-o", "json"),
        ("user", "register", "ann", "--email", "ann", "--password-stdin"),
    ],
)
def test_outcome_is_that_of_the_script(lback: Any, arguments: tuple[str, ...]) -> None:
    assert lback(*arguments, input="x\n") == by_script(lback, *arguments, stdin=b"x\n")


def test_process_inherits_what_the_script_inherits(lback: Any) -> None:
    file = lback.directory / "spy.json"
    variables = plugin(lback, SPY) | {"TZ": "Asia/Tokyo", "SPY_FILE": str(file)}
    before = os.umask(0o27)
    try:
        forked = (lback(*REGISTER, **variables), file.read_text())
        file.unlink()
        script = (by_script(lback, *REGISTER, **variables), file.read_text())
    finally:
        os.umask(before)
    assert forked == script
    file.unlink()
    assert lback(*REGISTER).status == 0
    assert not file.exists(), "no plugin is left for the next command"


def test_variables_that_python_reads_at_its_start_need_a_script() -> None:
    assert ForkServer.accepts({"LANG": "C.UTF-8", "PYTHONPATH": "x", "LBACK_OUTPUT": "json"})
    for other in ({"LC_ALL": "C"}, {"LANG": "de_DE"}, {"PYTHONUTF8": "0"}, {"PYTHONWARNINGS": "error"}):
        assert not ForkServer.accepts({"LANG": "C.UTF-8"} | other)


def test_status_of_a_command_that_a_signal_ends(lback: Any) -> None:
    variables = plugin(lback, "import os; os.kill(os.getpid(), 9)")
    assert lback(*REGISTER, **variables) == by_script(lback, *REGISTER, **variables) == (-signal.SIGKILL, "", "")
