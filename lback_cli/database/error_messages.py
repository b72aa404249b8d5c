"""Translate SQLAlchemy's errors into a `DatabaseError` that says what happened and what to do."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from lback_cli.database.error_codes import FORBIDDEN, READ_ONLY, error_code
from lback_cli.database.file_obstacles import (
    Obstacle,
    file_of,
    find_access_obstacle,
    find_lock_obstacle,
    find_space_obstacle,
)
from lback_cli.database.retry import driver_errors, is_conflict, is_failover, is_lost, is_starting
from lback_cli.errors import DatabaseError, LbackError, NotWritable

_LOCKED = "database is locked"
_READ_ONLY_FILE = "readonly database"
_FAILED = "disk i/o error"
_NOT_OPENED = "unable to open database"

_SQLITE = (
    (_LOCKED, "is locked by another process", "Try again, or raise database.busy_timeout."),
    (_READ_ONLY_FILE, "cannot be written to", "Check the permissions of the file and of its directory."),
    (_NOT_OPENED, "cannot be opened", "Check the path, and the permissions of the file and directory."),
    ("not a database", "is not a SQLite database", "Check the path in database.url."),
    ("malformed", "is damaged", "Restore it from a backup."),
    ("disk is full", "cannot grow, because the disk is full", "Free some disk space."),
    (_FAILED, "cannot be read or written, because the disk reports an error", "Check the disk."),
)
"""(part of the driver's message, what it means, what to do)."""


class _ErrorPattern(NamedTuple):
    """Errors of a server, recognized by *codes*, or by the pattern *words* if the driver gives no code.

    psycopg has no code for a connection that could not be established. *message* may contain ``{reason}``, the driver's
    own words, which name hosts, users and tables but no stored values, and ``{privilege}``, the one that was denied.
    """

    codes: frozenset[int | str]
    words: str
    message: str
    hint: str


_NEVER = r"(?!)"
"""Matches nothing."""

_QUOTE = "[\"'`\u00ab\u00bb\u2018-\u201f\u2039\u203a\u300c-\u300f]"
"""A quotation mark, including those of PostgreSQL's translated messages."""

_QUOTED = re.compile(f"{_QUOTE}.*{_QUOTE}", re.DOTALL)
_SECRET = re.compile(r"\S*(?:[$}]\S{12}|[\w/+=-]{40})\S*", re.ASCII)
"""A password hash of any scheme with $ or {, a token, or a digest in hex."""

_OPTIONS_HINT = "Check the options after the question mark in database.url; see docs/databases.md."

_SERVER = (
    _ErrorPattern(
        frozenset({1045}),
        _NEVER,
        "rejected the user name or the password",
        "Check the user in database.url, database.password_file, and whether this user must use TLS.",
    ),
    _ErrorPattern(
        frozenset({1698, "28000", "28P01"}),
        r'password authentication|no password supplied|role ".*" does not exist|peer authentication',
        "rejected the user name or the password",
        "Check the user in database.url, and database.password_file.",
    ),
    _ErrorPattern(
        frozenset(),
        r"pg_hba\.conf.* no encryption",
        "does not accept this user without TLS: {reason}",
        "Add sslmode=verify-full to database.url; see docs/databases.md.",
    ),
    _ErrorPattern(
        frozenset(),
        r"pg_hba\.conf",
        "does not accept this user from this host: {reason}",
        "Ask its administrator to allow the connection in pg_hba.conf.",
    ),
    _ErrorPattern(
        frozenset({1044}),
        _NEVER,
        "does not exist, or is closed to this user: {reason}",
        "Check the name in database.url, or ask its administrator for privileges.",
    ),
    _ErrorPattern(
        frozenset({1049, "3D000"}),
        r'database ".*" does not exist',
        "does not exist on that server",
        "Create it there, or check the name in database.url.",
    ),
    _ErrorPattern(
        frozenset({2026, 3159}),
        r"\bssl|certificate|private key file",
        "cannot be reached with these TLS options: {reason}",
        _OPTIONS_HINT,
    ),
    _ErrorPattern(
        frozenset(),
        r"invalid connection option",
        "has an option in its URL that the driver does not know: {reason}",
        _OPTIONS_HINT,
    ),
    _ErrorPattern(
        frozenset({1040, 1203, "53300"}),
        r"too many (clients|connections)",
        "has no free connection",
        "Try again later.",
    ),
    _ErrorPattern(
        frozenset({2002, 2003, 2005}),
        r"connection (failed|refused|is bad)|failed to resolve|timeout expired",
        "cannot be reached: {reason}",
        "Check the host and the port in database.url, and that the server is running.",
    ),
    _ErrorPattern(
        frozenset({"22P05"}),
        _NEVER,
        "cannot store this character, because its encoding is not UTF8",
        "Move to a database in UTF8 with 'lback db copy'.",
    ),
    _ErrorPattern(
        frozenset({1267, 1366}),
        _NEVER,
        "cannot store this character, because some of its columns are not utf8mb4",
        "'lback doctor' names them.",
    ),
    _ErrorPattern(
        frozenset({"3F000"}),
        _NEVER,
        "has no schema in which this user could create tables",
        "Let search_path name one: ALTER ROLE app SET search_path = public, with this user in place of app.",
    ),
    _ErrorPattern(frozenset({1146, "42P01"}), _NEVER, "lacks a table", "Run: lback db status"),
    _ErrorPattern(READ_ONLY, _NEVER, "is read-only", "Set database.url to one that can be written to."),
    _ErrorPattern(
        FORBIDDEN,
        _NEVER,
        "denies this user {privilege}: {reason}",
        "Ask its administrator for the privileges to read and write lback's tables.",
    ),
    _ErrorPattern(
        frozenset({1021, 1114, "53100"}),
        _NEVER,
        "cannot grow, because the disk is full",
        "Free some disk space.",
    ),
)

_CLUSTER = frozenset({1047, 1180})
"""ER_UNKNOWN_COM_ERROR and ER_ERROR_DURING_COMMIT, which lback gets from a node of a Galera cluster only."""

_DETAILS_HINT = "Run 'lback db status' for details."


@contextlib.contextmanager
def translate_errors(url: URL) -> Iterator[None]:
    """Raise a `DatabaseError` for each error of SQLAlchemy or the driver in the block; that is its ``__cause__``."""
    try:
        yield
    except LbackError:
        raise  # perhaps because the URL names no driver that could be asked below
    except SQLAlchemyError as error:
        raise describe_error(url, error) from error
    except Exception as error:
        wrapped = _wrapped(url, error)
        if wrapped is None:
            raise
        raise describe_error(url, wrapped) from wrapped


def _wrapped(url: URL, error: Exception) -> DBAPIError | None:
    """Return *error* as SQLAlchemy would, if the driver raised it where SQLAlchemy does not handle it.

    It does not when it sets the isolation level of a connection, or ends a transaction to return one to the pool.
    """
    dialect: Any = url.get_dialect()
    driver = dialect.import_dbapi()
    if not isinstance(error, driver.Error):
        return None
    was_lost = dialect(dbapi=driver).is_disconnect(error, None, None)
    wrapped = DBAPIError(None, None, error, hide_parameters=True, connection_invalidated=was_lost)
    wrapped.__cause__ = error
    redact_values(wrapped)
    return wrapped


def describe_error(url: URL, error: SQLAlchemyError) -> DatabaseError:
    """Return what *error* means for the database at *url*, without its password and without bound values."""
    if url.get_backend_name() == "sqlite":
        return _describe_file_error(url, error)
    if isinstance(error, DBAPIError):
        # After a deadlock, the rollback of a savepoint fails too, because the whole transaction is rolled back.
        causes = (cause for cause in driver_errors(error) if is_conflict(cause) or is_lost(cause))
        return _describe_server_error(server_name(url), next(causes, error))
    return DatabaseError(f"The database {server_name(url)} failed: {type(error).__name__}.", hint=_DETAILS_HINT)


def server_name(url: URL) -> str:
    """Return *url* without its password and its options, which may contain secrets too."""
    hosts = url.host or url.query.get("host")
    url = url.set(host=hosts if isinstance(hosts, str) else None)
    return url.set(query={}).render_as_string(hide_password=True)


def redact_values(error: DBAPIError) -> None:
    """Remove what may be a stored value from a server's *error* and from the driver's error in it.

    Removed are PostgreSQL's details, which may be a whole row, and everything from the first quotation mark to the
    last, as a value may contain quotation marks itself. A trigger may raise an exception with any value of the row, so
    words that look like a hash or a token are removed too. A denied privilege names a table and no values, so it stays.
    """
    driver = error.orig
    code = error_code(error)
    words = getattr(getattr(driver, "diag", None), "message_primary", None) or _driver_message(error)
    if code not in FORBIDDEN:
        words = _SECRET.sub("…", _QUOTED.sub("…", words))
    words = _first_line(words) or type(driver).__name__
    if driver is not None:
        driver.args = (code, words) if isinstance(code, int) else (words,)
    error.args = (f"({type(driver).__module__}.{type(driver).__name__}) {words}",)


def _describe_file_error(url: URL, error: SQLAlchemyError) -> DatabaseError:
    reason = str(error.orig) if isinstance(error, DBAPIError) and error.orig is not None else str(error)
    for part, message, hint in _SQLITE:
        if part in reason.lower():
            kind = NotWritable if part == _READ_ONLY_FILE else DatabaseError
            found = _find_obstacle(url, part) or Obstacle(message, hint)
            return kind(f"The database {url.database} {found.message}.", hint=found.hint)
    words = _first_line(reason) or type(error).__name__
    return DatabaseError(f"The database {url.database} failed: {words}.", hint=_DETAILS_HINT)


def _find_obstacle(url: URL, part: str) -> Obstacle | None:
    """Return the reason for an error of SQLite whose message contains *part*, or None if it is not known."""
    path = file_of(url)
    if path is None:
        return None
    if part == _LOCKED:
        return find_lock_obstacle(path)
    if part == _FAILED:
        return find_space_obstacle(path)
    if part not in {_READ_ONLY_FILE, _NOT_OPENED} or "immutable" in url.query:
        return None
    return find_access_obstacle(path)


def _describe_server_error(name: str, error: DBAPIError) -> DatabaseError:
    code, words = error_code(error), _first_line(_driver_message(error))
    if "statement pooling mode" in words:
        return DatabaseError(
            f"A pooler in front of the database {name} lets through no transactions: {words}.",
            hint="Set pool_mode to transaction or session; docs/databases.md lists the databases on which lback works.",
        )
    if (passing := _describe_passing_error(name, error, code, words)) is not None:
        return passing
    reason = words.removeprefix("connection failed: ")
    # A quoted name, such as that of a host, must not match a pattern.
    unquoted = re.sub(r"""(["']).*?\1""", r"\1\1", reason)
    for pattern in _SERVER:
        if code in pattern.codes or (not code and re.search(pattern.words, unquoted, re.IGNORECASE)):
            denied = _denied_privilege(error)
            message = pattern.message.format(reason=reason, privilege=denied)
            not_writable = code in READ_ONLY or (code in FORBIDDEN and denied != "SELECT")
            kind = NotWritable if not_writable else DatabaseError
            return kind(f"The database {name} {message}.", hint=pattern.hint)
    details = f"{words} ({code})" if code else words
    return DatabaseError(f"The database {name} failed: {details}.", hint=_DETAILS_HINT)


def _describe_passing_error(name: str, error: DBAPIError, code: int | str | None, words: str) -> DatabaseError | None:
    """Return what *error* means if a later attempt may succeed."""
    if code in _CLUSTER:
        return DatabaseError(
            f"The database {name} is a node of a cluster that does not work at the moment: {words}.",
            hint="Wait until the cluster has a quorum, or set database.url to another node.",
        )
    if is_starting(error):
        return DatabaseError(f"The database {name} is starting up or shutting down.", hint="Try again in a moment.")
    if is_lost(error):
        return DatabaseError(f"The connection to the database {name} was lost.", hint="Run the command again.")
    if is_conflict(error):
        return DatabaseError(
            f"The database {name} is busy: other transactions held or changed the same rows.",
            hint="Run the command again.",
        )
    if is_failover(error):
        return NotWritable(
            f"The database {name} is read-only: it is a standby, or a primary that does not take writes.",
            hint="Set database.url to the primary; see 'Failover' in docs/databases.md.",
        )
    return None


def _denied_privilege(error: DBAPIError) -> str:
    """Return the kind of statement that failed. PostgreSQL does not report it, and locking a row needs UPDATE."""
    statement = (error.statement or "").upper()
    keyword = statement.split(maxsplit=1)[0] if statement.strip() else "this"
    if keyword == "SELECT" and "FOR UPDATE" in statement:
        return "SELECT ... FOR UPDATE"
    return "INSERT" if keyword == "COPY" else keyword


def _driver_message(error: DBAPIError) -> str:
    """Return the message; PyMySQL puts the code before it."""
    arguments: tuple[Any, ...] = getattr(error.orig, "args", ())
    return str(arguments[1] if len(arguments) > 1 else error.orig)


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0].rstrip(".") if text.strip() else ""
