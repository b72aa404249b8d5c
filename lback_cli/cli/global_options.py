"""Options that every command takes, before or after its name, and how Typer's parameters are made to start fast."""

import os
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand, TyperGroup

from lback_cli.cli.context import CliContext

PANEL = "Global options"


def _remember(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
    """Keep a global option that was given; the one nearest to the end of the command line wins."""
    if ctx.obj is not None and param.name is not None and value not in (None, False):
        if param.name == "no_color":
            # Typer's own help goes by this variable too.
            os.environ["NO_COLOR"] = "1"
        ctx.obj.options[param.name] = value
    return value


def _global(*names: str, **extra: Any) -> Any:
    return typer.Option(*names, callback=_remember, expose_value=False, rich_help_panel=PANEL, **extra)


def _global_options(
    config: Annotated[Path | None, _global("--config", help="Configuration file.", metavar="PATH")] = None,
    database_url: Annotated[
        str | None, _global("--database-url", help="Database to work on; overrides the configuration.", metavar="URL")
    ] = None,
    output: Annotated[
        Literal["table", "json", "jsonl", "csv"] | None,
        _global("-o", "--output", help="Form of the result on stdout.", is_eager=True),
    ] = None,
    trace_signals: Annotated[
        bool, _global("--trace-signals", help="Show each signal on stderr as it is sent.")
    ] = False,
    trace_format: Annotated[
        Literal["rich", "json"] | None, _global("--trace-format", help="Form of the trace; implies --trace-signals.")
    ] = None,
    trace_file: Annotated[
        Path | None, _global("--trace-file", help="Append the trace to a file instead.", metavar="PATH")
    ] = None,
    no_receivers: Annotated[
        bool, _global("--no-receivers", help="Load no plugins and run no hooks, this once.")
    ] = False,
    actor: Annotated[
        str | None,
        _global("--actor", help="Who acts, for the event log; else LBACK_ACTOR, else your login.", metavar="NAME"),
    ] = None,
    quiet: Annotated[bool, _global("-q", "--quiet", help="No messages but errors.")] = False,
    no_color: Annotated[bool, _global("--no-color", help="No colours.", is_eager=True)] = False,
    debug: Annotated[bool, _global("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Declare the global options, once."""


@cache
def _global_parameters() -> tuple[Any, ...]:
    declaration = typer.Typer(add_completion=False)
    declaration.command()(_global_options)
    return tuple(typer.main.get_command(declaration).params)


class LbackCommand(TyperCommand):
    """A command that takes the global options too."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The command's own parameters, the global ones and --help."""
        return _with_global_parameters(super().get_params(ctx))


class LbackGroup(TyperGroup):
    """A group of commands that takes the global options too."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The group's own parameters, the global ones and --help."""
        return _with_global_parameters(super().get_params(ctx))


def _with_global_parameters(parameters: list[Any]) -> list[Any]:
    return [_prepared(parameter) for parameter in (*parameters, *_global_parameters())]


class _LightCoercion:
    """Text stays text, without the 60 ms that loading pydantic costs each command.

    Typer builds a pydantic adapter even for a plain string or an option that was not given; here only a value that
    needs one does.
    """

    def __init__(self, parameter: Any) -> None:
        self._build = parameter.get_runtime_param
        self._type = parameter.type_descriptor.annotation
        self._choices = parameter.type_descriptor.choices

    def coerce(self, value: Any, param: Any, ctx: typer.Context) -> Any:
        """What `typer` would make of *value*."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if isinstance(self._type, type) and isinstance(value, self._type):
            return value  # text as it is, or a default
        if isinstance(value, str) and value in (self._choices or ()):
            # The choice itself, which may be the member of an enumeration.
            return next(choice for choice in self._choices if choice == value)
        if isinstance(value, str) and self._type is Path:
            return Path(value)
        if self._type == list[str] and all(isinstance(item, str) for item in value):
            return list(value)
        return self._build().coerce(value, param=param, ctx=ctx)


def _prepared(parameter: Any) -> Any:
    """*parameter* with a coercion that starts fast, and without a type in the help of a flag that takes no value."""
    if getattr(parameter, "is_flag", False):
        parameter.metavar = ""
    if "get_runtime_param" not in vars(parameter):
        coercion = _LightCoercion(parameter)
        parameter.get_runtime_param = lambda: coercion
    return parameter


def runtime(ctx: typer.Context) -> CliContext:
    """What the command works with."""
    found: CliContext = ctx.obj
    return found
