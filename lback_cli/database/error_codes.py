"""Error codes that lback acts on: PostgreSQL's SQLSTATEs and MariaDB's numbers."""

from sqlalchemy.exc import DBAPIError

LOST_RACES: frozenset[int | str] = frozenset(
    {
        "40001",  # serialization_failure; the most common error of CockroachDB, which speaks PostgreSQL's protocol
        1020,  # ER_CHECKREAD: another transaction changed the row since this one's snapshot
        1213,  # ER_LOCK_DEADLOCK, detected at once; in a Galera cluster also at COMMIT
        1412,  # ER_TABLE_DEF_CHANGED: the table was created or changed since this transaction's snapshot
        1684,  # ER_WARN_I_S_SKIPPED_TABLE: the table is being changed
    }
)
CONFLICTS = LOST_RACES | {
    "40P01",  # deadlock_detected, after deadlock_timeout
    "55P03",  # lock_not_available: lock_timeout has passed
    1205,  # ER_LOCK_WAIT_TIMEOUT
}
LOST: frozenset[int | str] = frozenset(
    {
        "40003",  # statement_completion_unknown: CockroachDB's "result is ambiguous"
        1053,  # ER_SERVER_SHUTDOWN
        1180,  # ER_ERROR_DURING_COMMIT: a Galera node that has lost its cluster
        1927,  # ER_CONNECTION_KILLED
    }
)
DUPLICATES: frozenset[int | str] = frozenset(
    {
        "23505",  # unique_violation
        1062,  # ER_DUP_ENTRY
    }
)
EXISTING: frozenset[int | str] = frozenset(
    {
        "42P07",  # duplicate_table
        "42701",  # duplicate_column
        1050,  # ER_TABLE_EXISTS_ERROR
        1060,  # ER_DUP_FIELDNAME
        1061,  # ER_DUP_KEYNAME
    }
)
"""What a migration gets if another process has just created the same table, column or index."""
STARTING: frozenset[int | str] = frozenset(
    {
        "57P03",  # cannot_connect_now
        1047,  # ER_UNKNOWN_COM_ERROR: a Galera node without a quorum, or one that is not synchronized yet
    }
)
UNREACHABLE: frozenset[int | str] = frozenset(
    {
        2002,  # CR_CONNECTION_ERROR
        2003,  # CR_CONN_HOST_ERROR
    }
)
FORBIDDEN: frozenset[int | str] = frozenset(
    {
        "42501",  # insufficient_privilege
        1142,  # ER_TABLEACCESS_DENIED_ERROR
        1143,  # ER_COLUMNACCESS_DENIED_ERROR
        1227,  # ER_SPECIFIC_ACCESS_DENIED_ERROR
    }
)
READ_ONLY: frozenset[int | str] = frozenset(
    {
        "25006",  # read_only_sql_transaction
        1290,  # ER_OPTION_PREVENTS_STATEMENT
        1792,  # ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
        1836,  # ER_READ_ONLY_MODE
    }
)
FAILOVER: frozenset[int | str] = frozenset(
    {
        "25006",  # read_only_sql_transaction: a standby until it is promoted
        1180,
        1290,
        1836,
    }
)
"""What a server reports that may soon take writes, as after a failover."""


def error_code(error: DBAPIError) -> int | str | None:
    """Return MariaDB's number or PostgreSQL's SQLSTATE for the error, or None if it has neither."""
    arguments = getattr(error.orig, "args", ())
    if arguments and isinstance(arguments[0], int):
        return arguments[0]
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else None
