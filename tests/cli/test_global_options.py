"""The global options, and where they can stand."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest

from lback_cli.cli.output.table import fitted

Cli = Callable[..., Any]


@pytest.fixture
def listing(cli: Cli, register: Cli) -> Cli:
    register("alice", "--verified")
    return cli


@pytest.mark.parametrize(
    "arguments",
    [
        ("-o", "jsonl", "user", "list"),
        ("user", "-o", "jsonl", "list"),
        ("user", "list", "-o", "jsonl"),
        ("user", "list", "-ojsonl"),
        ("user", "list", "--output=jsonl"),
        ("-o", "csv", "user", "-o", "json", "list", "--output", "jsonl"),
    ],
)
def test_a_global_option_works_at_every_level_and_the_last_one_wins(listing: Cli, arguments: tuple[str, ...]) -> None:
    outcome = listing(*arguments)
    assert (outcome.status, json.loads(outcome.out)["username"], outcome.err) == (0, "alice", "")


@pytest.mark.parametrize("position", [0, 1, 2])
def test_each_global_option_works_before_and_after_group_and_command(
    listing: Cli, tmp_path: Path, position: int
) -> None:
    trace, config, database = tmp_path / "trace", tmp_path / "other.toml", tmp_path / "other.db"
    config.write_text('[output]\nformat = "jsonl"\n')
    words = ["user", "authenticate", "alice", "--password-stdin"]

    def outcome(*options: str) -> Any:
        return listing(*words[:position], *options, *words[position:], input="wrong")

    assert listing("db", "init", "-q", "--database-url", f"sqlite:///{database}").status == 0
    assert json.loads(outcome("--config", str(config)).err)["error"]["code"] == "authentication_failed"
    assert outcome("--database-url", f"sqlite:///{database}").status == 4
    assert "user_authentication_failed" in outcome("--trace-signals").err
    assert '"reason":"incorrect_password"' in outcome("--trace-format", "json").err
    assert outcome("--trace-file", str(trace)).err.count("\n") == 2
    assert "user_authentication_failed" in trace.read_text()
    assert "Traceback" in outcome("--debug").err
    assert outcome("-q").status == 4
    assert outcome("--no-color").status == 4


def test_an_option_overrides_lback_output(listing: Cli) -> None:
    assert listing("user", "exists", "alice", LBACK_OUTPUT="jsonl").out == '{"user": "alice", "exists": true}\n'
    assert listing("user", "exists", "alice", "-o", "csv", LBACK_OUTPUT="jsonl").out == "user,exists\nalice,true\n"
    assert listing("user", "show", "bob", LBACK_OUTPUT="json").err.startswith('{"error": {"code": "user_not_found"')
    assert listing("user", "show", "bob", "-o", "table", LBACK_OUTPUT="json").err.startswith("error: ")


def test_an_invalid_lback_output_names_the_allowed_values(listing: Cli) -> None:
    assert listing("user", "list", LBACK_OUTPUT="xml") == (
        9,
        "",
        (
            "error: output.format (LBACK_OUTPUT): 'xml' is not one of table, wide, json, jsonl, csv, "
            "yaml, value, or one that a package adds.\n"
        ),
    )


def test_quiet_drops_messages_and_keeps_results_warnings_and_errors(listing: Cli, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("wrong")
    secret.chmod(0o644)
    outcome = listing("user", "authenticate", "alice", "--password-file", str(secret), "-q")
    assert outcome == (
        4,
        "",
        (
            f"warning: Other users can read {secret}. Run: chmod 600 {secret}\n"
            "error: Authentication failed.\n       'lback events list --outcome failed' shows the reason.\n"
        ),
    )
    assert listing("user", "update", "alice", "--deactivate", "-q")[::2] == (0, "")


def test_a_trace_file_is_appended_to_with_mode_600(listing: Cli, tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    for _ in range(2):
        listing("user", "update", "alice", "--activate", "--trace-file", str(trace), "--trace-format", "json")
    names = [json.loads(line)["signal"] for line in trace.read_text().splitlines()]
    assert names == ["user_update_started", "user_updated"] * 2
    assert trace.stat().st_mode & 0o777 == 0o600


def test_an_unwritable_trace_file_prevents_the_operation(listing: Cli, tmp_path: Path) -> None:
    path = tmp_path / "missing" / "trace"
    assert listing("user", "delete", "alice", "--yes", "--trace-file", str(path)) == (
        9,
        "",
        f"error: --trace-file: cannot write {path}: No such file or directory.\n",
    )
    assert listing("user", "exists", "alice").status == 0


def test_the_trace_is_on_stderr_and_only_the_result_on_stdout(listing: Cli) -> None:
    outcome = listing("user", "update", "alice", "--activate", "--trace-format", "json", "-q", "-o", "json")
    assert json.loads(outcome.out)["username"] == "alice"
    assert [json.loads(line)["signal"] for line in outcome.err.splitlines()] == ["user_update_started", "user_updated"]


@pytest.mark.parametrize(
    ("variables", "options", "coloured"),
    [
        ({}, (), False),
        ({"FORCE_COLOR": "1"}, (), True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, (), False),
        ({"FORCE_COLOR": "1", "NO_COLOR": ""}, (), True),
        ({"FORCE_COLOR": "1"}, ("--no-color",), False),
        ({"NO_COLOR": "1"}, (), False),
    ],
)
def test_a_pipe_gets_colors_only_with_force_color(
    listing: Cli, variables: dict[str, str], options: tuple[str, ...], coloured: bool
) -> None:
    result = listing("user", "show", "alice", *options, **variables)
    failure = listing("user", "show", "bob", *options, **variables)
    trace = listing("user", "update", "alice", "--activate", "--trace-signals", "-q", *options, **variables)
    assert ["\x1b[" in text for text in (result.out, failure.err, trace.err)] == [coloured] * 3
    for form in ("json", "jsonl", "csv"):
        assert "\x1b" not in listing("user", "show", "alice", "-o", form, *options, **variables).out
    assert "\x1b" not in listing("user", "show", "bob", "-o", "json", *options, **variables).err


@pytest.mark.usefixtures("listing")
@pytest.mark.parametrize(
    ("variables", "options", "coloured"),
    [
        ({}, (), True),
        ({"NO_COLOR": "1"}, (), False),
        ({"TERM": "dumb"}, (), False),
        ({}, ("--no-color",), False),
    ],
)
def test_a_terminal_gets_colors_unless_they_are_disabled(
    lback: Any, variables: dict[str, str], options: tuple[str, ...], coloured: bool
) -> None:
    command = "lback user list $0; lback user show alice $0; lback user show bob $0; lback user list 2>&1 | cat"
    child = pexpect.spawn(
        "bash",
        ["-c", command, *(options or ["-q"])],
        env=lback.environment | variables,
        cwd=str(lback.directory),
        dimensions=(40, 120),
        timeout=30,
    )
    child.expect(pexpect.EOF)
    shown = child.before.decode()
    child.close()
    table, rest = shown.split("alice", 1)
    record, failure = rest.split("error:", 1)
    for part in (table, record, failure.split("\n")[0] if coloured else shown):
        assert ("\x1b[" in part) == coloured
    assert "\x1b" not in shown.rpartition("id  username")[2], "a pipe on a terminal's stdout is none"


@pytest.mark.usefixtures("listing")
def test_a_table_has_a_line_for_each_user_on_a_narrow_terminal(lback: Any) -> None:
    child = pexpect.spawn(
        lback.program,
        ["user", "list", "--no-color"],
        env=lback.environment,
        cwd=str(lback.directory),
        dimensions=(40, 44),
        timeout=30,
    )
    child.expect(pexpect.EOF)
    rows = child.before.decode().split("\r\n")
    child.close()
    assert max(map(len, rows)) <= 44
    assert [row.split() for row in rows if row] == [
        ["id", "username", "email", "active", "verified"],
        ["1", "alice", "alice@examp…", "yes", "yes"],
    ]


@pytest.mark.parametrize(
    ("limit", "widths"),
    [
        (102, [3, 9, 30, 25, 25]),
        (80, [3, 9, 12, 24, 24]),
        (61, [3, 8, 8, 17, 17]),
        (60, [3, 9, 17, 25]),
        (42, [3, 8, 8, 17]),
        (10, [3]),
    ],
)
def test_texts_shrink_before_times_and_a_time_keeps_its_minute(limit: int, widths: list[int]) -> None:
    columns = ("id", "username", "email", "deleted_at", "kept_until")
    assert fitted(columns, [3, 9, 30, 25, 25], limit) == widths


def test_a_narrow_history_says_what_was_done() -> None:
    assert fitted(("seq", "time", "what", "actor"), [4, 25, 36, 5], 40) == [4, 17, 8, 5]
