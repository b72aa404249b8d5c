"""How a noun's commands are declared."""

from collections.abc import Callable
from typing import Any, TypeVar

import typer

from lback_cli.cli.global_options import LbackCommand, LbackGroup

F = TypeVar("F", bound=Callable[..., None])


class CommandGroup(typer.Typer):
    """A group of commands on one kind of thing."""

    def __init__(self, name: str | None = None, about: str | None = None) -> None:
        """Without a *name*, the commands become the parent's own."""
        super().__init__(
            name=name,
            help=about,
            cls=LbackGroup,
            # With a callback, a noun with one verb stays a noun.
            callback=_nothing if name else None,
            no_args_is_help=True,
            add_completion=False,
            rich_markup_mode="rich",
            context_settings={"help_option_names": ["-h", "--help"]},
        )

    def command(  # type: ignore[override]  # a command here always has a name and examples
        self, name: str, *, examples: tuple[str, ...] = ()
    ) -> Callable[[F], F]:
        """Declare a command; *examples* are whole command lines, shown under its help."""
        epilog = None
        if examples:
            # A blank line between lines, as help texts are reflowed paragraph by paragraph.
            epilog = "\n\n".join(["[bold]Examples[/bold]", *(f"  {_literal(example)}" for example in examples)])
        declare: Any = super().command(name, cls=LbackCommand, epilog=epilog)
        return declare  # type: ignore[no-any-return]  # Typer's decorator returns its argument


def _nothing() -> None:
    """Do nothing before the verb."""


def _literal(text: str) -> str:
    return text.replace("[", r"\[")
