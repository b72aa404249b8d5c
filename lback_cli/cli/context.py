"""What a command works with, each part made when it is first asked for: the one door to everything heavy."""

import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, get_args

from lback_cli.cli.output.writer import Format, Output
from lback_cli.errors import ConfigurationError
from lback_cli.text.shell_quoting import command_line

if TYPE_CHECKING:
    from lback_cli.database.engine import Database
    from lback_cli.database.schema import Schema
    from lback_cli.database_copy.copy import DatabaseCopy
    from lback_cli.imports.canary import Canary
    from lback_cli.imports.exports import Exporter
    from lback_cli.imports.importer import Importer
    from lback_cli.imports.observer import ImportObserver
    from lback_cli.managers.dependencies import Dependencies
    from lback_cli.managers.directory import UserDirectory
    from lback_cli.managers.event_log import EventLog
    from lback_cli.managers.group_manager import GroupManager
    from lback_cli.managers.mail_queue import MailQueue
    from lback_cli.managers.provisioning import Provisioning
    from lback_cli.managers.user_manager import UserManager
    from lback_cli.receivers.loader import Receivers
    from lback_cli.relay.admin import SinkAdmin
    from lback_cli.relay.mail import MailDelivery
    from lback_cli.relay.observer import RelayObserver as RelayWatcher
    from lback_cli.relay.relay import Relay
    from lback_cli.security.passwords import PasswordHasher
    from lback_cli.settings import DatabaseSettings, Settings
    from lback_cli.tracing.trace import Trace

STARTED_AT = time.monotonic()

JSON_FORMS = ("json", "jsonl")
"""The forms of output with which errors are JSON too."""


