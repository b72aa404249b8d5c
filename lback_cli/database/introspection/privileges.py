"""What the server lets this user do with lback's tables, found out by trying."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Executable, Table, delete, false, insert, null, select, text, update
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from lback_cli.database.error_codes import FORBIDDEN, READ_ONLY, error_code
from lback_cli.models.metadata import METADATA

_WRITTEN = {
    "users": ("INSERT", "UPDATE", "DELETE"),
    # To lock a row takes the right to change it.
    "groups": ("INSERT", "UPDATE", "DELETE"),
    "user_groups_association": ("INSERT", "DELETE"),
    "lback_tokens": ("INSERT", "UPDATE", "DELETE"),
    "lback_events": ("INSERT", "UPDATE"),
    "lback_event_head": ("UPDATE",),
    "lback_import_jobs": ("INSERT", "UPDATE"),
    "lback_sinks": ("INSERT", "UPDATE"),
    "lback_dead_letters": ("INSERT", "UPDATE", "DELETE"),
    "lback_mail_queue": ("INSERT", "UPDATE", "DELETE"),
}
"""What lback does with its tables beside reading them."""

_ERASED = ("subject", "data", "salt")
"""All that is ever changed of an event."""

_NO_MATTER = frozenset({"42P01", "42703", 1146, 1054, 1175})
"""A table or a column that is not there, and sql_safe_updates, which minds that no key is named."""

_SEQUENCE = text(
    "SELECT pg_get_serial_sequence(:table, field.attname) FROM pg_attribute AS field "
    "WHERE field.attrelid = to_regclass(:table) AND field.attnum > 0 AND NOT field.attisdropped "
    "AND field.attidentity = '' AND pg_get_serial_sequence(:table, field.attname) IS NOT NULL "
    "AND NOT has_sequence_privilege(pg_get_serial_sequence(:table, field.attname), 'USAGE, UPDATE')"
)


@dataclass(frozen=True, slots=True)
class DeniedPrivilege:
    """A *right* on a *table*, or on the sequence that numbers its rows, that the server did not grant.

    With *read_only* nobody may write in such a transaction, whatever was granted.
    """

    table: str
    right: str
    read_only: bool = False

    @property
    def serious(self) -> bool:
        """Whether more than erasing a person from the event log needs it; some withhold that from everybody."""
        return (self.table, self.right) != ("lback_events", "UPDATE") or self.read_only


def refusals(connection: Connection) -> list[DeniedPrivilege]:
    """Try everything on no row at all, each under a savepoint; roll the transaction back afterwards.

    What cannot be tried for want of a table or a column is passed over. Raises SQLAlchemy's error for all else.
    """
    return [*_refused_statements(connection), *_refused_sequences(connection)]


def _refused_statements(connection: Connection) -> Iterator[DeniedPrivilege]:
    for table in METADATA.sorted_tables:
        for right in ("SELECT", *_WRITTEN[table.name]):
            yield from _tried(connection, table.name, right, _statement(table, right))


def _tried(connection: Connection, table: str, right: str, statement: Executable) -> Iterator[DeniedPrivilege]:
    try:
        with connection.begin_nested():
            connection.execute(statement)
    except DBAPIError as error:
        code = error_code(error)
        if code in FORBIDDEN or code in READ_ONLY:
            yield DeniedPrivilege(table, right, read_only=code in READ_ONLY)
        elif code not in _NO_MATTER:
            raise


def _statement(table: Table, right: str) -> Executable:
    """One that needs that right on all columns that lback uses, and no other, and that finds no row."""
    if right == "SELECT":
        return select(*table.columns).where(false())
    if right == "DELETE":
        return delete(table).where(false())
    if right == "INSERT":
        names = [column.name for column in table.columns if column is not table.autoincrement_column]
        return insert(table).from_select(names, select(*(null() for _ in names)).where(false()))
    return update(table).where(false()).values({column.name: null() for column in _changed(table)})


def _changed(table: Table) -> list[Column[object]]:
    return [
        column
        for column in table.columns
        if not column.primary_key and (table.name != "lback_events" or column.name in _ERASED)
    ]


def _refused_sequences(connection: Connection) -> Iterator[DeniedPrivilege]:
    """Sequences are of PostgreSQL, and the statement that would show it would use up a number."""
    if connection.dialect.name != "postgresql":
        return
    for table in METADATA.sorted_tables:
        if "INSERT" not in _WRITTEN[table.name]:
            continue
        quoted = connection.dialect.identifier_preparer.quote_identifier(table.name)
        for sequence in connection.execute(_SEQUENCE, {"table": quoted}).scalars():
            yield DeniedPrivilege(str(sequence), "USAGE")


def grant_statement(engine: Engine, rights: str, names: Sequence[str], user: str) -> str:
    """The statements that grant *rights* on tables, or on sequences, to *user*."""
    quote = engine.dialect.identifier_preparer.quote
    if rights == "USAGE":
        return f"GRANT USAGE ON SEQUENCE {', '.join(names)} TO {user}"
    if engine.dialect.name == "postgresql":
        return f"GRANT {rights} ON {', '.join(map(quote, names))} TO {user}"
    database = quote(engine.url.database or "")
    return "; ".join(f"GRANT {rights} ON {database}.{quote(name)} TO {user}" for name in names)
