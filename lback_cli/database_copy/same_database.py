"""Whether two URLs lead to the same database.

An identifier stored in the database would not answer that: a file that was copied, or a server that was restored from a
backup, has the same identifier and is another database. So a lock on one side is looked for on the other.
"""

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from lback_cli.database.engine import Database

_ALIASES = {"mysql": "mariadb"}
"""Other names of a backend."""

_POSTGRESQL_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_POSTGRESQL_IS_LOCKED = text("SELECT NOT pg_try_advisory_xact_lock(:key)")

_MARIADB_LOCK = text("SELECT GET_LOCK(:name, 0)")
_MARIADB_IS_LOCKED = text("SELECT NOT IS_FREE_LOCK(:name)")
_MARIADB_RELEASE = text("SELECT RELEASE_LOCK(:name)")
_MARIADB_DATABASE = text("SELECT IF(@@lower_case_table_names, LOWER(DATABASE()), DATABASE())")


@dataclass(frozen=True, slots=True)
class DatabaseMarker:
    """What identifies a database: the *path* of a SQLite file, or the *key* of a lock that is held in it.

    MariaDB's locks belong to the server, so there the *name* of the database must be the same too.
    """

    kind: str
    path: Path | None = None
    key: int = 0
    name: str | None = None


@contextlib.contextmanager
def advisory_marker(database: Database) -> Iterator[DatabaseMarker]:
    """Hold a lock in *database* during the block; nothing is written. Raises `DatabaseError`."""
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


def has_marker(database: Database, marker: DatabaseMarker) -> bool:
    """Return whether *database* is the one that *marker* belongs to. Raises `DatabaseError`."""
    if _kind(database) != marker.kind:
        return False
    if marker.kind == "sqlite":
        return _are_one_file(database.path, marker.path)
    with database.reading() as session:
        return _is_marker_visible(session, marker)


def _kind(database: Database) -> str:
    name = database.url.get_backend_name()
    return _ALIASES.get(name, name)


def _are_one_file(one: Path | None, other: Path | None) -> bool:
    # Links have different paths but lead to the same file.
    return one is not None and other is not None and one.exists() and other.exists() and one.samefile(other)


def _is_marker_visible(session: Session, marker: DatabaseMarker) -> bool:
    if marker.kind == "postgresql":
        return bool(session.scalar(_POSTGRESQL_IS_LOCKED, {"key": marker.key}))
    is_locked = session.scalar(_MARIADB_IS_LOCKED, {"name": _lock_name(marker.key)})
    return bool(is_locked) and session.scalar(_MARIADB_DATABASE) == marker.name


def _lock_name(key: int) -> str:
    return f"lback-{key:x}"
