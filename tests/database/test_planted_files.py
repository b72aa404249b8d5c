"""SQLite uses no file that another user put into a directory that every user can write."""

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.errors import ConfigurationError
from lback_cli.settings import DatabaseSettings

OTHER = 65534

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A directory like ``/tmp``."""
    directory = tmp_path / "shared"
    directory.mkdir()
    directory.chmod(0o1777)
    return directory


def names(path: Path) -> list[str]:
    """Return the names of the users in the database at *path*, as lback reads them."""
    database = Database(DatabaseSettings(url=f"sqlite:///{path}"))
    try:
        with database.read_connection() as connection:
            return [row[0] for row in connection.exec_driver_sql("SELECT username FROM users")]
    finally:
        database.dispose()


def initialize(path: Path) -> None:
    database = Database(DatabaseSettings(url=f"sqlite:///{path}"))
    try:
        Schema(database).initialize()
    finally:
        database.dispose()


def add(path: Path, name: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(
            "INSERT INTO users (username, email, password, is_active, is_email_verified, created_at, updated_at)"
            f" VALUES ('{name}', '{name}@example.org', '!', 1, 1, '2026-01-01', '2026-01-01')"
        )
    connection.close()


def log_of_changes(path: Path) -> bytes:
    """Return a -wal that adds a user to a copy of the database at *path*."""
    copy = path.parent.parent / "copy.db"
    shutil.copy(path, copy)
    connection = sqlite3.connect(copy)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("PRAGMA journal_mode = WAL")
    add(copy, "mallory")
    content = copy.with_name("copy.db-wal").read_bytes()
    connection.close()
    return content


def test_changes_in_a_log_that_another_user_made_are_not_taken(shared: Path) -> None:
    path = shared / "users.db"
    initialize(path)
    add(path, "alice")
    log = path.with_name("users.db-wal")
    log.write_bytes(log_of_changes(path))
    os.chown(log, OTHER, OTHER)
    with pytest.raises(ConfigurationError, match=rf"another user made {log}, and SQLite would use it") as caught:
        names(path)
    assert caught.value.hint == "Move the database to a directory that only its users can write, without that file."
    shared.chmod(0o755)
    assert names(path) == ["alice", "mallory"], "a user of the database may have made it"


@pytest.mark.parametrize("ending", ["-wal", "-shm", "-journal"])
def test_no_new_database_is_made_beside_a_journal_of_another_user(shared: Path, ending: str) -> None:
    journal = shared / f"users.db{ending}"
    journal.touch()
    os.chown(journal, OTHER, OTHER)
    with pytest.raises(ConfigurationError, match=f"another user made {journal}"):
        initialize(shared / "users.db")
    assert list(shared.iterdir()) == [journal]


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_that_another_user_made_is_not_followed(tmp_path: Path, shared: Path, exists: bool) -> None:
    target, link = tmp_path / "target", shared / "users.db"
    if exists:
        sqlite3.connect(target).close()
        target.touch()
    link.symlink_to(target)
    os.chown(link, OTHER, OTHER, follow_symlinks=False)
    with pytest.raises(ConfigurationError, match=f"another user made the link {link}"):
        initialize(link)
    assert not exists or target.stat().st_size == 0
    assert target.exists() == exists
    os.chown(link, 0, 0, follow_symlinks=False)
    initialize(link)
    assert names(target) == []


def test_a_linked_directory_that_another_user_made_is_not_used(tmp_path: Path, shared: Path) -> None:
    (tmp_path / "target").mkdir()
    (shared / "link").symlink_to(tmp_path / "target")
    os.chown(shared / "link", OTHER, OTHER, follow_symlinks=False)
    with pytest.raises(ConfigurationError, match="another user made a symbolic link in its path"):
        initialize(shared / "link" / "users.db")
    assert list((tmp_path / "target").iterdir()) == []
