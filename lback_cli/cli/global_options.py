"""The global options, which every command takes before or after its name, and those that every list takes."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand, TyperGroup

from lback_cli.cli.help_page import GLOBAL_OPTIONS
from lback_cli.cli.light_parameters import lighten
from lback_cli.errors import UsageError
from lback_cli.output_formats import BUILT_IN, is_output_format, plugin_names
from lback_cli.text.terminal import wants_color

Fields = Sequence[str] | Callable[[typer.Context], Sequence[str]]
"""The fields of a list, or a function that returns them, if the configuration adds some."""


def _remember(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
    """Keep a global option that was given."""
    if ctx.obj is not None and param.name is not None and value not in (None, False):
        if param.name == "no_color":
            os.environ["NO_COLOR"] = "1"
        ctx.obj.remember(param.name, value)
    return value


def _remember_format(ctx: typer.Context, param: typer.CallbackParam, value: str | None) -> str | None:
    """Keep the output format that was given, if there is such a format."""
    if value is not None and not is_output_format(value):
        names = ", ".join(map(repr, (*BUILT_IN, *plugin_names())))
        raise typer.BadParameter(f"{value!r} is not one of {names}.")
    _remember(ctx, param, value)
    return value


def _complete_format(incomplete: str) -> list[str]:
    return [name for name in (*BUILT_IN, *plugin_names()) if name.startswith(incomplete)]


def _complete_fields(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of fields that can follow those which are there already."""
    fields = getattr(ctx.command, "fields", None) or ()
    names = fields(ctx) if callable(fields) else fields
    before, comma, start = incomplete.rpartition(",")
    taken = before.split(",")
    return [f"{before}{comma}{name}" for name in names if name.startswith(start) and name not in taken]


def _global(*names: str, **extra: Any) -> Any:
    return typer.Option(*names, expose_value=False, rich_help_panel=GLOBAL_OPTIONS, **{"callback": _remember, **extra})


def _global_options(
    config: Annotated[Path | None, _global("--config", help="Configuration file.", metavar="PATH")] = None,
    database_url: Annotated[
        str | None, _global("--database-url", help="Database URL. Overrides the configuration.", metavar="URL")
    ] = None,
    output: Annotated[
        str | None,
        _global(
            *("-o", "--output"),
            help="Format of the results on stdout.",
            metavar=f"<{'|'.join(BUILT_IN)}>",
            is_eager=True,
            callback=_remember_format,
            autocompletion=_complete_format,
        ),
    ] = None,
    trace_signals: Annotated[
        bool, _global("--trace-signals", help="Show each signal on stderr as it is sent.")
    ] = False,
    trace_format: Annotated[
        Literal["rich", "json"] | None, _global("--trace-format", help="Format of the trace. Implies --trace-signals.")
    ] = None,
    trace_file: Annotated[
        Path | None, _global("--trace-file", help="Append the trace to this file.", metavar="PATH")
    ] = None,
    no_receivers: Annotated[bool, _global("--no-receivers", help="Load no plugins and run no hooks.")] = False,
    actor: Annotated[
        str | None,
        _global(
            "--actor", help="Actor in the event log. The default is LBACK_ACTOR, or your login name.", metavar="NAME"
        ),
    ] = None,
    quiet: Annotated[bool, _global("-q", "--quiet", help="Show only warnings and errors.")] = False,
    no_color: Annotated[bool, _global("--no-color", help="Use no colours.", is_eager=True)] = False,
    debug: Annotated[bool, _global("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Declare the global options."""


def _list_options(
    fields: Annotated[
        str | None,
        typer.Option(
            "--fields",
            help="Only these fields, in this order.",
            metavar="NAME,...",
            expose_value=False,
            callback=_remember,
            autocompletion=_complete_fields,
        ),
    ] = None,
    no_pager: Annotated[
        bool,
        typer.Option(
            "--no-pager",
            help="Do not page a list that is longer than the terminal.",
            expose_value=False,
            callback=_remember,
        ),
    ] = False,
) -> None:
    """Declare the options of lists."""


@cache
def _parameters(options: Callable[..., None]) -> tuple[Any, ...]:
    declaration = typer.Typer(add_completion=False)
    declaration.command()(options)
    return tuple(typer.main.get_command(declaration).params)


Notes = Mapping[str, Callable[[], Iterable[tuple[str, str]]]]
"""Functions that return terms and what they mean, by title. They are called only for the help."""


def global_parameters() -> tuple[Any, ...]:
    """Return the options that every command takes."""
    return _parameters(_global_options)


def list_parameters() -> tuple[Any, ...]:
    """Return the options that every list takes."""
    return _parameters(_list_options)


class LbackCommand(TyperCommand):
    """A command that takes the global options too.

    Attributes:
        examples: Command lines, by what they do.
        fields: The fields of the list that the command shows, or a function that returns them; None for other commands.
        notes: More lines for the help.
    """

    examples: Mapping[str, str] = MappingProxyType({})
    fields: Fields | None = None
    notes: Notes = MappingProxyType({})

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the command's own parameters, the global ones and --help."""
        return _with_global_parameters(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the command line.

        Raises:
            UsageError: An option of the command contradicts itself. The last one would win, without a word.
        """
        if not ctx.resilient_parsing:
            _, _, given = self.make_parser(ctx).parse_args(args=list(args))
            for parameter, count in Counter(given).items():
                if count > 1 and parameter not in global_parameters():
                    _require_agreement(parameter, args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command, if it may run here."""
        ctx.obj.permit(ctx.command_path)
        return super().invoke(ctx)

    def get_help(self, ctx: Any) -> str:
        """Return the help, for the terminal as it is."""
        return _help_text(self, ctx)


class LbackGroup(TyperGroup):
    """A group of commands that takes the global options too."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the group's own parameters, the global ones and --help."""
        return _with_global_parameters(super().get_params(ctx))

    def get_help(self, ctx: Any) -> str:
        """Return the help, for the terminal as it is."""
        return _help_text(self, ctx)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments. Without any, show the help and exit with 2; in a script, fail without the help."""
        if not args and not ctx.resilient_parsing:
            if ctx.obj.in_script:
                ctx.fail("Missing command.")
            typer.echo(self.get_help(ctx), color=True)
            raise typer.Exit(2)
        return super().parse_args(ctx, args)


def _help_text(command: Any, ctx: Any) -> str:
    from lback_cli.cli.help_page import help_page
    from lback_cli.cli.output.help_layout import help_text

    return help_text(help_page(command, ctx), color=wants_color(sys.stdout))


def _require_agreement(parameter: Any, args: Sequence[str]) -> None:
    """Raise `UsageError` if *parameter*, which was given several times, can have only one value."""
    if getattr(parameter, "multiple", False) or parameter.nargs == -1:
        return
    if not getattr(parameter, "is_flag", False):
        raise UsageError(f"{parameter.opts[0]} was given twice.", hint="Give it once.")
    on, off = ([name for name in args if name in names] for names in (parameter.opts, parameter.secondary_opts))
    if on and off:
        raise UsageError(f"{on[0]} and {off[0]} exclude each other.", hint="Give one of them.")


def _with_global_parameters(parameters: list[Any]) -> list[Any]:
    return [lighten(parameter) for parameter in (*parameters, *global_parameters())]
