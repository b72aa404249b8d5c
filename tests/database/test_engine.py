"""URLs, files and transactions."""

import os
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.orm import Session

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.errors import ConfigurationError, DatabaseError
from lback_cli.models import Group
from lback_cli.settings import DatabaseSettings

NOW = datetime(2026, 3, 4, 15, 4, 5, tzinfo=UTC)

Connect = Callable[..., Database]


def group(name: str) -> Group:
    return Group(name=name, created_at=NOW, updated_at=NOW)


def names(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(Group.name).order_by(Group.name)))


@pytest.fixture
def outsider(database: Database) -> Iterator[sqlite3.Connection]:
    """A connection of another program to the same file, which does not wait for locks."""
    assert database.path is not None
    connection = sqlite3.connect(database.path, timeout=0, isolation_level=None)
    yield connection
    connection.close()


# The file


def test_a_deleted_file_is_an_error_and_a_new_one_is_opened(connect: Connect, database: Database) -> None:
    with database.session() as session:
        session.add(group("old"))
    assert names(database) == ["old"]
    assert database.path is not None

    for file in database.path.parent.glob("users.db*"):
        file.unlink()
    with pytest.raises(DatabaseError, match="cannot be opened"):
        names(database)
    assert not database.path.exists()

    other = connect()
    Schema(other).initialize()
    with other.session() as session:
        session.add(group("new"))
    assert names(database) == ["new"]


# The URL


@pytest.mark.parametrize("url", ["nonsense", "://", " "])
def test_malformed_url_is_refused_without_being_repeated(connect: Connect, url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        connect(url)
    assert caught.value.message == "database.url is not a database URL."
    assert caught.value.hint == "Example: sqlite:////path/to/users.db"


def test_port_that_is_not_a_number_is_refused(connect: Connect) -> None:
    with pytest.raises(ConfigurationError) as caught:
        connect("postgresql://ann:canary@host:port/app")
    assert caught.value.message == "The port in database.url is not a number."
    assert caught.value.hint == "Example: postgresql+psycopg://app@db.example.org:5432/app"


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("postgresql+psycopg://root:can@ary@127.0.0.1:1/x", "postgresql+psycopg://root:***@127.0.0.1:1/x"),
        ("mariadb+pymysql://u:c@n/a%r:y #?@127.0.0.1/x", "mariadb+pymysql://u:***@127.0.0.1/x"),
        ("postgresql+psycopg://u:canary@host/x?sslcert=/a@b", "postgresql+psycopg://u:***@b"),
    ],
)
def test_second_at_sign_is_refused_and_the_password_is_masked(connect: Connect, url: str, masked: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        connect(url)
    assert caught.value.message == f"database.url has more than one @, so the end of the password is unclear: {masked}."
    assert caught.value.hint == ("Write every @ except the one before the host as %40, or set database.password_file.")


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("postgresql+psycopg://u:c%40n@host/x", ("u", "c@n", "host", "x")),
        ("postgresql+psycopg://ann@example.org:pw@host/x", ("ann@example.org", "pw", "host", "x")),
        ("postgresql+psycopg://u@host/x?sslcert=/a@b", ("u", None, "host", "x")),
        ("sqlite:////srv/a:b@c@d.db", (None, None, None, "/srv/a:b@c@d.db")),
    ],
)
def test_at_sign_outside_the_password_is_accepted(connect: Connect, url: str, parts: tuple[str | None, ...]) -> None:
    read = connect(url).url
    assert (read.username, read.password, read.host, read.database) == parts


