"""What a command works with. Each part is made on its first use, so that a command loads only what it needs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from lback_cli.cli.environment import CommandEnvironment, open_database
from lback_cli.errors import ConfigurationError, DatabaseError, SchemaError
from lback_cli.text.shell_quoting import command_line

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from lback_cli.apply.declarations import Declarations
    from lback_cli.cli.output.format import Outcome
    from lback_cli.database.engine import Database
    from lback_cli.database_copy.copy import DatabaseCopy
    from lback_cli.database_copy.observer import CopyObserver
    from lback_cli.errors import LbackError
    from lback_cli.imports.canary import Canary
    from lback_cli.imports.exports import Exporter
    from lback_cli.imports.importer import Importer
    from lback_cli.imports.observer import ImportObserver
    from lback_cli.managers.directory import Directory
    from lback_cli.managers.event_log import EventLog
    from lback_cli.managers.group_manager import GroupManager
    from lback_cli.managers.kept_users import KeptUsers
    from lback_cli.managers.mail_queue import MailQueue
    from lback_cli.managers.past import Past
    from lback_cli.managers.user_manager import UserManager
    from lback_cli.managers.user_sets import UserSets
    from lback_cli.relay.admin import SinkAdmin
    from lback_cli.relay.mail import MailDelivery
    from lback_cli.relay.observer import RelayObserver
    from lback_cli.relay.relay import Relay
    from lback_cli.repositories.user_reader import UserRecord
    from lback_cli.undo.undo import Undo

R = TypeVar("R")
D = TypeVar("D")


class CliContext(CommandEnvironment):
    """What the commands of `lback` do their work with, and how they show results."""

    def __init__(self) -> None:
        super().__init__()
        self._planned: Session | None = None
        self._is_connected = False

    @cached_property
    def directory(self) -> "Directory":
        """Finds and lists users and groups."""
        from lback_cli.managers.directory import Directory

        return Directory(self.database, self.dependencies)

    def existing_groups(self) -> frozenset[str]:
        """Return the names of all groups; none if there is no database yet. Nothing is created or upgraded."""
        try:
            if self.schema.status().state != "current":
                return frozenset()
        except DatabaseError:
            return frozenset()
        return frozenset(group.name for group, _ in self.directory.list_groups())

    def past(self, moment: str) -> "Past":
        """Return the users and groups as they were at *moment*.

        Raises:
            UsageError: *moment* is not a moment.
        """
        from lback_cli.events.moment import Moment
        from lback_cli.managers.past import Past

        return Past(self.database, self.dependencies, Moment.parse(moment, self.dependencies.now()))

    @cached_property
    def users(self) -> "UserManager":
        """Changes users, with all receivers connected, and traced if an option asks for it.

        If the database cannot be reached, each operation sends its signals and fails with the reason.
        """
        return self.users_of(self.database_of_operations)

    def users_of(self, database: "Database") -> "UserManager":
        """Return a manager of the users in *database*, with all receivers connected and traced."""
        from lback_cli.managers.user_manager import UserManager

        if not self._is_connected:
            self.receivers.connect()
            if self.trace is not None:
                self.trace.connect()
            self._is_connected = True
        return UserManager(database, self.dependencies)

    @cached_property
    def database_of_operations(self) -> "Database":
        """The database; if it cannot be reached, one that fails at every use.

        Raises:
            SchemaError: The tables are missing, or of another version.
        """
        try:
            return self.database
        except SchemaError:
            raise
        except DatabaseError as error:
            return self._unreachable(error)

    def before_operation(self, read: Callable[[], R], otherwise: D) -> R | D:
        """Return what *read* finds in the database, or *otherwise* if the database cannot be reached.

        The operation that follows then sends its signals, and fails with the reason.
        """
        try:
            return read()
        except SchemaError:
            raise
        except DatabaseError as error:
            vars(self)["database_of_operations"] = self._unreachable(error)
            return otherwise

    def resolve_id(self, identifier: str) -> int:
        """Return the id of the user whom *identifier* identifies. For ``id:N``, it need not be read.

        Raises:
            UserNotFound: No user has that name or e-mail address.
        """
        from lback_cli.managers.user_lookup import parse_id

        user_id = parse_id(identifier)
        if user_id is None:
            return self.directory.resolve_id(identifier)
        return self.before_operation(lambda: self.directory.resolve_id(identifier), user_id)

    def find_id(self, identifier: str) -> int | None:
        """Return the same, or None if there is no such user."""
        from lback_cli.managers.user_lookup import parse_id

        user_id = parse_id(identifier)
        if user_id is None:
            return self.directory.find_id(identifier)
        return self.before_operation(lambda: self.directory.find_id(identifier), user_id)

    def resolve_email(self, identifier: str) -> str:
        """Return the e-mail address of the user whom *identifier* identifies. An address itself need not be read.

        Raises:
            UserNotFound: No user has that name.
        """
        from lback_cli.managers.user_lookup import parse_id

        if "@" in identifier:
            return identifier
        if parse_id(identifier) is None:
            return self.directory.resolve_email(identifier)
        return self.before_operation(lambda: self.directory.resolve_email(identifier), identifier)

    def may_exist(self, identifier: str) -> bool:
        """Return whether *identifier* identifies a user, or may do so in a database that cannot be reached."""
        if "@" in identifier:
            return self.before_operation(lambda: self.directory.exists(identifier), True)
        return self.find_id(identifier) is not None

    def _unreachable(self, error: DatabaseError) -> "Database":
        from lback_cli.database.unreachable import UnreachableDatabase

        return UnreachableDatabase(self.settings.database, error)

    @contextmanager
    def planned(self, wanted: bool) -> Iterator[None]:
        """Run the operations of the block and roll them back if a plan is *wanted*, and show what they would do."""
        if not wanted:
            yield
            return
        from lback_cli.cli.sets.plan import show_planned
        from lback_cli.managers.rehearsal import Rehearsal

        quiet, self.output.quiet = self.output.quiet, True  # the messages say what was done
        self.output.planned = True
        with Rehearsal(self.database, self.dependencies) as rehearsal:
            self._planned = rehearsal.session
            vars(self).update(users=rehearsal.users, groups=rehearsal.groups)
            vars(self).pop("user_sets", None)  # it may have been made with the other manager
            try:
                yield
            except typer.Exit:
                self.output.quiet = quiet
                show_planned(self.output, rehearsal)
                raise
            self.output.quiet = quiet
            show_planned(self.output, rehearsal)

    def find_damage(self) -> "LbackError | None":
        """Return what is damaged in the database, or None. Everything in it is read."""
        from lback_cli.database.damaged_cells import find_damaged_cell
        from lback_cli.errors import BrokenEventLog

        if damage := find_damaged_cell(self.unchecked_database):
            return DatabaseError(damage, hint="Restore a backup, or correct the value. --debug shows more.")
        try:
            self.events.verify()
        except BrokenEventLog as broken:
            return broken
        return None

    def show_user(self, user: "UserRecord | int", *, outcome: "Outcome | None" = None, **extra: Any) -> None:
        """Write a user as the result of the command that changed or checked the user.

        Args:
            user: The user, or the id.
            outcome: What the command did to the user. A message says it to people.
            extra: More fields, which nothing else says.
        """
        record = self.directory.find_user(f"id:{user}", session=self._planned) if isinstance(user, int) else user
        self.show_outcome(self.user_view(record, **extra), outcome, essential=tuple(extra))

    def show_outcome(
        self, record: Mapping[str, Any], outcome: "Outcome | None", *, essential: Sequence[str] = ()
    ) -> None:
        """Write *record* as the result of the command, with what the command did; *essential* is as for `Output`."""
        shown = outcome is not None and not self.output.format.for_people
        self.output.report({**record, "outcome": outcome} if shown else record, essential=essential, is_said=True)

    def show_deletion(self, record: Mapping[str, Any]) -> None:
        """Write what was deleted, or skipped, as the result of the command. For people a message says it all."""
        if not self.output.format.for_people:
            self.show_outcome(record, "deleted" if record["deleted"] else "skipped")

    def user_view(self, user: "UserRecord", **extra: Any) -> dict[str, Any]:
        """Return the fields of a user, and *extra* fields."""
        from lback_cli.cli.output.serializers import user_view

        return user_view(user, self.attributes, self.dependencies.now(), **extra)

    @cached_property
    def kept_users(self) -> "KeptUsers":
        """The deleted users whose records are kept."""
        from lback_cli.managers.kept_users import KeptUsers

        return KeptUsers(self.database, self.dependencies)

    @cached_property
    def groups(self) -> "GroupManager":
        """Creates, renames and deletes groups."""
        from lback_cli.managers.group_manager import GroupManager

        return GroupManager(self.database, self.dependencies)

    @cached_property
    def declarations(self) -> "Declarations":
        """Makes users and groups as files describe them."""
        from lback_cli.apply.declarations import Declarations

        return Declarations(self.database, self.dependencies, lambda: (self.users, self.groups))

    @cached_property
    def user_sets(self) -> "UserSets":
        """Selects several users and changes each of them."""
        from lback_cli.managers.user_sets import UserSets

        return UserSets(self.database, self.dependencies, self.users, self._planned)

    def importer(self, observer: "ImportObserver", canary: "Canary | None" = None) -> "Importer":
        """Return an importer that reports its progress to *observer* and checks the *canary* first."""
        from lback_cli.imports.importer import Importer

        return Importer(self.database, self.dependencies, self.users, observer, canary=canary)

    @cached_property
    def exporter(self) -> "Exporter":
        """Exports users."""
        from lback_cli.imports.exports import Exporter

        return Exporter(self.database, self.dependencies, self.warn)

    @cached_property
    def events(self) -> "EventLog":
        """The event log."""
        from lback_cli.managers.event_log import EventLog

        return EventLog(self.database, self.dependencies)

    def warn_of_lost_log(self) -> None:
        """Warn if the event log is not the one that this machine remembers. Otherwise remember how far it has come."""
        lost = self.events.check_memory()
        if lost is not None:
            self.output.warning(f"Event {lost.seq}: {lost.message}", hint=lost.hint)

    @cached_property
    def undo(self) -> "Undo":
        """Undoes events."""
        from lback_cli.undo.undo import Undo

        return Undo(self.database, self.dependencies, self.users, self.groups)

    def copy_to(self, url: str, password_file: Path | None, observe: Callable[[str], "CopyObserver"]) -> "DatabaseCopy":
        """Return a copy of the database to the one at *url*.

        Args:
            url: The target, in the form of ``database.url``.
            password_file: The file with the target's password, if any.
            observe: Makes the observer of the copy, given the command that continues it.

        Raises:
            ConfigurationError: The URL or the file cannot be used.
        """
        from lback_cli.database.url import without_password
        from lback_cli.database_copy.copy import DatabaseCopy
        from lback_cli.database_copy.target import renaming_settings_to_options
        from lback_cli.settings import DatabaseSettings

        if not url:
            raise ConfigurationError("--to is empty.", hint="It names a database, as database.url does.")
        busy_timeout = self.settings.database.busy_timeout
        with renaming_settings_to_options():
            target = DatabaseSettings(url=url, password_file=password_file, busy_timeout=busy_timeout)
            self._target = open_database(target)
        shown = self._target.url if password_file is None else self._target.url._replace(password=None)
        words = ["lback", *self.options_to_repeat, "db", "copy", "--to", without_password(shown)]
        if password_file is not None:
            words += ["--to-password-file", str(password_file.absolute())]
        return DatabaseCopy(self.database, self._target, observer=observe(command_line(words)))

    @cached_property
    def sink_admin(self) -> "SinkAdmin":
        """The state of the sinks, and their dead letters."""
        from lback_cli.relay.admin import SinkAdmin

        return SinkAdmin(self.database, self.settings.relay, self.dependencies.now)

    def relay(self, names: Sequence[str], observer: "RelayObserver") -> "Relay":
        """Return a relay to the sinks called *names*, or to all of them if there are no names.

        Raises:
            SinkNotFound: No sink has one of the names.
            ConfigurationError: A sink cannot be configured as it is.
        """
        from lback_cli.relay.relay import Relay, select_sinks

        sinks = select_sinks(self.settings.relay, names)
        self.schema.ensure()
        return Relay(self.relaxed_database, sinks, observer, self.dependencies.now)

    def mail_delivery(self, observer: "RelayObserver") -> "MailDelivery":
        """Return the delivery of queued mail, which reports its progress to *observer*."""
        from lback_cli.relay.mail import MailDelivery

        return MailDelivery(self.database, self.dependencies, observer)

    @cached_property
    def mail_queue(self) -> "MailQueue":
        """The queued mail."""
        from lback_cli.managers.mail_queue import MailQueue

        return MailQueue(self.database, self.dependencies.now)


def cli_context(ctx: typer.Context) -> CliContext:
    """Return what the command works with."""
    context: CliContext = ctx.obj
    return context
