"""`lback help`."""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.exit_codes import MEANINGS
from lback_cli.cli.global_options import global_parameters
from lback_cli.cli.help_page import Entry, option_entries
from lback_cli.cli.output.help_layout import entries_text
from lback_cli.errors import UsageError
from lback_cli.text.terminal import wants_color


def _options(ctx: typer.Context) -> Iterable[Entry]:
    return option_entries(global_parameters(), ctx)


def _exit_codes(_ctx: typer.Context) -> Iterable[Entry]:
    return [Entry(str(code.value), meaning) for code, meaning in MEANINGS.items()]


def _conditions(_ctx: typer.Context) -> Iterable[Entry]:
    from lback_cli.managers.user_conditions import MEANINGS

    return [Entry(word, meaning) for word, meaning in MEANINGS.items()]


TOPICS: dict[str, tuple[str, Callable[[typer.Context], Iterable[Entry]]]] = {
    "options": ("Options that every command takes, before or after its name", _options),
    "exit-codes": ("Exit codes", _exit_codes),
    "where": ("Conditions of `--where`, all of which must hold", _conditions),
}


def _complete_words(ctx: typer.Context, incomplete: str) -> list[str]:
    words = ctx.params.get("words") or ()
    names = [*getattr(_found(ctx.find_root(), words).command, "commands", {}), *(() if words else TOPICS)]
    return [name for name in names if name.startswith(incomplete)]


@command(
    examples={
        "Explain a command": "lback help user register",
        "List the options that every command takes": "lback help options",
        "List the exit codes": "lback help exit-codes",
        "List the conditions on users": "lback help where",
    }
)
def help_(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[COMMAND]...",
            help="The words of a command, or one of the topics options, exit-codes and where.",
            autocompletion=_complete_words,
        ),
    ] = None,
) -> None:
    """Explain a command or a topic."""
    topic = TOPICS.get(" ".join(words or ()))
    if topic is None:
        text = _command_help(ctx.find_root(), words or ())
    else:
        title, entries = topic
        text = entries_text(title, entries(ctx), color=wants_color(sys.stdout))
    typer.echo(text, color=True)


def _command_help(root: Any, words: Sequence[str]) -> str:
    try:
        return str(_found(root, words).get_help())
    except UsageError as error:
        if len(words) != 1:
            raise
        hint = f"Topics are {', '.join(TOPICS)}; 'lback help' lists the commands."
        raise UsageError(error.message, hint=hint) from error


def _found(context: Any, words: Sequence[str]) -> Any:
    """Return the context of the command that *words* call below *context*."""
    for word in words:
        if not hasattr(context.command, "resolve_command"):
            raise UsageError(f"{context.command_path} has no commands, so {word!r} is none.")
        name, found, _ = context.command.resolve_command(context, [word])
        if found is None:
            break  # a misspelt word during completion
        inner = found.make_context(name, [], parent=context, resilient_parsing=True)
        inner.resilient_parsing = context.resilient_parsing
        context = inner
    return context
