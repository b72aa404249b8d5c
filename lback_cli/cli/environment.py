"""What every command works with: options, configuration, output, database, receivers and trace."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from lback_cli.cli.output.output import Output
from lback_cli.cli.output.problems import show_warning
from lback_cli.cli.output.registry import find_format, has_json_errors
from lback_cli.errors import ConfigurationError
from lback_cli.output_formats import is_output_format
from lback_cli.own_file import is_made_by_another_user, is_writable_by_all
from lback_cli.problem import Problem

if TYPE_CHECKING:
    from lback_cli.attributes import UserAttributes
    from lback_cli.database.engine import Database
    from lback_cli.database.schema import Schema
    from lback_cli.events.actor import Actor
    from lback_cli.managers.dependencies import Dependencies
    from lback_cli.receivers.loader import Receivers
    from lback_cli.security.passwords import PasswordHasher
    from lback_cli.settings import DatabaseSettings, Settings
    from lback_cli.tracing.trace import Trace


class CommandEnvironment:
    """The environment of one run of `lback`. Each part is made on its first use.

    Attributes:
        options: The global options on the command line, by parameter name.
    """

    def __init__(self) -> None:
        self.options: dict[str, Any] = {}
        self._stdout = sys.stdout
        self._trace_file: TextIO | None = None
        self._target: Database | None = None

    @property
    def in_script(self) -> bool:
        """Whether the command is a line of a script."""
        return False

    def remember(self, name: str, value: Any) -> None:
        """Keep the value of a global option. The last one on the command line wins."""
        self.options[name] = value

    def permit(self, command: str) -> None:
        """Raise `UsageError` if the command, such as ``lback run``, must not run here."""

    @cached_property
    def settings(self) -> "Settings":
        """The configuration.

        Raises:
            ConfigurationError: It cannot be read.
        """
        import logging

        from lback_cli.cli.output.log_handler import WarningHandler
        from lback_cli.settings import load_settings

        logging.lastResort = WarningHandler(lambda text: self._warn_early(Problem(text)))
        overrides = {"database.url": self.options.get("database_url"), "output.format": self.options.get("output")}
        given = {name: value for name, value in overrides.items() if value is not None}
        settings = load_settings(self.options.get("config"), given)
        for problem in settings.warnings:
            self._warn_early(problem, settings.output.format)
        return settings

    @cached_property
    def output(self) -> Output:
        """The results on standard output, and the messages on standard error."""
        return self._output_in(self.options.get("output") or self.settings.output.format)

    @property
    def any_output(self) -> Output:
        """The same, even if the configuration cannot be read: then in the format that an option or a variable names."""
        try:
            return self.output
        except ConfigurationError:
            named = self.options.get("output") or os.environ.get("LBACK_OUTPUT") or "table"
            return self._output_in(named if is_output_format(named) else "table")

    @property
    def values_in_force(self) -> Mapping[str, str]:
        """What is used for keys of the configuration that are not set, by their names."""
        try:
            database = self.unchecked_database
            found = {"email.directory": str(self.dependencies.mail_directory)}
        except ConfigurationError:
            return {}
        if database.embedded:
            found["database.url"] = database.url.render_as_string()
        return found

    def warn(self, problem: "Problem") -> None:
        """Show a warning."""
        show_warning(problem, as_json=self.output.format.json_errors)

    @cached_property
    def unchecked_database(self) -> "Database":
        """The database, in whatever state its tables are. What is done to it is attributed to the `actor`."""
        _ = self.actor
        database = open_database(self.settings.database)
        if (url := self.options.get("database_url")) is not None:
            self.warn_of_password("--database-url", url, "Set LBACK_DATABASE_URL or database.password_file instead.")
        if database.path is not None and (problem := _exposure(database.path)) is not None:
            self._warn_early(problem)
        return database

    def warn_of_password(self, option: str, url: str, hint: str) -> None:
        """Warn if the *url* that an *option* names has a password.

        Raises:
            ConfigurationError: It is not a URL.
        """
        from lback_cli.database.url import has_password, read_url

        if has_password(read_url(url)):
            self._warn_early(Problem(f"Every user of this machine can see the password in {option}.", hint))

    @cached_property
    def actor(self) -> "Actor":
        """The actor of this invocation, to whom all later operations are attributed."""
        from lback_cli.events.actor import current_actor, set_actor

        set_actor(self.options.get("actor") or self.settings.actor)
        return current_actor()

    @cached_property
    def relaxed_database(self) -> "Database":
        """The database for writes that a power failure may undo, because they would only be repeated."""
        return open_database(self.settings.database, durable=False)

    @cached_property
    def database(self) -> "Database":
        """The database, with the tables that this lback needs.

        Raises:
            SchemaError: The tables are missing, or of another version.
        """
        self.schema.ensure()
        return self.unchecked_database

    @property
    def options_to_repeat(self) -> tuple[str, ...]:
        """The global options that a command needs to continue this one: same database, actor and receivers.

        They contain no password.
        """
        words: list[str] = []
        if (config := self.options.get("config")) is not None:
            words += ["--config", str(config.absolute())]
        if self.options.get("database_url") is not None:
            from lback_cli.database.url import without_password

            words += ["--database-url", without_password(self.unchecked_database.url)]
        if (actor := self.options.get("actor")) is not None:
            words += ["--actor", actor]
        if self.options.get("no_receivers"):
            words.append("--no-receivers")
        return tuple(words)

    @cached_property
    def schema(self) -> "Schema":
        """The database's tables."""
        from lback_cli.database.schema import Schema
        from lback_cli.managers.schema_events import SCHEMA_RECORDER

        return Schema(self.unchecked_database, SCHEMA_RECORDER)

    @cached_property
    def dependencies(self) -> "Dependencies":
        """What the managers depend on: password hashing, names and mail."""
        from lback_cli.managers.dependencies import Dependencies

        hasher = vars(self).get("hasher")
        return Dependencies(self.settings, data_directory=self.unchecked_database.directory, hasher=hasher)

    @cached_property
    def attributes(self) -> "UserAttributes":
        """The attributes of users. They need no database."""
        from lback_cli.managers.dependencies import known_attributes

        return known_attributes(self.settings)

    @cached_property
    def hasher(self) -> "PasswordHasher":
        """Hashes passwords. It needs no database, so hashing can start before the database is loaded."""
        if "dependencies" in vars(self):
            return self.dependencies.hasher
        from lback_cli.security.passwords import PasswordHasher

        return PasswordHasher(self.settings.password, framework=self.settings.compat.lback_framework)

    @cached_property
    def receivers(self) -> "Receivers":
        """Plugins and hooks, not yet connected. There are none with ``--no-receivers``.

        From here on, what a plugin logs is shown as warnings, unless it configures logging, and what it prints goes to
        standard error, so that it does not get between the results.
        """
        import logging

        from lback_cli.cli.output.log_handler import WarningHandler
        from lback_cli.receivers.loader import Receivers

        logging.lastResort = WarningHandler(self.output.warning)
        sys.stdout = sys.stderr
        return Receivers(self.settings, wanted=not self.options.get("no_receivers"))

    @cached_property
    def trace(self) -> "Trace | None":
        """The trace of signals, if an option asks for it."""
        path, form = self.options.get("trace_file"), self.options.get("trace_format")
        if not (self.options.get("trace_signals") or path or form):
            return None
        from lback_cli.tracing.trace import Trace

        if path is not None:
            self._trace_file = open_trace_file(path)
        return Trace(self._trace_file or sys.stderr, format=form or "rich")

    @property
    def can_show_progress(self) -> bool:
        """Whether a progress bar can be shown: on a terminal that nothing else writes to."""
        traces_to_stderr = self.trace is not None and self._trace_file is None
        return sys.stderr.isatty() and not self.options.get("quiet") and not traces_to_stderr

    @property
    def wants_json_errors(self) -> bool:
        """Whether errors are JSON objects. This is known even if the configuration cannot be read."""
        name = self.options.get("output")
        if name is None and "settings" in vars(self):
            name = self.settings.output.format
        return has_json_errors(name or os.environ.get("LBACK_OUTPUT"))

    def _warn_early(self, problem: Problem, output_format: str | None = None) -> None:
        """Show a warning about what is needed before there is an output."""
        # During shell completion it would garble the line that the user is typing.
        if "_LBACK_COMPLETE" not in os.environ:
            as_json = self.wants_json_errors if output_format is None else has_json_errors(output_format)
            show_warning(problem, as_json=as_json)

    def _output_in(self, name: str) -> Output:
        return Output(
            name,
            find_format(name)(self._stdout),
            quiet=self.options.get("quiet", False),
            terse=self.in_script,
            fields=self.options.get("fields"),
            paged=not self.options.get("no_pager"),
        )

    def close(self) -> None:
        """Disconnect the receivers, and close the trace and the databases."""
        sys.stdout = self._stdout
        receivers: Receivers | None = vars(self).get("receivers")
        if receivers is not None:
            receivers.close()
        self.close_own()
        for name in ("unchecked_database", "relaxed_database"):
            if name in vars(self):
                vars(self)[name].dispose()

    def close_own(self) -> None:
        """Close what no other command uses."""
        trace: Trace | None = vars(self).get("trace")
        if trace is not None:
            trace.disconnect()
        if self._trace_file is not None:
            # The trace has already reported that the file cannot be written.
            with suppress(OSError):
                self._trace_file.close()
        if self._target is not None:
            self._target.dispose()


