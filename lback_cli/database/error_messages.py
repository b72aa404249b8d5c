"""Turn what SQLAlchemy raises into a `DatabaseError` that says what happened and what to do."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from lback_cli.database.error_codes import FORBIDDEN, READ_ONLY, error_code
from lback_cli.database.retry import is_conflict, is_lost, is_starting
from lback_cli.errors import DatabaseError

_SQLITE = (
    ("database is locked", "is locked by another process", "Try again, or raise database.busy_timeout."),
    ("readonly database", "cannot be written to", "Check the permissions of the file and of its directory."),
    ("unable to open database", "cannot be opened", "Check the path, and the permissions of the file and directory."),
    ("not a database", "is not a SQLite database", "Check the path in database.url."),
    ("malformed", "is damaged", "Restore it from a backup."),
    ("disk is full", "cannot grow: the disk is full", "Make room first."),
    ("disk i/o error", "cannot be read or written: the disk reports an error", "Check the disk."),
)
"""(part of the driver's message, what that means, what to do)."""


class _ErrorPattern(NamedTuple):
    """Errors of a server: by their code, or by words, as a refused connection has no code in PostgreSQL.

    *sentence* may end with the driver's own words for it, which name hosts, users and tables, but nothing that is
    stored, and may have the right that the statement needs.
    """

    codes: frozenset[int | str]
    words: str
    sentence: str
    hint: str | None


_MARK = "[\"'`\u00ab\u00bb\u2018-\u201f\u2039\u203a\u300c-\u300f]"
"""Begins or ends what is quoted, in PostgreSQL's translations too."""

_QUOTED = re.compile(f"{_MARK}.*{_MARK}", re.DOTALL)

_SERVER = (
    _ErrorPattern(
        frozenset({1045}),
        r"(?!)",
        "refuses this user name or password",
        "Check the user in database.url, and database.password_file, and whether this user has to use TLS.",
    ),
    _ErrorPattern(
        frozenset({1698, "28000", "28P01"}),
        r'password authentication|no password supplied|role ".*" does not exist|peer authentication',
        "refuses this user name or password",
        "Check the user in database.url, and database.password_file.",
    ),
    _ErrorPattern(
        frozenset(),
        r"pg_hba\.conf.* no encryption",
        "does not let this user in without TLS: {reason}",
        "Add sslmode=verify-full to database.url; see docs/databases.md.",
    ),
    _ErrorPattern(
        frozenset(),
        r"pg_hba\.conf",
        "does not let this user in from here: {reason}",
        "Its administrator decides in pg_hba.conf who may connect, and from where.",
    ),
    _ErrorPattern(
        frozenset({1044}),
        r"(?!)",
        "does not exist there, or is closed to this user: {reason}",
        "Check the name in database.url, or ask for rights on it.",
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
        "Check the part of database.url after the question mark; see docs/databases.md.",
    ),
    _ErrorPattern(
        frozenset(), r"invalid connection option", "is given an option that its driver does not know: {reason}", None
    ),
    _ErrorPattern(
        frozenset({1040, 1203, "53300"}),
        r"too many (clients|connections)",
        "has no connection left",
        "Try again later.",
    ),
    _ErrorPattern(
        frozenset({2002, 2003, 2005}),
        r"connection (failed|refused|is bad)|failed to resolve|timeout expired",
        "cannot be reached: {reason}",
        "Check the host and the port in database.url, and whether the server runs.",
    ),
    _ErrorPattern(
        frozenset({"22P05"}),
        r"(?!)",
        "cannot store every letter, as its encoding is not UTF8",
        "Move to one that has it: lback db copy.",
    ),
    _ErrorPattern(
        frozenset({1267, 1366}),
        r"(?!)",
        "cannot take that letter, as some of its columns are not utf8mb4",
        "'lback doctor' names them.",
    ),
    _ErrorPattern(frozenset({1146, "42P01"}), r"(?!)", "lacks a table", "Run: lback db status"),
    _ErrorPattern(READ_ONLY, r"(?!)", "may only be read", "Name one that may be written to."),
    _ErrorPattern(
        FORBIDDEN,
        r"(?!)",
        "does not let this user {right}: {reason}",
        "Ask its administrator for the right to read and write lback's tables.",
    ),
    _ErrorPattern(
        frozenset({1021, 1114, "53100"}),
        r"(?!)",
        "cannot grow: the disk is full",
        "Make room first.",
    ),
)


@contextlib.contextmanager
def translate_errors(url: URL) -> Iterator[None]:
    """Raise `DatabaseError` for every SQLAlchemy error in the block; the original is its ``__cause__``."""
    try:
        yield
    except SQLAlchemyError as error:
        raise describe_error(url, error) from error


def describe_error(url: URL, error: SQLAlchemyError) -> DatabaseError:
    """What *error* means for the database at *url*, without its password and without bound values."""
    if url.get_backend_name() == "sqlite":
        return _describe_file(url, error)
    name = server_name(url)
    if isinstance(error, DBAPIError):
        if is_starting(error):
            return DatabaseError(f"The database {name} is starting up or shutting down.", hint="Try again in a moment.")
        if is_lost(error):
            return DatabaseError(f"The connection to the database {name} was lost.", hint="Run the command again.")
        if is_conflict(error):
            return DatabaseError(
                f"The database {name} is busy: others held or changed the same rows.", hint="Run the command again."
            )
        code, reason, right = error_code(error), _server_reason(error), _right(error)
        # A name, of a host say, is no word of the driver's.
        nameless = re.sub(r"""(["']).*?\1""", r"\1\1", reason)
        for fault in _SERVER:
            if code in fault.codes or (not code and re.search(fault.words, nameless, re.IGNORECASE)):
                sentence = fault.sentence.format(reason=reason, right=right)
                return DatabaseError(f"The database {name} {sentence}.", hint=fault.hint)
        words = f"{_first_line(_driver_words(error))} ({code})" if code else _first_line(_driver_words(error))
    else:
        words = type(error).__name__
    return DatabaseError(f"The database {name} failed: {words}.", hint="'lback db status' tells more.")


def server_name(url: URL) -> str:
    """*url* without its password, and without the options, as they may have one, too."""
    return url.set(query={}).render_as_string(hide_password=True)


def _describe_file(url: URL, error: SQLAlchemyError) -> DatabaseError:
    reason = str(error.orig) if isinstance(error, DBAPIError) and error.orig is not None else str(error)
    for part, sentence, hint in _SQLITE:
        if part in reason.lower():
            return DatabaseError(f"The database {url.database} {sentence}.", hint=hint)
    first_line = _first_line(reason) or type(error).__name__
    return DatabaseError(f"The database {url.database} failed: {first_line}.", hint="'lback db status' tells more.")


def _right(error: DBAPIError) -> str:
    """What the statement needs the right to: PostgreSQL does not say, and locking a row takes that to change it."""
    statement = (error.statement or "").upper()
    word = statement.split(maxsplit=1)[0] if statement.strip() else "do that"
    return "SELECT ... FOR UPDATE" if word == "SELECT" and "FOR UPDATE" in statement else word


def _server_reason(error: DBAPIError) -> str:
    """The driver's own words for a connection that did not come about."""
    return _first_line(_driver_words(error)).removeprefix("connection failed: ")


def _driver_words(error: DBAPIError) -> str:
    """PyMySQL has the code first."""
    arguments: tuple[Any, ...] = getattr(error.orig, "args", ())
    return str(arguments[1] if len(arguments) > 1 else error.orig)


def redact_values(error: DBAPIError) -> None:
    """Take out of a server's *error*, and the driver's own behind it, what may be a value: the former repeats some.

    That is everything in quotes, of which a value may have its own, so what goes reaches from the first quote to the
    last; and PostgreSQL's details, which may be a whole row. What is said of a right has no values, but names a table.
    """
    driver = error.orig
    code = error_code(error)
    words = getattr(getattr(driver, "diag", None), "message_primary", None) or _driver_words(error)
    if code not in FORBIDDEN:
        words = _QUOTED.sub("…", words)
    words = _first_line(words) or type(driver).__name__
    if driver is not None:
        driver.args = (code, words) if isinstance(code, int) else (words,)
    error.args = (f"({type(driver).__module__}.{type(driver).__name__}) {words}",)


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0].rstrip(".") if text.strip() else ""
