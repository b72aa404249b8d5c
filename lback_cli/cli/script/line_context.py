"""The context of one line of a script."""

import sys
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

from lback_cli.cli.context import CliContext
from lback_cli.errors import UsageError

if TYPE_CHECKING:
    from lback_cli.database.engine import Database
    from lback_cli.database.schema import Schema
    from lback_cli.events.actor import Actor
    from lback_cli.managers.dependencies import Dependencies
    from lback_cli.managers.user_manager import UserManager
    from lback_cli.receivers.loader import Receivers
    from lback_cli.security.passwords import PasswordHasher
    from lback_cli.settings import Settings
    from lback_cli.tracing.trace import Trace

OF_THE_SCRIPT = {"config": "--config", "database_url": "--database-url", "no_receivers": "--no-receivers"}
"""Options that a line cannot have, because all lines share what they decide."""

NOT_IN_A_SCRIPT = frozenset({"lback run", "lback events follow", "lback events relay"})
"""Commands that do not end by themselves, or read lines themselves."""

_OF_A_TRACE = ("trace_signals", "trace_format", "trace_file")


class LineContext(CliContext):
    """The parts of one line. It shares those that take time to make with the other lines of the script."""

    def __init__(self, script: CliContext, *, output: str, out: TextIO) -> None:
        """Begin with the options of the *script*, which those of the line replace.

        Args:
            script: The context of the script.
            output: The output format.
            out: Where the results go.
        """
        super().__init__()
        self._stdout = out
        self._script = script
        self._ending = ExitStack()
        self.options |= script.options | {"output": output, "no_pager": True}

    @property
    def in_script(self) -> bool:
        """Whether the command is a line of a script."""
        return True

    def remember(self, name: str, value: Any) -> None:
        """Keep the value of a global option, for this line.

        Raises:
            UsageError: A line cannot have this option.
        """
        if name in OF_THE_SCRIPT:
            raise UsageError(f"A line of a script cannot have {OF_THE_SCRIPT[name]}.", hint="Give it to 'lback run'.")
        if name == "output" and value == "jsonl" and self.options["output"] == "json":
            value = "json"  # the answer is one line already, with the same records in it
        super().remember(name, value)
        if name == "actor":
            from dataclasses import replace

            from lback_cli.events.actor import acting_as

            self._ending.enter_context(acting_as(replace(self.actor, name=value)))

    def permit(self, command: str) -> None:
        """Raise `UsageError` if the command cannot run in a script."""
        if command in NOT_IN_A_SCRIPT:
            raise UsageError(f"A script cannot run '{command}'.", hint="Run it by itself.")

    @cached_property
    def settings(self) -> "Settings":
        """The configuration of the script."""
        return self._script.settings

    @cached_property
    def actor(self) -> "Actor":
        """The actor of the script, whose invocation the line belongs to."""
        return self._script.actor

    @cached_property
    def unchecked_database(self) -> "Database":
        """The database of the script."""
        return self._script.unchecked_database

    @cached_property
    def relaxed_database(self) -> "Database":
        """The database of the script for writes that a power failure may undo."""
        return self._script.relaxed_database

    @cached_property
    def database(self) -> "Database":
        """The database of the script, whose tables are checked once."""
        return self._script.database

    @cached_property
    def schema(self) -> "Schema":
        """The tables of the script's database."""
        return self._script.schema

    @cached_property
    def dependencies(self) -> "Dependencies":
        """What the managers of the script depend on."""
        return self._script.dependencies

    @cached_property
    def hasher(self) -> "PasswordHasher":
        """The hasher of the script."""
        return self._script.hasher

    @cached_property
    def receivers(self) -> "Receivers":
        """The receivers of the script. From here on, what a plugin prints goes to standard error, as in a command."""
        receivers = self._script.receivers
        sys.stdout = sys.stderr
        return receivers

    @cached_property
    def users(self) -> "UserManager":
        """The manager of the script, whose receivers are connected once."""
        database = self.database_of_operations
        _ = self.receivers
        # A later line may reach a database that this one cannot.
        manager = self._script.users if database is vars(self).get("database") else self._script.users_of(database)
        if self.trace is not None and self.trace is not self._script.trace:
            self.trace.connect()
        return manager

    @cached_property
    def trace(self) -> "Trace | None":
        """The trace of the script, or one of this line if its options ask for another."""
        if all(self.options.get(name) == self._script.options.get(name) for name in _OF_A_TRACE):
            return self._script.trace
        return super().trace

    def close(self) -> None:
        """Close what only this line used."""
        self._ending.close()
        if vars(self).get("trace") is vars(self._script).get("trace"):
            vars(self).pop("trace", None)
        self.close_own()
