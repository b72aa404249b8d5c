"""The commands of lback as plain data, for the manual pages and the documentation site."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer
from rich.text import Text

from lback_cli.cli.app import app

OPTIONS = "Options"


@dataclass(frozen=True)
class Entry:
    """An argument, an option or a command of a group, with what it means."""

    term: str
    meaning: str


@dataclass(frozen=True)
class Page:
    """What there is to say about one command or group of commands."""

    words: tuple[str, ...]
    usage: str
    description: Sequence[str]
    arguments: Sequence[Entry]
    options: Mapping[str, Sequence[Entry]]
    """By heading: the panel that ``--help`` shows them in."""
    commands: Sequence[Entry]
    notes: Mapping[str, Sequence[str]]
    """Lines to show as they are, such as examples, by heading."""

    @property
    def name(self) -> str:
        """The name of the manual page."""
        return "-".join(self.words)


def pages() -> Iterator[Page]:
    """Return a page for `lback` and for every command, a group before its commands."""
    yield from _pages(typer.main.get_command(app), None, ("lback",))


def _pages(command: Any, parent: Any, words: tuple[str, ...]) -> Iterator[Page]:
    context = command.make_context(words[-1], [], parent=parent, resilient_parsing=True)
    names = command.list_commands(context) if hasattr(command, "list_commands") else []
    commands = {name: command.get_command(context, name) for name in names}
    # Options that every command takes are described once, with lback itself.
    parameters = command.get_params(context) if parent is None else command.params
    arguments: list[Entry] = []
    options: dict[str, list[Entry]] = {}
    for parameter in parameters:
        entry = _entry(parameter, context)
        if parameter.param_type_name == "argument":
            arguments.append(entry)
        else:
            options.setdefault(getattr(parameter, "rich_help_panel", None) or OPTIONS, []).append(entry)
    yield Page(
        words,
        " ".join([*words, *(piece.strip("{}") for piece in command.collect_usage_pieces(context))]),
        [_plain(paragraph) for paragraph in (command.help or "").split("\n\n")],
        arguments,
        options,
        [Entry(name, _plain(child.get_short_help_str(1000))) for name, child in commands.items()],
        _notes(command.epilog) if parent is not None else {},
    )
    for name, child in commands.items():
        yield from _pages(child, context, (*words, name))


def _entry(parameter: Any, context: Any) -> Entry:
    term, meaning = parameter.get_help_record(context)
    text = parameter.help or ""
    notes = " ".join(meaning.removeprefix(text).split())  # [required] or [default: ...], which is no markup
    if parameter.param_type_name == "argument":
        term = re.sub(r" <[^|>]*>$", "", term)  # a type that says no more than the name
    return Entry(term, f"{_plain(text)} {notes}".strip())


def _notes(epilog: str | None) -> Mapping[str, Sequence[str]]:
    """Return the lines below each heading, which is what is in bold."""
    notes: dict[str, list[str]] = {}
    for paragraph in (epilog or "").split("\n\n"):
        if paragraph.startswith("[bold]"):
            lines = notes[_plain(paragraph)] = []
        elif paragraph:
            lines.append(_plain(paragraph))
    return notes


def _plain(markup: str) -> str:
    return " ".join(Text.from_markup(markup).plain.split())
