"""How commands are declared, and how a group of them imports each module only when it is needed."""

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from importlib import import_module
from types import MappingProxyType
from typing import Any, NamedTuple

import typer

from lback_cli.cli.global_options import Fields, LbackCommand, LbackGroup, Notes, list_parameters
from lback_cli.cli.help_page import ALIAS

CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"], "color": True}
"""The help decides itself about colours, so nothing removes them from it."""


class Offer(NamedTuple):
    """A word that completion offers, with what it means."""

    value: str
    help: str | None = None


def command(
    *, examples: Mapping[str, str], fields: Fields | None = None, notes: Notes = MappingProxyType({})
) -> Callable[[Callable[..., None]], LbackCommand]:
    """Make a command of the decorated function. The group that lists the command gives it its name.

    Args:
        examples: Whole command lines, by what they do. The help of the command shows them.
        fields: The fields of the list that the command shows, for ``--fields``.
        notes: More lines for the help, after the examples.
    """

    def declare(function: Callable[..., None]) -> LbackCommand:
        app = typer.Typer(add_completion=False)
        app.command(cls=LbackCommand, context_settings=CONTEXT_SETTINGS)(function)
        declared = typer.main.get_command(app)
        assert isinstance(declared, LbackCommand)
        declared.examples, declared.fields, declared.notes = examples, fields, notes
        if fields is not None:
            declared.params += list_parameters()
        return declared

    return declare


def command_like(base: LbackCommand, *, examples: Mapping[str, str]) -> Callable[[Callable[..., Any]], LbackCommand]:
    """Make a command that does what *base* does and takes its options.

    The decorated function declares parameters that replace those of the same name, and returns their values.
    """

    def declare(function: Callable[..., Any]) -> LbackCommand:
        declared = command(examples=examples, fields=base.fields)(function)
        own = {parameter.name for parameter in declared.params}
        declared.params += [parameter for parameter in base.params if parameter.name not in own]
        replace, run = declared.callback, base.callback
        assert replace is not None
        assert run is not None

        @wraps(run)
        def call(**values: Any) -> Any:
            replaced = replace(**{name: value for name, value in values.items() if name in own})
            return run(**values | replaced)

        declared.callback = call
        return declared

    return declare


class CommandGroup(LbackGroup):
    """A group of commands, such as all verbs of a noun."""

    default: str | None = None
    """The command that runs if the command line names none."""

    def __init__(
        self,
        package: str,
        about: str,
        references: Mapping[str, str],
        aliases: Mapping[str, str] = MappingProxyType({}),
        *,
        default: str | None = None,
    ) -> None:
        """Declare the group.

        Args:
            package: The module that *references* are relative to.
            about: The help text.
            references: ``module:attribute`` for each name. An empty module means *package* itself.
            aliases: Other names of the commands, each with the words that it stands for.
            default: The command that runs if the command line names none.
        """
        self.aliases = aliases
        self.default = default
        super().__init__(
            commands=LazyCommands(package, references),  # type: ignore[arg-type]  # a mapping is enough
            help=about,
            context_settings=CONTEXT_SETTINGS,
        )

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - Typer's signature
        """Return the names of the commands, without importing one."""
        return list(self.commands)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments of the group, and put in the default command if they name none."""
        names_none = not args or (args[0].startswith("-") and self.commands.keys().isdisjoint(args))
        if self.default is not None and names_none and not {*ctx.help_option_names} & {*args}:
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the name and the command that the first of *args* means, and the other arguments.

        Raises:
            UsageError: There is no such command. The hint has the one that may be meant.
        """
        name, *others = args
        if name in self.aliases:
            ctx.meta[ALIAS] = f"{ctx.command_path} {name}", f"{ctx.command_path} {self.aliases[name]}"
            name, *given = self.aliases[name].split()
            others = [*given, *others]
        if (found := self.get_command(ctx, name)) is not None:
            return name, found, others
        if ctx.resilient_parsing:
            return None, None, others
        from lback_cli.cli.guesses import unknown_command

        raise unknown_command(ctx.command_path, self, name)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Offer commands, and aliases once one is begun."""
        offered = super().shell_complete(ctx, incomplete)
        begun = [alias for alias in self.aliases if incomplete and alias.startswith(incomplete)]
        return [*offered, *(Offer(alias, self.aliases[alias]) for alias in begun)]


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
