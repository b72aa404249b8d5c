"""Whether two URLs lead to one database, whatever they call it."""

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from lback_cli.database.engine import Database

_KINDS = {"mysql": "mariadb"}
"""Backends by another name."""

_POSTGRESQL_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_POSTGRESQL_LOOK = text("SELECT NOT pg_try_advisory_xact_lock(:key)")

_MARIADB_LOCK = text("SELECT GET_LOCK(:name, 0)")
_MARIADB_LOOK = text("SELECT NOT IS_FREE_LOCK(:name)")
_MARIADB_RELEASE = text("SELECT RELEASE_LOCK(:name)")
_MARIADB_DATABASE = text("SELECT IF(@@lower_case_table_names, LOWER(DATABASE()), DATABASE())")


@dataclass(frozen=True, slots=True)
class DatabaseMarker:
    """What tells a database: for a SQLite file its *path*, else the *key* of a lock that only it knows.

    MariaDB's locks are the server's, so there the *name* of the database has to be the same too.
    """

    kind: str
    path: Path | None = None
    key: int = 0
    name: str | None = None


@contextlib.contextmanager
def advisory_marker(database: Database) -> Iterator[DatabaseMarker]:
    """Mark *database* for the duration of the block. Nothing is written: the mark is a lock. Raises `DatabaseError`."""
    kind, key = _kind(database), secrets.randbits(63)
    if kind == "sqlite":
        yield DatabaseMarker(kind, database.path)
        return
    with database.reading() as session:
        if kind == "postgresql":
            session.execute(_POSTGRESQL_LOCK, {"key": key})
            yield DatabaseMarker(kind, key=key)
            return
        session.execute(_MARIADB_LOCK, {"name": _lock_name(key)})
        try:
            yield DatabaseMarker(kind, key=key, name=session.scalar(_MARIADB_DATABASE))
        finally:
            session.execute(_MARIADB_RELEASE, {"name": _lock_name(key)})


def has_marker(database: Database, mark: DatabaseMarker) -> bool:
    """Whether *mark* is on *database*. Raises `DatabaseError`."""
    if _kind(database) != mark.kind:
        return False
    if mark.kind == "sqlite":
        return _are_one_file(database.path, mark.path)
    with database.reading() as session:
        return _marker_visible(session, mark)


def _kind(database: Database) -> str:
    name = database.url.get_backend_name()
    return _KINDS.get(name, name)


def _are_one_file(one: Path | None, other: Path | None) -> bool:
    # A link to a file has another path and is the same file.
    return one is not None and other is not None and one.exists() and other.exists() and one.samefile(other)


def _marker_visible(session: Session, mark: DatabaseMarker) -> bool:
    if mark.kind == "postgresql":
        return bool(session.scalar(_POSTGRESQL_LOOK, {"key": mark.key}))
    held = session.scalar(_MARIADB_LOOK, {"name": _lock_name(mark.key)})
    return bool(held) and session.scalar(_MARIADB_DATABASE) == mark.name


def _lock_name(key: int) -> str:
    return f"lback-{key:x}"
