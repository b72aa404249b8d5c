"""Turn what SQLAlchemy raises into a `DatabaseError` that says what happened and what to do."""

import contextlib
from collections.abc import Iterator

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from lback_cli.errors import DatabaseError

_SENTENCES = (
    ("database is locked", "is locked by another process", "Try again, or raise database.busy_timeout."),
    ("readonly database", "cannot be written to", "Check the permissions of the file and of its directory."),
    ("unable to open database", "cannot be opened", "Check the path, and the permissions of the file and directory."),
    ("not a database", "is not a SQLite database", "Check the path in database.url."),
    ("malformed", "is damaged", "Restore it from a backup."),
    ("disk is full", "cannot grow: the disk is full", "Make room and run the command again."),
    ("disk i/o error", "cannot be read or written: the disk reports an error", "Check the disk."),
)
"""(part of the driver's message, what that means, what to do)."""


@contextlib.contextmanager
def translated(url: URL) -> Iterator[None]:
    """Raise `DatabaseError` for every SQLAlchemy error in the block; the original is its ``__cause__``."""
    try:
        yield
    except SQLAlchemyError as error:
        raise describe(url, error) from error


def describe(url: URL, error: SQLAlchemyError) -> DatabaseError:
    """What *error* means for the database at *url*, without its password and without bound values."""
    name = url.database if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)
    reason = str(error.orig) if isinstance(error, DBAPIError) and error.orig is not None else str(error)
    for part, sentence, hint in _SENTENCES:
        if part in reason.lower():
            return DatabaseError(f"The database {name} {sentence}.", hint=hint)
    first_line = reason.strip().splitlines()[0] if reason.strip() else type(error).__name__
    return DatabaseError(f"The database {name} failed: {first_line.rstrip('.')}.", hint="'lback db status' tells more.")
