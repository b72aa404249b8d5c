"""What a connection tells of the database behind it, and of how it will behave."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.engine import Connection

from lback_cli.problem import Problem
from lback_cli.text.shell_quoting import command_line

_LASTS = "and write it into the server's configuration"


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What matters about a database beside its tables.

    *problems* keep transactions from working as they should, and *weaknesses* make them less safe or slower;
    *read_only* is why nothing can be written, as far as a setting tells. *user* is who lback is there, as GRANT names
    it, and *time* the server's; both are None where the database is a file.
    """

    product: str
    problems: tuple[Problem, ...] = ()
    weaknesses: tuple[Problem, ...] = ()
    read_only: Problem | None = None
    user: str | None = None
    time: datetime | None = None


def server_info(connection: Connection) -> ServerInfo:
    """Ask; nothing is changed."""
    find = {"sqlite": _sqlite, "postgresql": _postgresql}.get(connection.dialect.name, _mariadb)
    return find(connection)


def _sqlite(connection: Connection) -> ServerInfo:
    def pragma(name: str) -> str:
        return str(connection.execute(text(f"PRAGMA {name}")).scalar()).lower()

    problems = []
    if pragma("foreign_keys") != "1":
        problems.append(Problem("The database does not enforce foreign keys.", "Use a SQLite that can."))
    weaknesses = []
    if (mode := pragma("journal_mode")) not in {"wal", "memory"}:
        weaknesses.append(
            Problem(
                f"The database is kept with journal_mode {mode}, in which readers and writers wait for each other.",
                f"If no application minds, run: {_sqlite3(connection)}",
            )
        )
    return ServerInfo(f"SQLite {sqlite3.sqlite_version}", tuple(problems), tuple(weaknesses))


def _sqlite3(connection: Connection) -> str:
    return command_line(["sqlite3", connection.engine.url.database or "", "PRAGMA journal_mode = WAL"])


def _postgresql(connection: Connection) -> ServerInfo:
    row = connection.execute(
        text(
            "SELECT current_setting('server_version'), "
            "current_setting('transaction_read_only') = 'on', pg_is_in_recovery(), "
            "current_setting('synchronous_commit'), quote_ident(current_user), extract(epoch FROM clock_timestamp())"
        )
    ).one()
    version, read_only, standby, synchronous, user, seconds = row
    reason = None
    if standby:
        reason = Problem("The database is a standby, which only can be read.", "Name the primary in database.url.")
    elif read_only:
        reason = Problem(
            "The database lets this user only read (default_transaction_read_only).",
            _setting_remedy(connection, "default_transaction_read_only", "off"),
        )
    weaknesses = []
    if synchronous == "off":
        weaknesses.append(
            Problem(
                "The database may lose what was committed last when it fails (synchronous_commit).",
                _setting_remedy(connection, "synchronous_commit", "on"),
            )
        )
    product = f"PostgreSQL {version.split()[0]}"
    return ServerInfo(product, weaknesses=tuple(weaknesses), read_only=reason, user=user, time=_moment(seconds))


def _setting_remedy(connection: Connection, name: str, wanted: str) -> str:
    """What a client asks for outranks whatever is set for its role, and that whatever else is set."""
    row = connection.execute(
        text(
            "SELECT source, quote_ident(current_user), quote_ident(current_database()) "
            "FROM pg_settings WHERE name = :name"
        ),
        {"name": name},
    ).one()
    source, user, database = row
    if source == "client":
        return f"Take {name} out of database.url, or out of PGOPTIONS."
    return f"Run: ALTER ROLE {user} IN DATABASE {database} SET {name} = {wanted}"


def _mariadb(connection: Connection) -> ServerInfo:
    row = connection.execute(
        text(
            "SELECT VERSION(), @@read_only, @@sql_mode, @@innodb_flush_log_at_trx_commit, CURRENT_USER(), "
            "UNIX_TIMESTAMP(SYSDATE(6))"
        )
    ).one()
    version, read_only, modes, flush, user, seconds = row
    # By either name: MySQL has dropped the first, and MariaDB 10 does not have the second.
    transactions = connection.execute(
        text("SHOW SESSION VARIABLES WHERE variable_name IN ('tx_read_only', 'transaction_read_only')")
    ).first()
    reason = None
    if transactions is not None and transactions[1] == "ON":
        reason = Problem(
            f"The database lets this user only read ({transactions[0]}).",
            f"Take {transactions[0]} out of database.url, or run: SET GLOBAL {transactions[0]} = OFF",
        )
    elif read_only:
        reason = Problem(
            "The database only can be read (read_only).",
            "Name the primary in database.url, or if this is it, run: SET GLOBAL read_only = OFF",
        )
    problems = []
    if not {"STRICT_TRANS_TABLES", "STRICT_ALL_TABLES"} & set(modes.split(",")):
        problems.append(
            Problem(
                "The database cuts what is too long instead of refusing it (sql_mode has no STRICT_TRANS_TABLES).",
                "Take sql_mode out of database.url, or run: SET GLOBAL sql_mode = CONCAT_WS(',', @@GLOBAL.sql_mode, "
                f"'STRICT_TRANS_TABLES'), {_LASTS}.",
            )
        )
    weaknesses = []
    if flush != 1:
        weaknesses.append(
            Problem(
                "The database may lose what was committed last when it fails (innodb_flush_log_at_trx_commit).",
                f"Run: SET GLOBAL innodb_flush_log_at_trx_commit = 1, {_LASTS}.",
            )
        )
    product = f"{'MariaDB' if 'mariadb' in version.lower() else 'MySQL'} {version.partition('-')[0]}"
    name, _, host = user.rpartition("@")
    return ServerInfo(product, tuple(problems), tuple(weaknesses), reason, f"'{name}'@'{host}'", _moment(seconds))


def _moment(seconds: object) -> datetime:
    return datetime.fromtimestamp(float(str(seconds)), UTC)
