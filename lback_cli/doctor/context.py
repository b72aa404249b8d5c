"""The installation that the checks inspect."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from lback_cli.database.engine import Database
from lback_cli.database.introspection.privileges import DeniedPrivilege, find_denied_privileges
from lback_cli.database.introspection.server_info import ServerInfo, server_info
from lback_cli.database.schema import Schema, SchemaStatus
from lback_cli.doctor.result import NotChecked
from lback_cli.errors import ConfigurationError
from lback_cli.repositories.unit_of_work import UnitOfWork, reading
from lback_cli.settings import Settings
from lback_cli.settings.secret_file import read_secret
from lback_cli.text.times import utc_now


@dataclass
class CheckContext:
    """An installation, and what several checks need to know of it. Reading its attributes changes nothing.

    Args:
        settings: The configuration in effect.
        trace_file: The file that ``--trace-file`` names, if any.
        directory: Where ``.env`` is looked for: the current directory.
        clock: Returns the current time in UTC.
        wants_receivers: False if commands run with ``--no-receivers``.
    """

    settings: Settings
    trace_file: Path | None = None
    directory: Path = field(default_factory=Path)
    clock: Callable[[], datetime] = utc_now
    wants_receivers: bool = True

    @cached_property
    def unusable_sections(self) -> dict[str, ConfigurationError]:
        """The sections of the settings whose checks cannot run, each with the reason."""
        errors: dict[str, ConfigurationError] = {}
        try:
            Database(self.settings.database)
        except ConfigurationError as error:
            errors["database"] = error
        if self.settings.email.password_file is not None:
            try:
                read_secret(self.settings.email.password_file, "email.password_file")
            except ConfigurationError as error:
                errors["email"] = error
        return errors

    def require_section(self, section: str) -> None:
        """Raise `NotChecked` if *section* is unusable; the check of the configuration reports why."""
        if section in self.unusable_sections:
            raise NotChecked("the check of configuration failed")

    @cached_property
    def database(self) -> Database:
        """The database. Raises `NotChecked` if its settings are unusable."""
        self.require_section("database")
        return Database(self.settings.database)

    @cached_property
    def database_without_password(self) -> Database:
        """The database, enough to find its files. Raises `NotChecked` if its URL is unusable."""
        try:
            return Database(replace(self.settings.database, password_file=None))
        except ConfigurationError as error:
            raise NotChecked("the check of configuration failed") from error

    @cached_property
    def schema(self) -> SchemaStatus:
        """The state of the tables. Raises `DatabaseError`."""
        return Schema(self.database).status()

    @property
    def server(self) -> ServerInfo:
        """The facts about the database server. Raises `DatabaseError`."""
        return self._server[0]

    @property
    def server_read_at(self) -> datetime:
        """This machine's time when `server` was read. Raises `DatabaseError`."""
        return self._server[1]

    @cached_property
    def _server(self) -> tuple[ServerInfo, datetime]:
        with reading(self.database) as uow:
            return server_info(uow.session.connection()), self.clock()

    @cached_property
    def denied_privileges(self) -> list[DeniedPrivilege]:
        """The privileges on lback's tables that the server denies. Raises `DatabaseError`."""
        if self.database.url.get_backend_name() == "sqlite":
            return []
        with self.database.session() as session:
            application = self.settings.compat.lback_framework
            denied = find_denied_privileges(session.connection(), application=application)
            session.rollback()
        return denied

    def require_readable(self, *tables: str) -> None:
        """Raise `NotChecked` if the server does not let lback read one of *tables*."""
        for denied in self.denied_privileges:
            if denied.privilege == "SELECT" and denied.table in tables:
                raise NotChecked(f"lback may not read {denied.table}")

    @property
    def will_be_created(self) -> bool:
        """Whether the database does not exist yet and the first command will create it."""
        return self.database.embedded and self.schema.state == "missing"

    def reading(self) -> contextlib.AbstractContextManager[UnitOfWork]:
        """Open a read-only unit of work. Raises `NotChecked` if the tables are missing or of another version."""
        self.require_tables()
        return reading(self.database)

    def require_tables(self) -> None:
        """Raise `NotChecked` if the tables are missing or of another version."""
        if self.schema.state != "current":
            raise NotChecked(
                "there is no database yet" if self.will_be_created else "there are no tables of this version yet"
            )
