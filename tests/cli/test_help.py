"""The help of every command: it fits on a terminal and has examples that parse."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

import lback_cli
from lback_cli.cli.app import app
from lback_cli.cli.context import CliContext
from lback_cli.cli.global_options import global_parameters
from lback_cli.imports.sources.registry import built_in_sources
from lback_cli.managers.user_conditions import WORDS
from tests.cli.command_lines import calls_in, commands_below

Cli = Callable[..., Any]

PACKAGE = Path(lback_cli.__file__).parent


TREE = dict(commands_below(typer.main.get_command(app)))
COMMANDS = {words: command for words, command in TREE.items() if not hasattr(command, "commands")}
GROUPS = {words: command for words, command in TREE.items() if words not in COMMANDS}


@pytest.mark.parametrize("words", TREE, ids=" ".join)
@pytest.mark.parametrize("columns", [40, 80, 120])
def test_help_of_every_command_fits_the_terminal(cli: Cli, words: tuple[str, ...], columns: int) -> None:
    outcome = cli(*words, "--help", COLUMNS=str(columns))
    lines = outcome.out.splitlines()
    assert (outcome.status, outcome.err) == (0, "")
    assert " ".join(outcome.out.split()).startswith(f"Usage: {' '.join(('lback', *words))} ")
    assert [line for line in lines if line != line.rstrip()] == []
    # What a person copies stays on one line, which a narrow terminal wraps.
    examples = getattr(TREE[words], "examples", {})
    copied = {f"  {line}" for does, call in examples.items() for line in (f"# {does}", call)}
    copied |= {line for line in lines if re.fullmatch(r" *'lback [^']+'", line)}
    assert [line for line in lines if len(line) > columns and (columns > 40 or line not in copied)] == []


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_shows_the_description_the_parameters_and_each_example(cli: Cli, words: tuple[str, ...]) -> None:
    command = COMMANDS[words]
    page = cli(*words, "--help", COLUMNS="80").out
    assert cli(*words, "-h", COLUMNS="80").out == page
    assert cli("help", *words, COLUMNS="80").out == page
    examples = "".join(f"  # {does}\n  {call}\n" for does, call in command.examples.items())
    assert f"\nExamples:\n{examples}\n" in page
    assert command.examples
    assert " ".join(command.help.split("\n\n")[0].split()).replace("`", "'") in " ".join(page.split())
    for parameter in command.params:
        assert parameter.help, f"{parameter.name} is not explained"
        shown = (
            parameter.opts[0] if parameter.param_type_name == "option" else parameter.metavar.strip("[]").split("]")[0]
        )
        assert f"  {shown}" in page or f", {shown}" in page


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_example_parses(words: tuple[str, ...]) -> None:
    for example in COMMANDS[words].examples.values():
        calls = list(calls_in(example))
        assert calls, example
        for call in calls:
            assert tuple(call[: len(words)]) == words, example
            context = COMMANDS[words].make_context(words[-1], call[len(words) :], obj=CliContext())
            assert context.params is not None


@pytest.mark.parametrize("words", [words for words in GROUPS if TREE[words].default is None], ids=" ".join)
def test_a_group_without_a_command_shows_its_help_and_exits_2(cli: Cli, words: tuple[str, ...]) -> None:
    outcome = cli(*words)
    assert (outcome.status, outcome.err) == (2, "")
    assert outcome.out.rstrip() == cli(*words, "--help").out.rstrip()


def test_a_group_with_a_default_command_runs_it(cli: Cli) -> None:
    for options in ((), ("-o", "json"), ("--no-color", "-o", "csv")):
        assert cli("events", "sinks", *options) == cli("events", "sinks", "list", *options)
    assert cli("events", "sinks", "-o", "json", "list").out == cli("events", "sinks", "-o", "json").out
    assert "Commands:" in cli("events", "sinks", "--help").out


def test_the_help_of_lback_fits_on_a_small_terminal_with_its_commands_first(cli: Cli) -> None:
    page = cli("--help", COLUMNS="80").out
    assert len(page.splitlines()) <= 24
    assert "\nCommands:\n" in page
    listed = [line.split()[0] for line in page.splitlines() if re.match(r"  [a-z]", line)]
    assert listed == list(TREE[()].commands)
    assert cli("help").out == cli("--help").out


def test_the_options_of_every_command_are_listed_in_one_place(cli: Cli) -> None:
    page = cli("help", "options", COLUMNS="80").out
    names = [names for line in page.splitlines() for names in re.findall(r"^  (?:-\w, )?(--[\w-]+)", line)]
    assert [parameter.opts[-1] for parameter in global_parameters()] == names
    for words in TREE:
        shown = cli(*words, "--help").out
        assert "'lback help options'" in shown
        assert "--trace-file" not in shown.replace("--trace-file trace.jsonl", "")


def test_help_of_what_is_not_a_command_is_exit_2(cli: Cli) -> None:
    assert cli("help", "usr") == (
        2,
        "",
        (
            "error: No such command 'usr'. Did you mean 'user'?\n"
            "       Topics are options, exit-codes, where; 'lback help' lists the commands.\n"
        ),
    )
    assert cli("help", "user", "lst") == (2, "", cli("user", "lst").err)
    assert cli("help", "user", "show", "x").status == 2


def test_a_topic_has_every_condition_on_users(cli: Cli) -> None:
    terms = re.findall(r"^  (\S+?)(?:=\S+)?(?:  |$)", cli("help", "where").out, re.MULTILINE)
    assert terms == [*(word.rstrip("=") for word in WORDS), "NAME"]


def test_help_is_in_bold_only_where_colours_are_wanted(cli: Cli) -> None:
    bold = cli("user", "register", "--help", FORCE_COLOR="1").out
    assert "\x1b[1mExamples:\x1b[0m\n" in bold
    assert re.sub(r"\x1b\[\d*m", "", bold).replace("lback help options", "'lback help options'") == (
        cli("user", "register", "--help").out
    )
    assert "\x1b" not in cli("user", "register", "--help", FORCE_COLOR="1", NO_COLOR="1").out


def test_no_option_takes_a_password_as_its_value() -> None:
    for words, command in COMMANDS.items():
        for parameter in command.params:
            if "password" in parameter.name:
                known = {"password_file", "to_password_file", "generate_passwords"}
                assert parameter.is_flag or parameter.name in known, (words, parameter.name)


def test_every_command_is_reached_by_its_own_name() -> None:
    """Each reference of a group points to a command, and each module with a command is referenced."""
    assert all(command.name == words[-1] for words, command in TREE.items() if words)
    declared = {command.callback.__module__ for command in COMMANDS.values()}
    files = {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for path in (PACKAGE / "cli").rglob("*.py")
        # The command of a report is made of the report.
        if re.search(r"^@command\(|^def report_command", path.read_text("utf-8"), re.MULTILINE)
    }
    assert files == declared


def test_a_command_imports_no_other_command() -> None:
    program = (
        "import json, sys, typer\n"
        "from lback_cli.cli.app import app\n"
        "root = typer.main.get_command(app)\n"
        "root.commands['user'].commands['show']\n"
        "print(json.dumps([name for name in sys.modules if name.startswith('lback_cli.cli.')]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    modules = {command.callback.__module__ for command in COMMANDS.values()}
    assert loaded & modules == {"lback_cli.cli.user.show"}


def test_the_help_of_an_import_explains_every_format_of_another_program(cli: Cli) -> None:
    page = " ".join(cli("user", "import", "--help", COLUMNS="120").out.split())
    for source in built_in_sources():
        assert f" {source.name} {source.description}" in page
        companion = source.companion_description
        assert companion is None or f" with --companion: {companion}" in page
