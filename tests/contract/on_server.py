"""Installations on a server, whose tables are emptied and filled for each scenario."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, insert, text

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema

from .environment import _TABLES, LIBRARY_COST, Installation, Rows, Template, fill, settings_of
from .scenario import Trap

FILLED = ("users", "groups", "user_groups_association", "lback_tokens")
"""The tables with initial rows, in an order that foreign keys allow."""

COUNTED = ("users", "groups", "lback_tokens")
"""The tables whose ids the database generates."""


@dataclass(frozen=True)
class ServerTemplate(Template):
    """Reflected tables on a server, and their initial *rows*."""

    url: str
    tables: MetaData
    rows: Mapping[str, list[dict[str, Any]]]


def empty(database: Database) -> None:
    """Delete all rows, reset the ids and the event log, and forget how far the log had come."""
    shutil.rmtree(os.environ["XDG_STATE_HOME"], ignore_errors=True)
    postgresql = database.url.get_backend_name() == "postgresql"
    with database.engine.begin() as connection:
        for name in ("lback_events", "lback_accounts", *reversed(FILLED)):
            connection.execute(text(f"DELETE FROM {name}"))
        connection.execute(text(f"UPDATE lback_event_head SET seq = 0, hash = '{'0' * 64}'"))
        for name in COUNTED:
            restart = (
                f"ALTER SEQUENCE {name}_id_seq RESTART" if postgresql else f"ALTER TABLE {name} AUTO_INCREMENT = 1"
            )
            connection.execute(text(restart))


def build_server_template(url: str) -> ServerTemplate:
    """Create the tables at *url*, and read the initial rows."""
    values = {"database.url": url, **LIBRARY_COST}
    settings = settings_of(values)
    database = Database(settings.database)
    Schema(database).initialize()
    now = fill(database, settings)
    tables = MetaData()
    tables.reflect(database.engine, only=FILLED)
    with database.engine.connect() as connection:
        rows = {
            name: [dict(row) for row in connection.execute(text(f"SELECT * FROM {name}")).mappings()] for name in FILLED
        }
    database.dispose()
    return ServerTemplate(Path(), now, LIBRARY_COST, url, tables, rows)


class ServerInstallation(Installation):
    """The tables of the template with their initial rows, for one scenario."""

    _template: ServerTemplate

    def __init__(
        self, directory: Path, template: ServerTemplate, values: Mapping[str, Any], statements: Sequence[str | Trap]
    ) -> None:
        self._database = Database(settings_of({"database.url": template.url}).database)
        self.backend = self._database.url.get_backend_name()
        super().__init__(directory, template, {"database.url": template.url, **values}, statements)

    def _prepare(self) -> None:
        self.clear()
        empty(self._database)
        with self._database.engine.begin() as connection:
            for name, rows in self._template.rows.items():
                connection.execute(insert(self._template.tables.tables[name]), rows)
            if self.backend == "postgresql":
                for name in COUNTED:
                    connection.execute(text(f"SELECT setval('{name}_id_seq', (SELECT max(id) FROM {name}))"))

    def clear(self) -> None:
        """Drop the triggers of `Trap`."""
        if self.backend == "postgresql":
            self.write("DROP FUNCTION IF EXISTS trap() CASCADE")
            self.write("DROP TABLE IF EXISTS audit")
        else:
            self.write("DROP TRIGGER IF EXISTS trap")

    def close(self) -> None:
        self.clear()
        self._database.dispose()

    def write(self, statement: str) -> None:
        with self._database.engine.begin() as connection:
            connection.exec_driver_sql(statement)

    def changes(self, before: Rows, *, since: datetime, until: datetime) -> Rows:
        """Return the changes with token ids as in a SQLite file, which reuses the ids of the last deleted tokens."""
        changes = super().changes(before, since=since, until=until)
        kept = [number for key, number in _token_ids(self.rows()).items() if key in before]
        for key, row in changes.items():
            if key.startswith("+lback_tokens "):
                assert row["id"] > max(_token_ids(before).values(), default=0)
                row["id"] = max(kept, default=0) + 1
        return changes

    def rows(self) -> Rows:
        with self._database.engine.connect() as connection:
            return {
                " ".join([table, *(str(row[name]) for name in key)]): {
                    column: as_in_a_file(value) for column, value in row.items()
                }
                for table, key in _TABLES.items()
                for row in connection.execute(text(f"SELECT * FROM {table}")).mappings()
            }


def _token_ids(rows: Rows) -> dict[str, int]:
    return {key: row["id"] for key, row in rows.items() if key.startswith("lback_tokens ")}


def as_in_a_file(value: Any) -> Any:
    """Return *value* as SQLite stores it: it has no type for booleans and times."""
    if isinstance(value, bool):
        return int(value)
    return value.isoformat(" ") if isinstance(value, datetime) else value