def open_database(settings: "DatabaseSettings", *, durable: bool = True) -> "Database":
    """Return the database of *settings*."""
    import logging

    from lback_cli.database.engine import Database

    database = Database(settings, durable=durable)
    _require_file(database, settings.url)
    # They log a lost connection again when they close it. Our error has reported it already.
    for name in ("psycopg", "sqlalchemy.pool"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return database


def _require_file(database: "Database", text: str) -> None:
    """Raise `ConfigurationError` if *text*, a URL of SQLite, names no file, or has options that would be ignored."""
    url = database.url
    if url.get_backend_name() != "sqlite":
        return
    if database.in_memory or url.query.get("mode") == "memory" or ":memory:" in str(database.path):
        raise ConfigurationError(
            "database.url names a database in memory, which would be lost at the end of this command.",
            hint="Name a file: sqlite:////path/to/users.db. Is a variable in the URL empty?",
        )
    # SQLAlchemy drops a word without a value.
    ignored = sorted(url.query.keys() - _SQLITE_OPTIONS) if url.query else text.split("?")[1:]
    if ignored and "uri" not in url.query:
        raise ConfigurationError(
            f"database.url: {', '.join(ignored)} after the ? would be ignored.",
            hint="Write sqlite:///file:/path/to/users.db?mode=ro&uri=true. A ? in the name of a file is %3F.",
        )


_SQLITE_OPTIONS = {"timeout", "isolation_level", "detect_types", "check_same_thread", "cached_statements"}
"""The options of Python's sqlite3 module. SQLite's own, such as ``mode``, belong to a URI of SQLite."""


def _exposure(path: Path) -> Problem | None:
    """Return how other users can read or change the SQLite file at *path* whatever its mode, or because of it."""
    if is_writable_by_all(path):
        from lback_cli.text.shell_quoting import command_line

        hint = f"Run: {command_line(['chmod', 'o-rwx', str(path)])}"
        return Problem(f"Every user can write the database {path}.", hint)
    if is_made_by_another_user(path):
        what = f"The database {path}, or a directory on its path, belongs to another user, who can read or replace it."
    elif is_writable_by_all(path.parent):
        what = f"Every user can put files beside the database {path}, from which SQLite takes changes."
    else:
        return None
    return Problem(what, "Use a database in a directory of your own.")


def open_trace_file(path: Path) -> TextIO:
    """Open a trace file. Only its owner can read it, because it names users."""
    from lback_cli.own_file import open_own

    try:
        return os.fdopen(open_own(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "a", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"--trace-file: cannot write {path}: {error.strerror}.") from error
