"""What a connection tells of the database behind it, and of how it will behave."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.engine import Connection


@dataclass(frozen=True, slots=True)
class Facts:
    """What matters about a database beside its tables.

    *problems* are phrases, with the database as their subject, about
    what keeps writing or transactions from working as they should, and *weaknesses* about what merely is less safe or
    slower. *time* is the server's, None where the database is a file.
    """

    product: str
    problems: tuple[str, ...] = ()
    weaknesses: tuple[str, ...] = ()
    time: datetime | None = None


def gather(connection: Connection) -> Facts:
    """Ask; nothing is changed."""
    find = {"sqlite": _sqlite, "postgresql": _postgresql}.get(connection.dialect.name, _mariadb)
    return find(connection)


def _sqlite(connection: Connection) -> Facts:
    def pragma(name: str) -> str:
        return str(connection.execute(text(f"PRAGMA {name}")).scalar()).lower()

    problems = []
    if pragma("foreign_keys") != "1":
        problems.append("does not enforce foreign keys")
    weaknesses = []
    if (mode := pragma("journal_mode")) not in {"wal", "memory"}:
        weaknesses.append(f"is kept with journal_mode {mode}, in which readers and writers wait for each other")
    return Facts(f"SQLite {sqlite3.sqlite_version}", tuple(problems), tuple(weaknesses))


def _postgresql(connection: Connection) -> Facts:
    row = connection.execute(
        text(
            "SELECT current_setting('server_version'), "
            "current_setting('transaction_read_only') = 'on', pg_is_in_recovery(), "
            "current_setting('synchronous_commit'), extract(epoch FROM clock_timestamp())"
        )
    ).one()
    version, read_only, standby, synchronous, seconds = row
    problems = []
    if standby:
        problems.append("is a standby, which only can be read")
    elif read_only:
        problems.append("lets this user only read (default_transaction_read_only)")
    weaknesses = ["may lose what was committed last when it fails (synchronous_commit)"] if synchronous == "off" else []
    return Facts(f"PostgreSQL {version.split()[0]}", tuple(problems), tuple(weaknesses), _moment(seconds))


def _mariadb(connection: Connection) -> Facts:
    row = connection.execute(
        text("SELECT VERSION(), @@read_only, @@sql_mode, @@innodb_flush_log_at_trx_commit, UNIX_TIMESTAMP(SYSDATE(6))")
    ).one()
    version, read_only, modes, flush, seconds = row
    problems = []
    if read_only:
        problems.append("only can be read (read_only)")
    if not {"STRICT_TRANS_TABLES", "STRICT_ALL_TABLES"} & set(modes.split(",")):
        problems.append("cuts what is too long instead of refusing it (sql_mode has no STRICT_TRANS_TABLES)")
    weaknesses = []
    if flush != 1:
        weaknesses.append("may lose what was committed last when it fails (innodb_flush_log_at_trx_commit)")
    product = "MariaDB" if "mariadb" in version.lower() else "MySQL"
    number = version.partition("-")[0]
    return Facts(f"{product} {number}", tuple(problems), tuple(weaknesses), _moment(seconds))


def _moment(seconds: object) -> datetime:
    return datetime.fromtimestamp(float(str(seconds)), UTC)