@pytest.mark.parametrize(
    ("scheme", "hint"),
    [
        *(
            (scheme, "lback supports SQLite, PostgreSQL and MariaDB.")
            for scheme in ("nosuch", "nosuch+driver", "mssql", "oracle")
        ),
        *(
            (scheme, "Start the URL with postgresql+psycopg://")
            for scheme in ("postgresql+nosuch", "postgres", "postgres+psycopg")
        ),
        ("mysql+nosuch", "Start the URL with mysql+pymysql://"),
    ],
)
def test_unsupported_database_is_named(connect: Connect, scheme: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as caught, connect(f"{scheme}://ann:canary@host/app").session():
        pass
    assert caught.value.message == f"database.url: lback does not support {scheme!r}."
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("scheme", "supported"),
    [
        ("postgresql+psycopg_async", "postgresql+psycopg"),
        ("postgresql+asyncpg", "postgresql+psycopg"),
        ("mariadb+aiomysql", "mariadb+pymysql"),
    ],
)
def test_asynchronous_driver_is_refused(connect: Connect, scheme: str, supported: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _ = connect(f"{scheme}://ann:canary@host/app").engine
    assert caught.value.message == f"database.url: {scheme!r} is an asynchronous driver."
    assert caught.value.hint == f"Start the URL with {supported}://"


@pytest.mark.parametrize(
    ("scheme", "module", "hint"),
    [
        (
            "postgresql+psycopg",
            "psycopg",
            "Run: pip install 'lback-cli[postgresql]', and start the URL with postgresql+psycopg://",
        ),
        ("mysql+pymysql", "pymysql", "Run: pip install 'lback-cli[mariadb]', and start the URL with mysql+pymysql://"),
        (
            "mariadb+pymysql",
            "pymysql",
            "Run: pip install 'lback-cli[mariadb]', and start the URL with mariadb+pymysql://",
        ),
    ],
)
def test_missing_driver_is_named_with_the_extra_that_installs_it(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, scheme: str, module: str, hint: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError) as caught:
        _ = connect(f"{scheme}://ann:canary@host/app").engine
    assert caught.value.message == f"The driver for {scheme} is not installed."
    assert caught.value.hint == hint


@pytest.mark.parametrize("url", ["sqlite://ann:canary@host/users.db", "sqlite:///users.db?timeout=canary"])
def test_unsupported_part_of_a_sqlite_url_is_refused_without_being_repeated(connect: Connect, url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _ = connect(url).engine
    assert caught.value.message == "database.url has a part that sqlite does not support."
    assert caught.value.hint == "A SQLite URL has no user and no host: sqlite:////path/to/users.db"


def test_unsupported_option_of_a_server_url_is_refused(connect: Connect) -> None:
    pytest.importorskip("pymysql")
    with pytest.raises(ConfigurationError) as caught:
        _ = connect("mariadb+pymysql://ann@host/app?ssl_check_hostname=canary").engine
    assert caught.value.message == "database.url has a part that mariadb+pymysql does not support."
    assert caught.value.hint == "Check the options after the question mark; see docs/databases.md."


@pytest.mark.parametrize(
    ("url", "supported"),
    [
        ("mysql://ann:canary@host/app", "mysql+pymysql"),
        ("mariadb+mysqldb://ann:canary@host/app", "mariadb+pymysql"),
        ("mariadb+mariadbconnector://ann:canary@host/app", "mariadb+pymysql"),
        ("postgresql+psycopg2://ann:canary@host/app", "postgresql+psycopg"),
        ("postgresql+pg8000://ann:canary@host/app", "postgresql+psycopg"),
        ("sqlite+pysqlcipher://:canary@/users.db", "sqlite"),
    ],
)
def test_other_driver_is_refused(connect: Connect, url: str, supported: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _ = connect(url).engine
    scheme = url.partition(":")[0]
    assert caught.value.message == f"database.url: lback does not support the driver of {scheme!r}."
    assert caught.value.hint == f"Start the URL with {supported}://"


def test_server_with_unknown_version_is_treated_as_postgresql_13(
    connect: Connect, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLAlchemy raises this error for CockroachDB's answer to ``SELECT version()``."""

    def refuse(*_: Any) -> None:
        raise AssertionError("Could not determine version from string 'CockroachDB CCL v25.2.0'")

    monkeypatch.setattr(PGDialect, "_get_server_version_info", refuse)
    database = connect(postgresql_url)
    Schema(database).initialize()
    assert database.engine.dialect.server_version_info == (13,)
    assert Schema(database).status().state == "current"


def test_sqlite_ignores_the_password_file(connect: Connect, tmp_path: Path) -> None:
    database = connect(password_file=tmp_path / "not there", url=f"sqlite:///{tmp_path}/users.db")
    Schema(database).initialize()
    assert names(database) == []


def test_password_is_read_from_its_file_and_not_in_the_name(connect: Connect, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("canary/with:odd@characters\nsecond line\n", "utf-8")
    database = connect("postgresql+psycopg://ann@db.example/app", password_file=file)
    assert database.url.password == "canary/with:odd@characters"
    assert database.name == "postgresql+psycopg://ann:***@db.example/app"


def test_password_of_the_url_is_not_in_the_name(connect: Connect) -> None:
    assert connect("mariadb+pymysql://ann:canary@db/app").name == "mariadb+pymysql://ann:***@db/app"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "database.password_file: cannot read {path}: No such file or directory."),
        (b"", "database.password_file: the first line of {path} is empty."),
        (b"\nsecret\n", "database.password_file: the first line of {path} is empty."),
        (b"\xff\xfe", "database.password_file: cannot read {path}: it is not UTF-8."),
    ],
)
def test_unreadable_or_empty_password_file_is_refused(
    connect: Connect, tmp_path: Path, content: bytes | None, message: str
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        connect("postgresql+psycopg://ann@db/app", password_file=file)
    assert caught.value.message == message.format(path=file)


def test_default_database_is_a_file_in_the_data_directory(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data with 100% of #?"))
    database = connect("")
    expected = tmp_path / "data with 100% of #?" / "lback" / "lback.db"
    assert (database.embedded, database.in_memory, database.path, database.name) == (
        True,
        False,
        expected,
        str(expected),
    )
    assert database.directory == expected.parent
    Schema(database).ensure()
    assert expected.exists()


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("sqlite:////srv/app/users.db", Path("/srv/app/users.db")),
        ("sqlite:///users.db", Path("users.db")),
        ("sqlite:///file:/srv/a%20b/users.db?mode=ro&uri=true", Path("/srv/a b/users.db")),
        ("postgresql+psycopg://ann@db/app", None),
    ],
)
def test_only_a_sqlite_file_has_a_path(connect: Connect, url: str, path: Path | None) -> None:
    database = connect(url)
    assert database.path == path
    assert database.in_memory == (path is None and url.startswith("sqlite"))
    assert not database.embedded


def test_directory_is_that_of_the_sqlite_file(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert connect("sqlite:///users.db").directory == tmp_path


# Files


@pytest.fixture
def common_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("common_umask")
def test_new_file_journals_and_directory_are_private(connect: Connect, tmp_path: Path) -> None:
    database = connect(f"sqlite:///{tmp_path}/private/users.db")
    Schema(database).initialize()
    with database.session() as session:
        session.add(group("staff"))
        session.flush()
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "private").iterdir()}
    assert modes == {"users.db": 0o600, "users.db-wal": 0o600, "users.db-shm": 0o600}
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o700


@pytest.mark.usefixtures("common_umask")
def test_existing_directory_keeps_its_mode(connect: Connect, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    connect(f"sqlite:///{shared}/users.db").create_file()
    assert stat.S_IMODE(shared.stat().st_mode) == 0o755


def test_file_that_cannot_be_created_is_named(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    database = connect(f"sqlite:///{tmp_path}/file/users.db")
    with pytest.raises(DatabaseError) as caught:
        database.create_file()
    assert caught.value.message == f"Cannot create {tmp_path}/file/users.db: Not a directory."


def test_status_creates_no_file(connect: Connect, tmp_path: Path) -> None:
    Schema(connect()).status()
    assert list(tmp_path.iterdir()) == []


# Transactions on SQLite


def test_every_connection_has_the_documented_pragmas(database: Database) -> None:
    def pragmas(session: Session) -> dict[str, Any]:
        wanted = ("foreign_keys", "synchronous", "busy_timeout", "journal_mode")
        return {name: session.execute(text(f"PRAGMA {name}")).scalar_one() for name in wanted}

    expected = {"foreign_keys": 1, "synchronous": 2, "busy_timeout": 50, "journal_mode": "wal"}
    with database.session() as one, database.reading() as other:
        assert pragmas(one) == expected
        assert pragmas(other) == expected


def test_foreign_keys_are_enforced(database: Database) -> None:
    with pytest.raises(DatabaseError, match="FOREIGN KEY constraint failed"), database.session() as session:
        session.execute(text("INSERT INTO user_groups_association VALUES (1, 1)"))


def test_reader_does_not_block_a_writer_and_sees_one_snapshot(database: Database, outsider: sqlite3.Connection) -> None:
    with database.reading() as session:
        assert session.scalars(select(Group.name)).all() == []
        outsider.execute("INSERT INTO groups (name, created_at, updated_at) VALUES ('staff', '2026', '2026')")
        assert session.scalars(select(Group.name)).all() == []
    assert names(database) == ["staff"]


def test_writer_takes_the_lock_when_it_begins(database: Database, outsider: sqlite3.Connection) -> None:
    with database.session() as session:
        session.scalars(select(Group.name)).all()
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            outsider.execute("BEGIN IMMEDIATE")
    outsider.execute("BEGIN IMMEDIATE")


def test_writer_does_not_block_a_reader(database: Database, outsider: sqlite3.Connection) -> None:
    outsider.execute("BEGIN IMMEDIATE")
    outsider.execute("INSERT INTO groups (name, created_at, updated_at) VALUES ('staff', '2026', '2026')")
    assert names(database) == []


def test_second_writer_fails_after_the_busy_timeout(
    connect: Connect, database: Database, outsider: sqlite3.Connection
) -> None:
    outsider.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    with pytest.raises(DatabaseError) as caught, connect(busy_timeout=0.3).session() as session:
        session.add(group("staff"))
    assert 0.3 <= time.monotonic() - started < 5
    assert caught.value.message == f"The database {database.path} is locked by another process."
    assert caught.value.hint == "Try again, or raise database.busy_timeout."


def test_interrupted_statement_releases_the_lock(database: Database, outsider: sqlite3.Connection) -> None:
    """The traceback keeps the cursor alive, and the cursor the connection, after the session has ended."""

    def interrupt(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement == insert:
            raise KeyboardInterrupt

    event.listen(database.engine, "after_cursor_execute", interrupt)
    insert = (
        "INSERT INTO groups (name, created_at, updated_at) VALUES ('staff', '2026-01-01', '2026-01-01') RETURNING id"
    )
    with pytest.raises(KeyboardInterrupt) as caught, database.session() as session:
        session.execute(text(insert))
    outsider.execute("BEGIN IMMEDIATE")
    outsider.execute("ROLLBACK")
    event.remove(database.engine, "after_cursor_execute", interrupt)
    assert caught.traceback
    assert names(database) == []


def test_second_writer_continues_when_the_first_commits(database: Database, connect: Connect) -> None:
    from threading import Timer

    assert database.path is not None
    first = sqlite3.connect(database.path, isolation_level=None, check_same_thread=False)
    first.execute("BEGIN IMMEDIATE")
    done = Timer(0.1, first.commit)
    done.start()
    with connect(busy_timeout=10).session() as session:
        session.add(group("staff"))
    done.join()
    first.close()
    assert names(database) == ["staff"]


def test_session_commits_all_or_nothing(database: Database) -> None:
    with database.session() as session:
        session.add_all([group("kept"), group("kept too")])
    with suppress(ZeroDivisionError), database.session() as session:
        session.add(group("lost"))
        session.flush()
        _ = 1 / 0
    assert names(database) == ["kept", "kept too"]


def test_loaded_objects_stay_usable_after_the_session(database: Database) -> None:
    with database.session() as session:
        made = group("staff")
        session.add(made)
    with database.reading() as session:
        read = session.scalars(select(Group)).one()
    assert (made.name, made.created_at, read.name, read.created_at) == ("staff", NOW, "staff", NOW)


def test_savepoint_rolls_back_only_its_own_changes(database: Database) -> None:
    with database.session() as session:
        session.add(group("before"))
        session.flush()
        with suppress(ZeroDivisionError), session.begin_nested():
            session.add(group("inside"))
            session.flush()
            _ = 1 / 0
        session.add(group("after"))
    assert names(database) == ["after", "before"]


def test_released_savepoint_is_rolled_back_with_its_transaction(database: Database) -> None:
    # The driver itself begins no transaction for a SAVEPOINT, so releasing it would commit.
    with suppress(ZeroDivisionError), database.session() as session:
        with session.begin_nested():
            session.add(group("released"))
        _ = 1 / 0
    assert names(database) == []


def test_failed_commit_raises_and_changes_nothing(database: Database) -> None:
    def add_membership_without_a_group() -> None:
        with database.session() as session:
            session.add(group("staff"))
            session.execute(text("PRAGMA defer_foreign_keys = ON"))
            session.execute(text("INSERT INTO user_groups_association VALUES (7, 7)"))

    with pytest.raises(DatabaseError) as caught:
        add_membership_without_a_group()
    assert caught.value.message == f"The database {database.path} failed: FOREIGN KEY constraint failed."
    assert names(database) == []
    with database.session() as session:
        session.add(group("works again"))
    assert names(database) == ["works again"]


def test_database_in_memory_is_shared_by_all_sessions(connect: Connect) -> None:
    database = connect("sqlite://")
    Schema(database).ensure()
    with database.session() as session:
        session.add(group("staff"))
    assert names(database) == ["staff"]


def test_disposed_database_closes_its_file(database: Database) -> None:
    with database.session() as session:
        session.add(group("staff"))
    journal = Path(f"{database.path}-wal")
    assert journal.exists()
    database.dispose()
    assert not journal.exists()  # SQLite removes it when the last connection closes


def test_create_file_keeps_the_locks_of_open_connections(tmp_path: Path) -> None:
    """Without the locks, another process would delete the journal when it closes its connection."""
    path = tmp_path / "users.db"
    database = Database(DatabaseSettings(url=f"sqlite:///{path}"))
    Schema(database).initialize()
    with database.reading() as session:
        session.execute(text("SELECT count(*) FROM users"))
    database.create_file()
    program = f"import sqlite3; c = sqlite3.connect({str(path)!r}); c.execute('SELECT count(*) FROM users'); c.close()"
    subprocess.run([sys.executable, "-c", program], check=True)
    assert path.with_name("users.db-wal").exists()
    database.dispose()
