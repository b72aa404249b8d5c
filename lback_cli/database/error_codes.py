"""The errors of PostgreSQL, by SQLSTATE, and of MariaDB, by number, that lback acts on."""

from sqlalchemy.exc import DBAPIError

LOST_RACES: frozenset[int | str] = frozenset(
    {
        "40001",  # serialization_failure; of the engines that speak PostgreSQL's protocol, CockroachDB's commonest
        1020,  # ER_CHECKREAD: somebody else changed the row since this transaction's snapshot
        1213,  # ER_LOCK_DEADLOCK, which is found at once; of a Galera cluster, at COMMIT too
        1412,  # ER_TABLE_DEF_CHANGED: the table was made or changed since this transaction's snapshot
        1684,  # ER_WARN_I_S_SKIPPED_TABLE: it is being changed
    }
)
CONFLICTS = LOST_RACES | {
    "40P01",  # deadlock_detected, after deadlock_timeout
    "55P03",  # lock_not_available: lock_timeout is over
    1205,  # ER_LOCK_WAIT_TIMEOUT
}
LOST: frozenset[int | str] = frozenset(
    {
        "40003",  # statement_completion_unknown: CockroachDB's "result is ambiguous"
        1053,  # ER_SERVER_SHUTDOWN
        1927,  # ER_CONNECTION_KILLED
    }
)
DUPLICATES: frozenset[int | str] = frozenset(
    {
        "23505",  # unique_violation
        1062,  # ER_DUP_ENTRY
    }
)
STARTING = "57P03"  # cannot_connect_now
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


def error_code(error: DBAPIError) -> int | str | None:
    """MariaDB's number for the error, or PostgreSQL's SQLSTATE; None where there is neither."""
    arguments = getattr(error.orig, "args", ())
    if arguments and isinstance(arguments[0], int):
        return arguments[0]
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else None
