"""How commands are declared, and how a group of them imports each module only when it is needed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any

import typer

from lback_cli.cli.global_options import Fields, LbackCommand, LbackGroup, section

CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"]}


def command(
    *,
    examples: tuple[str, ...],
    fields: Fields | None = None,
    notes: tuple[str, Callable[[], Iterable[str]]] | None = None,
) -> Callable[[Callable[..., None]], LbackCommand]:
    """Make a command of the decorated function. The group that lists the command gives it its name.

    Args:
        examples: Whole command lines, which the help of the command shows.
        fields: The fields of the list that the command shows, for ``--fields``.
        notes: A title, and a function that returns lines. The help shows them after the examples.
    """

    def declare(function: Callable[..., None]) -> LbackCommand:
        app = typer.Typer(add_completion=False, rich_markup_mode="rich")
        app.command(cls=LbackCommand, epilog=section("Examples", examples), context_settings=CONTEXT_SETTINGS)(function)
        declared = typer.main.get_command(app)
        assert isinstance(declared, LbackCommand)
        declared.fields = fields
        declared.notes = notes
        return declared

    return declare


class CommandGroup(LbackGroup):
    """A group of commands, such as all verbs of a noun."""

    def __init__(self, package: str, about: str, references: Mapping[str, str]) -> None:
        """Declare the group.

        Args:
            package: The module that *references* are relative to.
            about: The help text.
            references: ``module:attribute`` for each name. An empty module means *package* itself.
        """
        super().__init__(
            commands=LazyCommands(package, references),  # type: ignore[arg-type]  # a mapping is enough
            help=about,
            no_args_is_help=True,
            rich_markup_mode="rich",
            context_settings=CONTEXT_SETTINGS,
        )

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - Typer's signature
        """Return the names of the commands, without importing one."""
        return list(self.commands)


class LazyCommands(Mapping[str, Any]):
    """Commands by name. A command's module is imported when the command is looked up."""

    def __init__(self, package: str, references: Mapping[str, str]) -> None:
        self._package = package
        self._references = references
        self._imported: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._imported:
            module, _, attribute = self._references[name].partition(":")
            found = getattr(import_module(f".{module}", self._package), attribute)
            found.name = name
            self._imported[name] = found
        return self._imported[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._references)

    def __len__(self) -> int:
        return len(self._references)