class CliContext:
    """The parts of one run of `lback`. *options* holds the global options that were given, by parameter name."""

    def __init__(self) -> None:
        self.options: dict[str, Any] = {}
        self._trace_file: TextIO | None = None
        self._target: Database | None = None

    @cached_property
    def settings(self) -> "Settings":
        """The configuration. Raises `ConfigurationError`."""
        from lback_cli.settings import load_settings

        overrides = {"database.url": self.options.get("database_url"), "output.format": self.options.get("output")}
        given = {name: value for name, value in overrides.items() if value is not None}
        return load_settings(self.options.get("config"), given)

    @cached_property
    def output(self) -> Output:
        """Where results and messages go."""
        return Output(self.settings.output.format, quiet=self.options.get("quiet", False))

    @property
    def any_output(self) -> Output:
        """Where results go, even if the configuration cannot be read."""
        try:
            return self.output
        except ConfigurationError:
            named = self.options.get("output") or os.environ.get("LBACK_OUTPUT")
            form: Format = next((form for form in get_args(Format) if form == named), "table")
            return Output(form, quiet=self.options.get("quiet", False))

    @cached_property
    def unchecked_database(self) -> "Database":
        """The database, whatever state its tables are in."""
        return _database(self.settings.database)

    @cached_property
    def relaxed_database(self) -> "Database":
        """The database for what may be forgotten when the power fails, as it would only be done again."""
        return _database(self.settings.database, durable=False)

    @cached_property
    def database(self) -> "Database":
        """The database, with the tables that this lback needs. Raises `SchemaError`."""
        self.schema.ensure()
        return self.unchecked_database

    @property
    def environment(self) -> tuple[str, ...]:
        """The global options with which another command works on the same database as the same person, no password.

        Receivers that were not wanted are not wanted there either.
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

        return Schema(self.unchecked_database)

    @cached_property
    def services(self) -> "Dependencies":
        """Passwords, names and mail."""
        from lback_cli.managers.dependencies import Dependencies

        hasher = self.__dict__.get("hasher")
        return Dependencies(self.settings, data_directory=self.unchecked_database.directory, hasher=hasher)

    @property
    def mailed(self) -> str:
        """What became of the mail of an operation."""
        return "Queued" if self.services.queues_mail else "Mailed"

    @cached_property
    def hasher(self) -> "PasswordHasher":
        """Hashes passwords; it needs no database, so it can begin before that is loaded."""
        from lback_cli.security.passwords import PasswordHasher

        return PasswordHasher(self.settings.password, framework=self.settings.compat.lback_framework)

    @cached_property
    def directory(self) -> "UserDirectory":
        """Finds users."""
        from lback_cli.managers.directory import UserDirectory

        return UserDirectory(self.database, self.services)

    @cached_property
    def users(self) -> "UserManager":
        """Changes users, in the hearing of all receivers, and traced if that was asked for."""
        from lback_cli.events.actor import set_actor
        from lback_cli.managers.user_manager import UserManager

        self.receivers.load_plugin()
        if self.trace is not None:
            self.trace.connect()
        set_actor(self.options.get("actor") or self.settings.actor)
        return UserManager(self.database, self.services)

    @cached_property
    def provisioning(self) -> "Provisioning":
        """Registers users, or finds that they are there."""
        from lback_cli.managers.provisioning import Provisioning

        return Provisioning(self.users, self.directory)

    @cached_property
    def groups(self) -> "GroupManager":
        """Makes and deletes groups."""
        from lback_cli.managers.group_manager import GroupManager

        return GroupManager(self.database, self.services)

    def importer(self, watcher: "ImportObserver", canary: "Canary | None" = None) -> "Importer":
        """Imports users, tells *watcher* how it goes, and tries the password of a *canary* first."""
        from lback_cli.imports.importer import Importer

        return Importer(self.database, self.services, self.users, watcher, canary=canary)

    @cached_property
    def exporter(self) -> "Exporter":
        """Exports users."""
        from lback_cli.imports.exports import Exporter

        return Exporter(self.directory)

    @cached_property
    def events(self) -> "EventLog":
        """The event log."""
        from lback_cli.managers.event_log import EventLog

        return EventLog(self.database, self.services)

    def copy_to(self, url: str, password_file: Path | None) -> "DatabaseCopy":
        """A copy of the database to the one at *url*. Raises `ConfigurationError`."""
        from lback_cli.cli.db.copy_progress import CopyProgress
        from lback_cli.database.url import without_password
        from lback_cli.database_copy.copy import DatabaseCopy
        from lback_cli.database_copy.target import renaming_settings_to_options
        from lback_cli.settings import DatabaseSettings

        if not url:
            raise ConfigurationError("--to is empty.", hint="It names a database, as database.url does.")
        busy_timeout = self.settings.database.busy_timeout
        with renaming_settings_to_options():
            self._target = _database(DatabaseSettings(url=url, password_file=password_file, busy_timeout=busy_timeout))
        shown = self._target.url if password_file is None else self._target.url._replace(password=None)
        words = ["lback", *self.environment, "db", "copy", "--to", without_password(shown)]
        if password_file is not None:
            words += ["--to-password-file", str(password_file.absolute())]
        return DatabaseCopy(self.database, self._target, watcher=CopyProgress(self, command_line(words)))

    @cached_property
    def receivers(self) -> "Receivers":
        """Plugins and hooks, still to be connected; none with ``--no-receivers``."""
        from lback_cli.receivers.loader import Receivers

        return Receivers(self.settings, wanted=not self.options.get("no_receivers"))

    @cached_property
    def ledger(self) -> "SinkAdmin":
        """The sinks of the relay and their dead letters."""
        from lback_cli.relay.admin import SinkAdmin

        return SinkAdmin(self.database, self.settings.relay, self.services.now)

    def relay(self, names: Sequence[str], watcher: "RelayWatcher") -> "Relay":
        """Sends events to the sinks called *names*, or to all. Raises `SinkNotFound` or `ConfigurationError`."""
        from lback_cli.relay.relay import Relay, chosen

        sinks = chosen(self.settings.relay, names)
        self.schema.ensure()
        return Relay(self.relaxed_database, sinks, watcher, self.services.now)

    def post(self, watcher: "RelayWatcher") -> "MailDelivery":
        """Sends queued mail."""
        from lback_cli.relay.mail import MailDelivery

        return MailDelivery(self.database, self.services, watcher)

    @cached_property
    def mail_queue(self) -> "MailQueue":
        """The mail that is not sent yet."""
        from lback_cli.managers.mail_queue import MailQueue

        return MailQueue(self.database, self.services.now)

    @cached_property
    def trace(self) -> "Trace | None":
        """The signal logger, if any option asks for it."""
        path, form = self.options.get("trace_file"), self.options.get("trace_format")
        if not (self.options.get("trace_signals") or path or form):
            return None
        from lback_cli.tracing.trace import Trace

        if path is not None:
            self._trace_file = _append_to(path)
        return Trace(self._trace_file or sys.stderr, format=form or "rich", started_at=STARTED_AT)

    @property
    def traces_to_stderr(self) -> bool:
        """Whether the trace takes up the terminal."""
        return self.trace is not None and self._trace_file is None

    @property
    def wants_json(self) -> bool:
        """Whether errors are to be JSON; known even where the configuration cannot be read."""
        form = self.options.get("output")
        if form is None and "settings" in self.__dict__:
            form = self.settings.output.format
        return (form or os.environ.get("LBACK_OUTPUT")) in JSON_FORMS

    def close(self) -> None:
        """Let go of the receivers, the trace and the database."""
        receivers: Receivers | None = self.__dict__.get("receivers")
        if receivers is not None:
            receivers.close()
        trace: Trace | None = self.__dict__.get("trace")
        if trace is not None:
            trace.disconnect()
        if self._trace_file is not None:
            # What could not be written then cannot be written now; the trace has said so.
            with suppress(OSError):
                self._trace_file.close()
        for name in ("unchecked_database", "relaxed_database"):
            if name in self.__dict__:
                self.__dict__[name].dispose()
        if self._target is not None:
            self._target.dispose()


def _database(settings: "DatabaseSettings", *, durable: bool = True) -> "Database":
    import logging

    from lback_cli.database.engine import Database

    # They log a lost connection once more while it is closed; what is to be said of it is in the error.
    for name in ("psycopg", "sqlalchemy.pool"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return Database(settings, durable=durable)


def _append_to(path: Path) -> TextIO:
    """Open a trace file, which only its owner can read, as it says who has an account."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"--trace-file: cannot write {path}: {error.strerror}.") from error
