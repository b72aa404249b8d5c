"""What the checks look at."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from lback_cli.database.engine import Database
from lback_cli.database.introspection.privileges import DeniedPrivilege, refusals
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
    """An installation: its *settings*, and the trace file that was named, if any. Nothing of it is changed.

    *directory* is the current one, where ``.env`` is looked for; *clock* tells the time, in UTC. Whoever commands
    without receivers does not want them.
    """

    settings: Settings
    trace_file: Path | None = None
    directory: Path = field(default_factory=Path)
    clock: Callable[[], datetime] = utc_now
    wants_receivers: bool = True

    @cached_property
    def unusable(self) -> dict[str, ConfigurationError]:
        """The sections of the settings that name something without which their check cannot be made, and why."""
        found: dict[str, ConfigurationError] = {}
        try:
            Database(self.settings.database)
        except ConfigurationError as error:
            found["database"] = error
        if self.settings.email.password_file is not None:
            try:
                read_secret(self.settings.email.password_file, "email.password_file")
            except ConfigurationError as error:
                found["email"] = error
        return found

    def require(self, section: str) -> None:
        """Raise `NotChecked` where *section* cannot be used, which the check of the configuration tells."""
        if section in self.unusable:
            raise NotChecked("the check of configuration failed")

    @cached_property
    def database(self) -> Database:
        """The database. Raises `NotChecked` where its settings cannot be used."""
        self.require("database")
        return Database(self.settings.database)

    @cached_property
    def place(self) -> Database:
        """The database as far as it is to be found, which takes no password. Raises `NotChecked`."""
        try:
            return Database(replace(self.settings.database, password_file=None))
        except ConfigurationError as error:
            raise NotChecked("the check of configuration failed") from error

    @cached_property
    def schema(self) -> SchemaStatus:
        """Which version the tables have. Raises `DatabaseError`."""
        return Schema(self.database).status()

    @cached_property
    def facts(self) -> ServerInfo:
        """What the database tells of itself. Raises `DatabaseError`."""
        with reading(self.database) as work:
            return server_info(work.session.connection())

    @cached_property
    def refusals(self) -> list[DeniedPrivilege]:
        """The rights on lback's tables that the server does not grant. Raises `DatabaseError`."""
        if self.database.url.get_backend_name() == "sqlite":
            return []
        with self.database.session() as session:
            refused = refusals(session.connection())
            session.rollback()
        return refused

    def require_readable(self, *tables: str) -> None:
        """Raise `NotChecked` where lback may not read one of *tables*."""
        for refusal in self.refusals:
            if refusal.right == "SELECT" and refusal.table in tables:
                raise NotChecked(f"lback may not read {refusal.table}")

    @property
    def is_yet_to_be_made(self) -> bool:
        """Whether the first use makes the database."""
        return self.database.embedded and self.schema.state == "missing"

    def reading(self) -> contextlib.AbstractContextManager[UnitOfWork]:
        """Look into the tables. Raises `NotChecked` where the first use is to make, or upgrade, them."""
        self.require_tables()
        return reading(self.database)

    def require_tables(self) -> None:
        """Raise `NotChecked` where the first use is to make, or upgrade, the tables."""
        if self.schema.state != "current":
            there = "is no database yet" if self.is_yet_to_be_made else "are no tables of this version yet"
            raise NotChecked(f"there {there}")
