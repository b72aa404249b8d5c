"""Help: every command has it, with examples that work, and it fits on a terminal."""

import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer

from lback_cli.cli.app import NOUNS, VERBS, app
from lback_cli.cli.context import CliContext

Cli = Callable[..., Any]


def _commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    root: Any = typer.main.get_command(app)
    for noun in NOUNS:
        yield from _verbs((noun,), root.get_command(None, noun))
    for verb in VERBS:
        yield (verb,), root.get_command(None, verb)


def _verbs(words: tuple[str, ...], group: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    for verb, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _verbs((*words, verb), command)
        else:
            yield (*words, verb), command


COMMANDS = dict(_commands())


def _examples(command: Any) -> list[str]:
    lines = (command.epilog or "").split("\n\n")
    return [line.strip().replace(r"\[", "[") for line in lines[1:]]


@pytest.mark.parametrize("words", [(), *((noun,) for noun in NOUNS), *COMMANDS], ids=" ".join)
@pytest.mark.parametrize("columns", ["80", "40"])
def test_help_of_every_command_fits_the_terminal(cli: Cli, words: tuple[str, ...], columns: str) -> None:
    outcome = cli(*words, "--help", COLUMNS=columns)
    assert (outcome.status, outcome.err) == (0, "")
    assert " ".join(outcome.out.split()).startswith(f"Usage: {' '.join(('lback', *words))} ")
    assert max(map(len, outcome.out.splitlines())) <= int(columns)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_says_what_the_command_does_and_shows_examples_on_lines_to_be_copied(
    cli: Cli, words: tuple[str, ...]
) -> None:
    examples = _examples(COMMANDS[words])
    assert examples
    page = cli(*words, "--help", COLUMNS="80").out
    assert cli(*words, "-h", COLUMNS="80").out == page
    lines = [line.strip() for line in page.splitlines()]
    for example in examples:
        assert example in lines
    assert COMMANDS[words].help.split("\n")[0].rstrip(".").split()[0] in page
    for parameter in COMMANDS[words].params:
        assert parameter.help, f"{parameter.name} is not explained"


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_example_is_a_command_line_that_parses(words: tuple[str, ...]) -> None:
    for example in _examples(COMMANDS[words]):
        calls = list(_calls(example))
        assert calls, example
        for call in calls:
            assert tuple(call[: len(words)]) == words, example
            context = COMMANDS[words].make_context(words[-1], call[len(words) :], obj=CliContext())
            assert context.params is not None


_REDIRECTIONS = ("<", ">", ">>")


def _calls(line: str) -> Iterator[list[str]]:
    """The words of every `lback` in a shell command line, without redirections."""
    words: list[str] = []
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&<>")
    lexer.whitespace_split = True
    for word in [*lexer, "&&"]:
        if word in ("|", "&&"):
            if words[:1] == ["lback"]:
                yield words[1 : next((place for place, word in enumerate(words) if word in _REDIRECTIONS), None)]
            words = []
        else:
            words.append(word)


@pytest.mark.parametrize("words", [(), *((noun,) for noun in NOUNS)], ids=" ".join)
def test_without_a_verb_there_is_help_and_2(cli: Cli, words: tuple[str, ...]) -> None:
    outcome = cli(*words)
    assert (outcome.status, outcome.err) == (2, "")
    assert outcome.out.rstrip() == cli(*words, "--help").out.rstrip()


def test_the_help_of_all_lists_every_noun_and_every_exit_code(cli: Cli) -> None:
    page = " ".join(cli("--help").out.replace("│", " ").split())
    for name in (*NOUNS, *VERBS):
        assert f" {name} " in page
    assert "7 refused by validation, policy, token or receiver" in page


def test_no_option_takes_a_password_as_its_value() -> None:
    for words, command in COMMANDS.items():
        for parameter in command.params:
            if "password" in parameter.name:
                known = {"password_file", "to_password_file", "generate_passwords"}
                assert parameter.is_flag or parameter.name in known, (words, parameter.name)
