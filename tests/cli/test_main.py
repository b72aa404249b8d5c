"""The entry point: usage errors, the version, and unusable standard streams."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lback_cli

Cli = Callable[..., Any]


def test_the_version_is_one_line(cli: Cli) -> None:
    assert cli("--version") == (0, f"lback {lback_cli.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("usr",), "No such command 'usr'. Did you mean 'user'?", "lback --help shows the usage."),
        (("user", "lst"), "No such command 'lst'. Did you mean 'list'?", "lback user --help shows the usage."),
        (("\x1b[31m",), "No such command '\\x1b[31m'.", "lback --help shows the usage."),
        (("user", "show"), "Missing argument 'USER'.", "lback user show --help shows the usage."),
        (("user", "register", "a"), "Missing option '--email'.", "lback user register --help shows the usage."),
        (
            ("user", "show", "a", "b"),
            "Got unexpected extra argument(s) (b).",
            "lback user show --help shows the usage.",
        ),
        (
            ("user", "list", "--colour"),
            "No such option: --colour (Possible options: --actor, --no-color).",
            "lback user list --help shows the usage.",
        ),
        (
            ("user", "list", "--sort", "age"),
            "Invalid value for '--sort': 'age' is not one of 'id', 'username', 'email'.",
            "lback user list --help shows the usage.",
        ),
        (
            ("user", "list", "--limit", "many"),
            "Invalid value for '--limit': Input should be a valid integer, unable to parse string as an integer.",
            "lback user list --help shows the usage.",
        ),
        (
            ("user", "list", "--limit", "-1"),
            "Invalid value for '--limit': Input should be greater than or equal to 0.",
            "lback user list --help shows the usage.",
        ),
        (
            ("user", "register", "a", "--email"),
            "Option '--email' requires an argument.",
            "lback --help shows the usage.",
        ),
        (
            ("user", "register", "a", "--email", "a@example.org", "--password", "x"),
            "No such option: --password (Possible options: --generate-password, --password-file, --password-stdin).",
            "lback user register --help shows the usage.",
        ),
    ],
)
def test_an_invalid_command_line_is_exit_2_with_a_hint(
    cli: Cli, arguments: tuple[str, ...], message: str, hint: str
) -> None:
    assert cli(*arguments) == (2, "", f"error: {message}\n       {hint}\n")
    as_json = json.dumps({"error": {"code": "usage", "message": message, "hint": hint}}) + "\n"
    assert cli(*arguments, LBACK_OUTPUT="json") == (2, "", as_json)
    assert cli("-o", "json", *arguments) == (2, "", as_json)


@pytest.mark.parametrize("option", [("-o", "json"), ("-ojsonl",), ("--output", "json"), ("--output=jsonl",)])
def test_a_usage_error_is_json_if_any_argument_names_a_json_format(cli: Cli, option: tuple[str, ...]) -> None:
    for arguments in (("--no-such", *option, "user", "list"), ("user", "show", *option), ("user", "lst", *option)):
        outcome = cli(*arguments)
        assert (outcome.status, outcome.out, json.loads(outcome.err)["error"]["code"]) == (2, "", "usage")


def test_python_m_lback_cli_is_the_same_command(lback: Any) -> None:
    command = [sys.executable, "-m", "lback_cli", "--version"]
    done = subprocess.run(command, env=lback.environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"lback {lback_cli.__version__}\n"


# The following tests need real streams, so each starts a process.


def test_a_closed_stdin_is_neither_a_terminal_nor_a_password(lback: Any) -> None:
    closed = {"stdin": None, "preexec_fn": lambda: os.close(0)}
    assert lback("user", "list", "-o", "json", **closed) == (0, "[]\n", "")
    register = ("user", "register", "a", "--email", "a@example.org")
    assert lback(*register, "--password-stdin", **closed) == (2, "", "error: Standard input is closed.\n")
    asked = lback(*register, **closed)
    assert (asked.status, asked.err.splitlines()[0]) == (2, "error: There is no terminal to ask for the password.")


def test_closed_outputs_do_not_change_the_exit_code(lback: Any) -> None:
    def close_outputs() -> None:
        os.close(1)
        os.close(2)

    assert lback("group", "create", "staff", preexec_fn=close_outputs).status == 0
    assert lback("group", "show", "staff", preexec_fn=lambda: os.closerange(0, 3)).status == 0
    assert lback("group", "show", "nobodys", preexec_fn=close_outputs).status == 5


@pytest.mark.parametrize(
    "command",
    ["signals list", "signals list -o json", "signals list -o csv", "signals show user_registered", "--help"],
)
def test_a_closed_pipe_is_exit_141_without_a_message(lback: Any, command: str) -> None:
    # The reader is closed before the first byte, so the outcome does not depend on timing.
    reader, writer = os.pipe()
    os.close(reader)
    outcome = lback(*command.split(), stdout=writer)
    os.close(writer)
    assert outcome == (141, "", "")


def test_a_pipe_into_head_shows_no_error(lback: Any) -> None:
    script = "set -o pipefail; lback signals list -o json | head -1; exit ${PIPESTATUS[0]}"
    done = subprocess.run(
        ["bash", "-c", script], env=lback.environment, cwd=lback.directory, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("[\n", "")
    assert done.returncode in (0, 141), "0 where everything fitted into the pipe"


@pytest.mark.parametrize("command", ["user list -o csv", "db init", "signals list", "--version", "user --help"])
def test_stdout_on_a_full_disk_is_exit_9(lback: Any, command: str) -> None:
    with Path("/dev/full").open("wb") as full:
        outcome = lback(*command.split(), stdout=full)
    assert (outcome.status, outcome.err.splitlines()[-1]) == (9, "error: Standard output: No space left on device.")


def test_stderr_on_a_full_disk_does_not_change_the_exit_code(lback: Any) -> None:
    with Path("/dev/full").open("wb") as full:
        made = lback("group", "create", "staff", "-o", "jsonl", stderr=full)
        assert (made.status, json.loads(made.out)["name"]) == (0, "staff")
        assert lback("group", "show", "nobodys", stderr=full).status == 5
        assert lback("user", "delete", "id:7", "--yes", "--trace-signals", stderr=full).status == 5
        assert lback("group", "show", "nobodys", "--debug", stderr=full).status == 5
    reader, writer = os.pipe()
    os.close(reader)
    assert lback("group", "show", "nobodys", stderr=writer).status == 5
    os.close(writer)


def test_trace_file_on_a_full_disk_is_reported_once_and_the_operation_continues(lback: Any) -> None:
    outcome = lback("user", "delete", "id:7", "--yes", "--trace-file", "/dev/full")
    lines = outcome.err.splitlines()
    assert outcome.status == 5
    assert lines[0].startswith("warning: The signal trace stops because it cannot be written: ")
    assert lines[1:] == ["error: There is no user 'id:7'.", "       'lback user list' shows all users."]


def test_an_argument_that_is_not_utf8_causes_no_traceback(lback: Any) -> None:
    assert lback("user", "show", b"\xff\xfe") == (
        5,
        "",
        "error: There is no user '\\udcff\\udcfe'.\n       'lback user list' shows all users.\n",
    )
