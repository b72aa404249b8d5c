"""What the checks look at."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from lback_cli.database.engine import Database
from lback_cli.database.facts import Facts, gather
from lback_cli.database.schema import Schema, SchemaStatus
from lback_cli.repositories.work import Work, reading
from lback_cli.settings import Settings
from lback_cli.times import utc_now


@dataclass
class Patient:
    """An installation: its *settings*, and the trace file that was named, if any. Nothing of it is changed.

    *directory* is the current one, where ``.env`` is looked for; *clock* tells the time, in UTC.
    """

    settings: Settings
    trace_file: Path | None = None
    directory: Path = field(default_factory=Path)
    clock: Callable[[], datetime] = utc_now

    @cached_property
    def database(self) -> Database:
        """The database. Raises `ConfigurationError`."""
        return Database(self.settings.database)

    @cached_property
    def schema(self) -> SchemaStatus:
        """Which version the tables have. Raises `DatabaseError`."""
        return Schema(self.database).status()

    @cached_property
    def facts(self) -> Facts:
        """What the database tells of itself. Raises `DatabaseError`."""
        with reading(self.database) as work:
            return gather(work.session.connection())

    def reading(self) -> contextlib.AbstractContextManager[Work]:
        """Look into the tables."""
        return reading(self.database)
