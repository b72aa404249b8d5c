"""The product, the settings and the clock of the database server."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Connection

from lback_cli.problem import Problem
from lback_cli.text.shell_quoting import command_line

_OLDEST_POSTGRESQL = 14
_OLDEST_MARIADB = (10, 6)

_PERSIST = "and write it into the server's configuration"


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """Facts about a database that do not depend on its tables.

    *errors* break transactions; *warnings* make them less durable or slower. *read_only* is the setting that prevents
    writing, if any. *user* is lback's account as GRANT names it, and *time* is the server's clock; both are None for a
    SQLite file. *unencrypted_host* is the host to which the connection leads, if it uses neither TLS nor a socket.
    """

    product: str
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    read_only: Problem | None = None
    user: str | None = None
    time: datetime | None = None
    unencrypted_host: str | None = None


def server_info(connection: Connection) -> ServerInfo:
    """Query the server."""
    find = {"sqlite": _sqlite, "postgresql": _postgresql}.get(connection.dialect.name, _mariadb)
    return find(connection)


def _sqlite(connection: Connection) -> ServerInfo:
    def pragma(name: str) -> str:
        return str(connection.execute(text(f"PRAGMA {name}")).scalar()).lower()

    errors = []
    if pragma("foreign_keys") != "1":
        errors.append(Problem("SQLite does not enforce foreign keys.", "Use a SQLite built with foreign key support."))
    warnings = []
    if (mode := pragma("journal_mode")) not in {"wal", "memory"}:
        warnings.append(
            Problem(
                f"Readers and writers block each other, because the journal mode is {mode}.",
                f"If the application allows it, run: {_wal_command(connection)}",
            )
        )
    return ServerInfo(f"SQLite {sqlite3.sqlite_version}", tuple(errors), tuple(warnings))


def _wal_command(connection: Connection) -> str:
    return command_line(["sqlite3", connection.engine.url.database or "", "PRAGMA journal_mode = WAL"])


def _postgresql(connection: Connection) -> ServerInfo:
    row = connection.execute(
        text(
            "SELECT current_setting('server_version'), "
            "current_setting('transaction_read_only') = 'on', pg_is_in_recovery(), "
            "current_setting('synchronous_commit'), quote_ident(current_user), extract(epoch FROM clock_timestamp()), "
            "current_setting('synchronous_standby_names', true)"
        )
    ).one()
    version, read_only, standby, synchronous, user, seconds, standbys = row
    reason = None
    if standby:
        reason = Problem("The database is a read-only standby.", "Set database.url to the primary.")
    elif read_only:
        reason = Problem(
            "The database is read-only for this user (default_transaction_read_only).",
            _setting_hint(connection, "default_transaction_read_only", "off"),
        )
    errors = []
    if standbys and not standby and synchronous not in {"off", "local"} and _lacks_standby(connection):
        errors.append(
            Problem(
                "Each commit waits for a synchronous standby, and none is connected (synchronous_standby_names).",
                "Restore the standby, or let the server do without one: ALTER SYSTEM RESET synchronous_standby_names",
            )
        )
    warnings = []
    if synchronous == "off":
        warnings.append(
            Problem(
                "A crash may lose the latest commits (synchronous_commit).",
                _setting_hint(connection, "synchronous_commit", "on"),
            )
        )
    product = f"PostgreSQL {version.split()[0]}"
    if int(version.split(".")[0]) < _OLDEST_POSTGRESQL:
        warnings.append(_old(product, f"PostgreSQL {_OLDEST_POSTGRESQL}"))
    if standby:
        product += ", a standby"
    if _is_pooled(connection):
        product += ", through a pooler"
    return ServerInfo(
        product,
        errors=tuple(errors),
        warnings=tuple(warnings),
        read_only=reason,
        user=user,
        time=_moment(seconds),
        unencrypted_host=_unencrypted_postgresql(connection),
    )


def _unencrypted_postgresql(connection: Connection) -> str | None:
    """Return the host of a connection without TLS; None for a socket, or with TLS or the encryption of GSSAPI."""
    driver: Any = connection.connection.driver_connection
    host = str(driver.info.host)
    if driver.pgconn.ssl_in_use or not host or host.startswith(("/", "@")):
        return None
    statement = text("SELECT encrypted FROM pg_stat_gssapi WHERE pid = pg_backend_pid()")
    return None if connection.execute(statement).scalar() else host


def _lacks_standby(connection: Connection) -> bool:
    """Return whether no synchronous standby is connected; False if the user may not see the standbys."""
    statement = text(
        "SELECT pg_has_role('pg_read_all_stats', 'USAGE') AND NOT EXISTS "
        "(SELECT FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum'))"
    )
    return connection.execute(statement).scalar() is True


def _is_pooled(connection: Connection) -> bool:
    """Return whether a pooler is in between: the process that the driver knows does not run the statements."""
    driver: Any = connection.connection.driver_connection
    return bool(driver.info.backend_pid != connection.execute(text("SELECT pg_backend_pid()")).scalar())


def _old(product: str, oldest: str) -> Problem:
    return Problem(
        f"{product} gets no fixes any more, and lback is not tested with it.", f"Upgrade to {oldest} or newer."
    )


def _setting_hint(connection: Connection, name: str, wanted: str) -> str:
    """Return how to change the setting: a value from the client overrides one that is set for the role."""
    row = connection.execute(
        text(
            "SELECT source, quote_ident(current_user), quote_ident(current_database()) "
            "FROM pg_settings WHERE name = :name"
        ),
        {"name": name},
    ).one()
    source, user, database = row
    if source == "client":
        return f"Remove {name} from database.url or PGOPTIONS."
    return f"Run: ALTER ROLE {user} IN DATABASE {database} SET {name} = {wanted}"


def _mariadb(connection: Connection) -> ServerInfo:
    row = connection.execute(
        text(
            "SELECT VERSION(), @@read_only, @@sql_mode, @@innodb_flush_log_at_trx_commit, CURRENT_USER(), "
            "UNIX_TIMESTAMP(SYSDATE(6))"
        )
    ).one()
    version, read_only, modes, flush, user, seconds = row
    # MySQL has dropped the first name, and MariaDB 10 does not have the second.
    transactions = connection.execute(
        text("SHOW SESSION VARIABLES WHERE variable_name IN ('tx_read_only', 'transaction_read_only')")
    ).first()
    reason = None
    if transactions is not None and transactions[1] == "ON":
        reason = Problem(
            f"The database is read-only for this user ({transactions[0]}).",
            f"Remove {transactions[0]} from database.url, or run: SET GLOBAL {transactions[0]} = OFF",
        )
    elif read_only:
        reason = Problem(
            "The server is read-only (read_only).",
            "Set database.url to the primary; if this is the primary, run: SET GLOBAL read_only = OFF",
        )
    errors = []
    if not {"STRICT_TRANS_TABLES", "STRICT_ALL_TABLES"} & set(modes.split(",")):
        errors.append(
            Problem(
                "The server truncates long values instead of refusing them (sql_mode lacks STRICT_TRANS_TABLES).",
                "Remove sql_mode from database.url, or run: SET GLOBAL sql_mode = CONCAT_WS(',', @@GLOBAL.sql_mode, "
                f"'STRICT_TRANS_TABLES'), {_PERSIST}.",
            )
        )
    warnings = []
    if flush != 1:
        warnings.append(
            Problem(
                "A crash may lose the latest commits (innodb_flush_log_at_trx_commit).",
                f"Run: SET GLOBAL innodb_flush_log_at_trx_commit = 1, {_PERSIST}.",
            )
        )
    product = f"{'MariaDB' if 'mariadb' in version.lower() else 'MySQL'} {version.partition('-')[0]}"
    if product.startswith("MariaDB") and _version(version) < _OLDEST_MARIADB:
        warnings.append(_old(product, "MariaDB " + ".".join(map(str, _OLDEST_MARIADB))))
    if (cluster := _galera(connection)) is not None:
        size, status, state = cluster
        product += f", a node of a Galera cluster of {size} ({status}, {state})"
        if (status, state) != ("Primary", "Synced"):
            problem = f"This node of the cluster does not take writes: it is {state}, and the cluster is {status}."
            errors.append(
                Problem(problem, "Wait until it has joined the cluster, or set database.url to another node.")
            )
    name, _, host = user.rpartition("@")
    user, host = f"'{name}'@'{host}'", _unencrypted_mariadb(connection)
    return ServerInfo(product, tuple(errors), tuple(warnings), reason, user, _moment(seconds), host)


def _unencrypted_mariadb(connection: Connection) -> str | None:
    """Return the host of a connection without TLS; None with TLS or for a socket."""
    driver: Any = connection.connection.driver_connection
    cipher = connection.execute(text("SHOW SESSION STATUS LIKE 'Ssl_cipher'")).first()
    return None if driver.unix_socket or (cipher is not None and cipher[1]) else str(driver.host)


def _galera(connection: Connection) -> tuple[str, str, str] | None:
    """Return the number of nodes, the status of the cluster and the state of this node; None without a cluster."""
    rows = connection.execute(text("SHOW STATUS WHERE variable_name LIKE 'wsrep%'")).all()
    status = {str(name).lower(): str(value) for name, value in rows}
    if int(status.get("wsrep_cluster_size", "0")) == 0:
        return None
    return status["wsrep_cluster_size"], status["wsrep_cluster_status"], status["wsrep_local_state_comment"]


def _version(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def _moment(seconds: object) -> datetime:
    return datetime.fromtimestamp(float(str(seconds)), UTC)
