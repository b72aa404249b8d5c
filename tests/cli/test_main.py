"""The entry point: usage errors, the version, and unusable standard streams."""

import json
import os
import stat
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
            "Unexpected argument: b.",
            "lback user show --help shows the usage.",
        ),
        (
            ("user", "register", "a", "a@b.example", "c"),
            "Unexpected argument: a@b.example c.",
            "lback user register --help shows the usage.",
        ),
        (
            ("user", "register", "a", "a@b.example"),
            "Unexpected argument: a@b.example.",
            "Use --email a@b.example.",
        ),
        (
            ("user", "show", "a", "a@b.example"),
            "Unexpected argument: a@b.example.",
            "lback user show --help shows the usage.",
        ),
        (
            ("undo", "1", "--max-share", "101"),
            "Invalid value for '--max-share': It must be at most 100.",
            "lback undo --help shows the usage.",
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
            "Invalid value for '--limit': It must be a number.",
            "lback user list --help shows the usage.",
        ),
        (
            ("user", "list", "--limit", "-1"),
            "Invalid value for '--limit': It must be at least 0.",
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


@pytest.mark.parametrize("name", ["typing", "typer", "sqlalchemy", "json", "re", "signal"])
def test_python_m_lback_cli_runs_no_module_of_the_current_directory(lback: Any, name: str) -> None:
    (lback.directory / f"{name}.py").write_text("print('not lback')\n")
    command = [sys.executable, "-m", "lback_cli", "user", "list", "-o", "json"]
    environment = lback.environment | {"PYTHONPATH": str(Path(lback_cli.__file__).parents[1])}
    done = subprocess.run(command, env=environment, cwd=lback.directory, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


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


def test_no_password_is_generated_that_a_closed_output_would_lose(lback: Any) -> None:
    register = ("user", "register", "ann", "--email", "ann@example.org", "--generate-password")
    assert lback(*register, preexec_fn=lambda: os.close(1)) == (
        9,
        "",
        "error: Standard output is closed, so the generated password cannot be shown.\n",
    )
    assert lback("user", "list", "-o", "json") == (0, "[]\n", "")


def test_every_directory_that_is_made_belongs_to_its_owner_alone(cli: Cli, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        assert cli("user", "list", XDG_DATA_HOME=str(tmp_path / "a" / "b")).status == 0
    finally:
        os.umask(before)
    made = [tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "lback"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in made] == [0o700] * 3


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


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_that_does_not_read_what_it_is_offered_sees_no_error(lback: Any, shell: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    outcome = lback(_LBACK_COMPLETE=shell, _LBACK_LINE="lback user ", stdout=writer)
    os.close(writer)
    assert outcome == (141, "", "")
    with Path("/dev/full").open("wb") as full:
        outcome = lback(_LBACK_COMPLETE=shell, _LBACK_LINE="lback user ", stdout=full)
    assert outcome == (9, "", "error: Standard output: No space left on device.\n")


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


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch, cli: Cli) -> Cli:
    """Run a command as a user id without an account, as in a container, and without HOME."""

    def unknown(*_arguments: object) -> None:
        raise KeyError("no such user")

    def run(*arguments: str, **variables: str) -> Any:
        monkeypatch.setattr("pwd.getpwuid", unknown)
        empty = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"), "")
        return cli(*arguments, **(empty | {"HOME": "~"} | variables))

    return run


def test_without_a_home_directory_only_the_database_must_be_named(homeless: Cli, tmp_path: Path) -> None:
    refused = homeless("user", "list")
    assert (refused.status, refused.out, refused.err) == (
        9,
        "",
        (
            "error: There is no directory for the database, because the user who runs lback has no home directory.\n"
            "       Set LBACK_DATABASE_URL, HOME or XDG_DATA_HOME.\n"
        ),
    )
    assert homeless("signals", "list", "-o", "json").status == 0
    assert homeless("config", "show", "-o", "json").status == 0
    named = {"LBACK_DATABASE_URL": f"sqlite:///{tmp_path}/users.db"}
    assert homeless("db", "init", "-q", **named).status == 0
    assert homeless("user", "register", "ann", "--email", "ann@example.org", "--invite", "-q", **named).status == 0
    assert homeless("user", "list", "-o", "value", "--fields", "username", **named) == (0, "ann\n", "")
    assert homeless("doctor", **named).status == 0


@pytest.mark.parametrize("command", [("config", "path"), ("user", "import", "users.csv", "--plan")])
def test_a_deleted_current_directory_is_named(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert cli(*command) == (
        9,
        "",
        "error: The current directory does not exist any more.\n       Change to another one (cd).\n",
    )


@pytest.mark.parametrize("form", ["csv", "value", "jsonl"])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_programs_get_utf_8_in_every_locale(lback: Any, encoding: str, form: str) -> None:
    name = "Joséphine ✓"
    assert (
        lback("user", "register", "jo", "--email", "jo@example.org", "--invite", "--set", f"display_name={name}").status
        == 0
    )
    command = (
        [lback.program, "user", "export", "--format", form]
        if form != "value"
        else [lback.program, "user", "list", "-o", form, "--fields", "display_name"]
    )
    environment = lback.environment | {"PYTHONIOENCODING": encoding, "PYTHONPATH": os.pathsep.join(sys.path)}
    shown = subprocess.run(command, env=environment, cwd=lback.directory, capture_output=True, check=True).stdout
    assert (json.loads(shown)["display_name"] == name) if form == "jsonl" else (name in shown.decode())


def test_too_few_threads_are_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refuse)
    register = ("user", "register", "ann", "--email", "ann@example.org", "--generate-password", "-q")
    assert cli(*register).status == 0
    (Path.cwd() / "users.csv").write_text("username,email,password\nbo,bo@example.org,lighthouse counting steps\n")
    refused = cli("user", "import", "users.csv", "-q")
    assert (refused.status, refused.err.splitlines()[-2:]) == (
        9,
        [
            "error: The system allows lback no more threads.",
            "       Raise the limit of processes (ulimit -u, or pids of the container).",
        ],
    )


def test_too_little_memory_is_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise MemoryError

    monkeypatch.setattr("lback_cli.cli.main.run_command", refuse)
    assert cli("user", "list") == (9, "", "error: The system allows lback no more memory.\n")


def test_a_signal_whose_exception_python_drops_still_ends_the_command(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    import signal

    from lback_cli.cli.output.output import Output

    def written(*_arguments: object, **_options: object) -> None:
        class Finalized:
            def __del__(self) -> None:
                os.kill(os.getpid(), signal.SIGTERM)

        Finalized()

    monkeypatch.setattr(Output, "records", written)
    monkeypatch.setattr(sys, "unraisablehook", lambda _unraisable: None)
    assert cli("signals", "list").status == 143
    assert cli("group", "create", "staff", "-q").status == 0  # a later run in this process knows nothing of it


def test_as_a_module_it_runs_no_file_of_the_current_directory(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lback_cli", "db", "init"]
    environment = {**os.environ, "HOME": str(tmp_path / "home"), "LBACK_DATABASE_URL": f"sqlite:///{tmp_path}/users.db"}
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    for name in ("argon2", "dataclasses", "gc", "json", "re", "readline", "rich", "signal", "typer", "typing"):
        (hostile / f"{name}.py").write_text("raise SystemExit('a file of the current directory was run')\n")
    (hostile / "sqlalchemy").mkdir()
    (hostile / "sqlalchemy" / "__init__.py").write_text("raise SystemExit('a package was run')\n")
    done = subprocess.run(command, cwd=hostile, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, f"{tmp_path}/users.db is ready.\n")
