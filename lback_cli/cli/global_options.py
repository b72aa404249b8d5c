"""The global options, which every command takes before or after its name."""

import os
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand, TyperGroup

from lback_cli.cli.light_parameters import lighten
from lback_cli.output_formats import BUILT_IN, is_output_format, plugin_names

PANEL = "Global options"


def _remember(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
    """Keep a global option that was given."""
    if ctx.obj is not None and param.name is not None and value not in (None, False):
        if param.name == "no_color":
            # Typer's help reads this variable too.
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


def _global(*names: str, **extra: Any) -> Any:
    return typer.Option(*names, expose_value=False, rich_help_panel=PANEL, **{"callback": _remember, **extra})


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


@cache
def _global_parameters() -> tuple[Any, ...]:
    declaration = typer.Typer(add_completion=False)
    declaration.command()(_global_options)
    return tuple(typer.main.get_command(declaration).params)


class LbackCommand(TyperCommand):
    """A command that takes the global options too.

    Attributes:
        notes: A title, and a function that returns more lines for the help. It is called only for the help.
    """

    notes: tuple[str, Callable[[], Iterable[str]]] | None = None

    @property
    def epilog(self) -> str | None:
        """The end of the help: the examples and the notes."""
        if self.notes is None:
            return self._epilog
        title, lines = self.notes
        return f"{self._epilog}\n\n{section(title, lines())}"

    @epilog.setter
    def epilog(self, text: str | None) -> None:
        self._epilog = text

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the command's own parameters, the global ones and --help."""
        return _with_global_parameters(super().get_params(ctx))

    def invoke(self, ctx: Any) -> Any:
        """Run the command, if it may run here."""
        ctx.obj.permit(ctx.command_path)
        return super().invoke(ctx)


class LbackGroup(TyperGroup):
    """A group of commands that takes the global options too."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the group's own parameters, the global ones and --help."""
        return _with_global_parameters(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments. Without any, show the help, but not in a script."""
        if not args and ctx.obj is not None and ctx.obj.in_script:
            ctx.fail("Missing command.")
        return super().parse_args(ctx, args)


def _with_global_parameters(parameters: list[Any]) -> list[Any]:
    return [lighten(parameter) for parameter in (*parameters, *_global_parameters())]


def section(title: str, lines: Iterable[str]) -> str:
    """Return a section of help. Each line is a paragraph, because help reflows the lines of a paragraph."""
    escaped = (line.replace("[", r"\[") for line in lines)
    return "\n\n".join([f"[bold]{title}[/bold]", *(f"  {line}" for line in escaped)])
