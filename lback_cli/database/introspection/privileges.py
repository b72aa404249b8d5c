"""Which privileges on lback's tables the server denies, found by trying each kind of statement."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    Column,
    Executable,
    Table,
    TableClause,
    delete,
    false,
    insert,
    null,
    select,
    text,
    update,
)
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from lback_cli.database.error_codes import FORBIDDEN, READ_ONLY, error_code
from lback_cli.models.tables import APPLICATION_TABLES, METADATA

_WRITTEN = {
    "users": ("INSERT", "UPDATE", "DELETE"),
    # Locking a row needs UPDATE.
    "groups": ("INSERT", "UPDATE", "DELETE"),
    "user_groups_association": ("INSERT", "DELETE"),
    "lback_user_attributes": ("INSERT", "DELETE"),
    "lback_deleted_users": ("INSERT", "DELETE"),
    "lback_accounts": ("INSERT", "UPDATE", "DELETE"),
    "lback_owned": ("INSERT", "DELETE"),
    "lback_secrets": (),
    "lback_tokens": ("INSERT", "UPDATE", "DELETE"),
    "lback_events": ("INSERT", "UPDATE"),
    "lback_event_head": ("UPDATE",),
    "lback_import_jobs": ("INSERT", "UPDATE"),
    "lback_sinks": ("INSERT", "UPDATE", "DELETE"),
    "lback_dead_letters": ("INSERT", "UPDATE", "DELETE"),
    "lback_mail_queue": ("INSERT", "UPDATE", "DELETE"),
    "sessions": ("DELETE",),
    "admin_users": (),
}
"""The statements that lback's commands run on each table, apart from SELECT."""

_ERASABLE = ("subject", "data", "salt")
"""The only columns of an event that lback updates, to erase a person."""

_IGNORED = frozenset({"42P01", "42703", 1146, 1054, 1175})
"""Codes of a missing table or column, and of sql_safe_updates, which refuses an UPDATE without a key."""

_SEQUENCE = text(
    "SELECT pg_get_serial_sequence(:table, field.attname) FROM pg_attribute AS field "
    "WHERE field.attrelid = to_regclass(:table) AND field.attnum > 0 AND NOT field.attisdropped "
    "AND field.attidentity = '' AND pg_get_serial_sequence(:table, field.attname) IS NOT NULL "
    "AND NOT has_sequence_privilege(pg_get_serial_sequence(:table, field.attname), 'USAGE, UPDATE')"
)


@dataclass(frozen=True, slots=True)
class DeniedPrivilege:
    """A *privilege* that the server denied, on a *table* or on the sequence that numbers its rows.

    *read_only* is true if the transaction cannot write at all, whatever was granted.
    """

    table: str
    privilege: str
    read_only: bool = False

    @property
    def is_required(self) -> bool:
        """False if only the erasure of a person needs the privilege; some administrators withhold it from everyone."""
        return (self.table, self.privilege) != ("lback_events", "UPDATE") or self.read_only


def find_denied_privileges(connection: Connection, *, application: bool = False) -> list[DeniedPrivilege]:
    """Try each kind of statement on each table under a savepoint, with a condition that matches no row.

    The caller rolls the transaction back. Statements about a missing table or column are skipped. With *application*,
    the tables of an application of the lback framework whose sessions lback ends are tried too.

    Raises:
        DBAPIError: The server refused a statement for another reason than a privilege.
    """
    tables = [*METADATA.sorted_tables, *(APPLICATION_TABLES if application else ())]
    return [*_denied_statements(connection, tables), *_denied_sequences(connection)]


def _denied_statements(connection: Connection, tables: Sequence[TableClause]) -> Iterator[DeniedPrivilege]:
    for table in tables:
        for privilege in ("SELECT", *_WRITTEN[table.name]):
            yield from _try(connection, table.name, privilege, _statement(table, privilege))


def _try(connection: Connection, table: str, privilege: str, statement: Executable) -> Iterator[DeniedPrivilege]:
    try:
        with connection.begin_nested():
            connection.execute(statement)
    except DBAPIError as error:
        code = error_code(error)
        if code in FORBIDDEN or code in READ_ONLY:
            yield DeniedPrivilege(table, privilege, read_only=code in READ_ONLY)
        elif code not in _IGNORED:
            raise


def _statement(table: TableClause, privilege: str) -> Executable:
    """Return a statement that matches no row and needs only *privilege*, on every column that lback uses."""
    if privilege == "SELECT":
        return select(*table.columns).where(false())
    if privilege == "DELETE":
        return delete(table).where(false())
    assert isinstance(table, Table), "lback only reads and deletes rows of other tables"
    if privilege == "INSERT":
        names = [column.name for column in table.columns if column is not table.autoincrement_column]
        return insert(table).from_select(names, select(*(null() for _ in names)).where(false()))
    return update(table).where(false()).values({column.name: null() for column in _updated_columns(table)})


def _updated_columns(table: Table) -> list[Column[object]]:
    return [
        column
        for column in table.columns
        if not column.primary_key and (table.name != "lback_events" or column.name in _ERASABLE)
    ]


def _denied_sequences(connection: Connection) -> Iterator[DeniedPrivilege]:
    """Query the privilege on PostgreSQL's sequences, because a trial statement would take a number from them."""
    if connection.dialect.name != "postgresql":
        return
    for table in METADATA.sorted_tables:
        if "INSERT" not in _WRITTEN[table.name]:
            continue
        quoted = connection.dialect.identifier_preparer.quote_identifier(table.name)
        for sequence in connection.execute(_SEQUENCE, {"table": quoted}).scalars():
            yield DeniedPrivilege(str(sequence), "USAGE")


def grant_statement(engine: Engine, privileges: str, names: Sequence[str], user: str) -> str:
    """Return the SQL that grants *privileges* on the tables, or sequences, called *names* to *user*."""
    quote = engine.dialect.identifier_preparer.quote
    if privileges == "USAGE":
        return f"GRANT USAGE ON SEQUENCE {', '.join(names)} TO {user}"
    if engine.dialect.name == "postgresql":
        return f"GRANT {privileges} ON {', '.join(map(quote, names))} TO {user}"
    database = quote(engine.url.database or "")
    return "; ".join(f"GRANT {privileges} ON {database}.{quote(name)} TO {user}" for name in names)
