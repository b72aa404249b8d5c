"""What there is to say about a command or a group of commands, as plain data."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any, NamedTuple

OPTIONS = "Options"
"""The heading of options that belong to no other."""

GLOBAL_OPTIONS = "Global options"
"""The heading of the options that every command takes."""


ALIAS = "lback_cli.alias"
"""Where a context keeps the other name that called a command, and the words that this stands for."""


class Entry(NamedTuple):
    """An argument, an option or a command of a group, with what it means."""

    term: str
    meaning: str


@dataclass(frozen=True)
class Page:
    """What there is to say about one command or group of commands.

    Attributes:
        words: The words that call it.
        usage: The arguments that may follow them.
        description: Paragraphs.
        commands: The commands of a group.
        aliases: Other names of these commands, each with the words that it stands for.
        arguments: The arguments.
        options: The options, by heading.
        examples: Command lines, by what they do.
        notes: More entries, by heading.
    """

    words: tuple[str, ...]
    usage: str
    description: Sequence[str]
    commands: Sequence[Entry]
    aliases: Sequence[Entry]
    arguments: Sequence[Entry]
    options: Mapping[str, Sequence[Entry]]
    examples: Mapping[str, str]
    notes: Mapping[str, Sequence[Entry]]


def help_page(command: Any, context: Any) -> Page:
    """Return the page of *command* in its *context*. Its options are its own, without the global ones."""
    names = command.list_commands(context) if hasattr(command, "list_commands") else []
    commands = {name: command.get_command(context, name) for name in names}
    arguments: list[Entry] = []
    options: dict[str, list[Entry]] = {}
    for parameter in (*command.params, command.get_help_option(context)):
        entry = _entry(parameter, context)
        if parameter.param_type_name == "argument":
            arguments.append(entry)
        else:
            options.setdefault(getattr(parameter, "rich_help_panel", None) or OPTIONS, []).append(entry)
    usage = [_usage(parameter) for parameter in command.params if parameter.param_type_name == "argument"]
    return Page(
        words=tuple(context.command_path.split()),
        usage=" ".join(["COMMAND"] if commands else ["[OPTIONS]", *usage]),
        description=[
            *_alias(context),
            *(" ".join(part.split()) for part in cleandoc(command.help or "").split("\n\n")),
        ],
        commands=[Entry(name, summary(child)) for name, child in commands.items()],
        aliases=[Entry(*alias) for alias in getattr(command, "aliases", {}).items()],
        arguments=arguments,
        options=options,
        examples=getattr(command, "examples", {}),
        notes={title: [Entry(*line) for line in lines()] for title, lines in getattr(command, "notes", {}).items()},
    )


def _alias(context: Any) -> Sequence[str]:
    """Return what other name called the command, if one did."""
    names = context.meta.get(ALIAS)
    return () if names is None else (f"`{names[0]}` is `{names[1]}`.",)


def option_entries(parameters: Sequence[Any], context: Any) -> list[Entry]:
    """Return an entry for each of the options *parameters*."""
    return [_entry(parameter, context) for parameter in parameters]


def summary(command: Any) -> str:
    """Return what a command does, in a phrase."""
    return str(command.get_short_help_str(1000)).removesuffix(".")


def _usage(argument: Any) -> str:
    name = str(argument.metavar or argument.name.upper())
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _entry(parameter: Any, context: Any) -> Entry:
    term, meaning = parameter.get_help_record(context)
    text = parameter.help or ""
    notes = " ".join(meaning.removeprefix(text).split())  # [required] or [default: ...]
    if parameter.param_type_name == "argument":
        # The usage shows the type and whether it is required.
        return Entry(re.sub(r" <[^|>]*>$|[\[\]{}]", "", term), text)
    return Entry(re.sub(r"<int(?: range)?>", "N", term), f"{text} {_without_range(notes)}".strip())


def _without_range(notes: str) -> str:
    return re.sub(r"(?:; )?x>=0", "", notes).replace("[]", "")
