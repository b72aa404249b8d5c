"""`lback db copy`: its errors, interruption and progress."""

import contextlib
import os
import pty
import shlex
import signal
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from lback_cli.database.engine import Database
from lback_cli.database.schema import COPYING_PREFIX, REVISION, Schema
from lback_cli.database.url import without_password
from lback_cli.database_copy.target import renaming_settings_to_options
from lback_cli.errors import SchemaError
from lback_cli.settings import DatabaseSettings

Cli = Callable[..., Any]


@pytest.fixture
def source(lback: Any) -> Path:
    """The path of the default database, which has two users."""
    for name in ("anna", "bertil"):
        register = ("user", "register", name, "--email", f"{name}@example.org", "--generate-password", "-q")
        assert lback(*register).status == 0
    path: Path = lback.database
    return path


@pytest.mark.usefixtures("source")
def test_errors_of_the_target_name_its_options(lback: Any, tmp_path: Path) -> None:
    foreign, notes, older = tmp_path / "foreign.db", tmp_path / "notes.txt", tmp_path / "older.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY)")
    connection.close()
    notes.write_text("Remember the milk. " * 100)
    assert lback("db", "init", "--database-url", f"sqlite:///{older}").status == 0
    with sqlite3.connect(older) as connection:
        connection.execute("UPDATE lback_alembic_version SET version_num = '0003'")
    connection.close()
    server = "postgresql+psycopg://app@127.0.0.1:1/app"
    outputs = {
        ("foo",): "error: --to is not a database URL.\n       Example: sqlite:////path/to/users.db\n",
        ("foo://x",): (
            "error: --to: lback does not support 'foo'.\n       lback supports SQLite, PostgreSQL and MariaDB.\n"
        ),
        ("sqlite://host/x",): (
            "error: --to has a part that sqlite does not support.\n"
            "       A SQLite URL has no user and no host: sqlite:////path/to/users.db\n"
        ),
        (server, "--to-password-file", "missing"): (
            "error: --to-password-file: cannot read missing: No such file or directory.\n"
            "       Correct --to-password-file, or make the file readable for the user who runs lback.\n"
        ),
        (f"sqlite:///{notes}",): (
            f"error: The database {notes} is not a SQLite database.\n       Check the path in --to.\n"
        ),
        (f"sqlite:///{foreign}",): (
            f"error: The database {foreign} has an application's tables but none of lback's.\n"
            f"       Choose another --to; lback db status --database-url sqlite:///{foreign} shows why lback cannot"
            " adopt this one.\n"
        ),
        (f"sqlite:///{older}",): (
            f"error: The database {older} has older tables than this lback needs (0003 < {REVISION}).\n"
            f"       Run: lback db upgrade --database-url sqlite:///{older}\n"
        ),
    }
    for words, stderr in outputs.items():
        assert lback("db", "copy", "--to", *words) == (9, "", stderr)
    refused = lback("db", "copy", "--to", server)
    assert (refused.status, "database.url" in refused.err, "the host and the port in --to" in refused.err) == (
        9,
        False,
        True,
    )


def test_errors_of_the_source_name_the_configuration(lback: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Remember the milk. " * 100)
    words = ("--database-url", f"sqlite:///{tmp_path}/notes.txt", "db", "copy", "--to", f"sqlite:///{tmp_path}/new.db")
    assert lback(*words) == (
        9,
        "",
        f"error: The database {tmp_path}/notes.txt is not a SQLite database.\n       Check the path in database.url.\n",
    )
    assert not (tmp_path / "new.db").exists()


def test_a_database_is_not_copied_to_itself(lback: Any, source: Path, tmp_path: Path) -> None:
    (tmp_path / "link.db").hardlink_to(source)
    assert lback("db", "copy", "--to", f"sqlite:///{tmp_path}/link.db") == (
        2,
        "",
        "error: Source and target are the same database.\n       Name another database with --to.\n",
    )


@pytest.fixture
def waiting(lback: Any, source: Path, postgresql_url: str) -> Iterator[Callable[..., Any]]:
    """Start a copy to PostgreSQL that waits for a lock on a table. The fixture ends the copy."""
    target = Database(DatabaseSettings(url=postgresql_url))
    Schema(target).initialize()
    with target.session() as session:
        session.execute(text(f"UPDATE lback_alembic_version SET version_num = '{COPYING_PREFIX}{REVISION}'"))
    started: list[Any] = []

    def start(*words: str, to: str = postgresql_url, **options: Any) -> Any:
        holder = target.engine.connect()
        holder.execute(text("LOCK TABLE users IN EXCLUSIVE MODE"))
        process = lback.start("db", "copy", "--to", to, *words, **options)
        started.append((process, holder))
        waiters = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'users'::regclass")
        while not holder.execute(waiters).scalar():
            assert process.poll() is None, process.communicate()
        return process, holder

    assert source.exists()
    yield start
    for process, holder in started:
        process.kill()
        process.communicate()
        holder.close()
    target.dispose()


@pytest.mark.parametrize(
    ("number", "status", "last"),
    [
        (signal.SIGINT, 130, "Interrupted.\n"),
        (signal.SIGTERM, 143, ""),
        (signal.SIGHUP, 129, ""),
    ],
    ids=["SIGINT", "SIGTERM", "SIGHUP"],
)
def test_an_interrupted_copy_shows_the_command_that_continues_it(  # noqa: PLR0917 - fixtures and the case
    waiting: Any, lback: Any, postgresql_url: str, tmp_path: Path, number: int, status: int, last: str
) -> None:
    (tmp_path / "config.toml").write_text("")
    (tmp_path / "pw").write_text("s3cret\n")
    process, holder = waiting("-q", "--to-password-file", "pw", "--config", "config.toml", "--actor", "Ann O'Day")
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    command = (
        f"lback --config {tmp_path}/config.toml --actor 'Ann O'\"'\"'Day' db copy"
        f" --to {postgresql_url} --to-password-file {tmp_path}/pw"
    )
    assert (process.returncode, out) == (status, b"")
    assert err.decode() == f"The copy is not finished. Continue with: {command}\n{last}"
    holder.close()
    done = lback(*shlex.split(command)[1:], "-o", "json")
    assert (done.status, done.result["users"]) == (0, 2)


def test_the_shown_command_has_no_password() -> None:
    url = make_url("postgresql+psycopg://app:s3cret@db/app?sslmode=require&sslpassword=s3cret")
    assert without_password(url) == "postgresql+psycopg://app:***@db/app?sslmode=require&sslpassword=%2A%2A%2A"


@pytest.mark.parametrize(
    ("hint", "shown"),
    [
        ("Run: lback db init", "Run: lback db init --database-url {}"),
        ("Run 'lback db status' for details.", "Run lback db status --database-url {} for details."),
    ],
)
def test_a_hint_for_the_target_has_a_command_to_paste(hint: str, shown: str) -> None:
    target = Database(DatabaseSettings(url="postgresql+psycopg://app:s3cret@db/app?sslmode=verify-full&sslrootcert=ca"))
    with pytest.raises(SchemaError) as caught, renaming_settings_to_options(target):
        raise SchemaError("It has no tables.", hint=hint)
    url = "'postgresql+psycopg://app:***@db/app?sslmode=verify-full&sslrootcert=ca'"
    assert caught.value.hint == shown.format(url)


def test_copy_interrupted_before_the_first_row_is_reported(lback: Any, source: Path, postgresql_url: str) -> None:
    target = Database(DatabaseSettings(url=postgresql_url))
    Schema(target).initialize()
    with target.engine.connect() as holder:
        holder.execute(text("LOCK TABLE lback_alembic_version IN ACCESS EXCLUSIVE MODE"))
        process = lback.start("db", "copy", "--to", postgresql_url)
        # Others may wait in other databases.
        waiters = text(
            "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
            " WHERE NOT granted AND datname = current_database()"
        )
        while not holder.execute(waiters).scalar():
            assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20) == (b"", b"Nothing was copied.\nInterrupted.\n")
    assert (process.returncode, source.exists()) == (130, True)
    target.dispose()


class DroppingProxy:
    """A proxy for the PostgreSQL server of this machine that can drop its connections."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, server = self._listener.accept()[0], socket.create_connection(("127.0.0.1", 5432))
                self._ends += [client, server]
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    @staticmethod
    def _pass(one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        for end in (self._listener, *self._ends):
            # Unlike close alone, this wakes the threads that wait.
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.mark.parametrize("by", ["the server", "the network"])
def test_a_lost_connection_is_reported_once(waiting: Any, source: Path, postgresql_url: str, by: str) -> None:
    with sqlite3.connect(source) as connection:
        # So many that the driver is still sending when there is no connection any more.
        connection.execute(
            "WITH RECURSIVE c(x) AS (SELECT 3 UNION ALL SELECT x + 1 FROM c WHERE x < 1000)"
            " INSERT INTO users SELECT x, printf('u%0200d', x), printf('e%0200d', x), printf('h%0200d', x), 1, 1,"
            " NULL, NULL, printf('t%0200d', x), NULL, '2026-01-01 00:00:00', '2026-01-01 00:00:00' FROM c"
        )
    connection.close()
    passage = DroppingProxy()
    to = postgresql_url.replace(":5432", f":{passage.port}")
    process, holder = waiting("-q", to=f"{to}?sslmode=disable")
    victims = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND wait_event_type = 'Lock'"
    )
    if by == "the server":
        holder.execute(victims)
    else:
        passage.cut()
    out, err = process.communicate(timeout=20)
    passage.cut()
    assert (process.returncode, out) == (9, b"")
    assert err.decode() == f"error: The connection to the database {to} was lost.\n       Run the command again.\n"


@pytest.mark.parametrize("quiet", [False, True])
def test_a_terminal_shows_a_progress_bar_unless_quiet(lback: Any, source: Path, tmp_path: Path, quiet: bool) -> None:
    ours, theirs = pty.openpty()
    words = ["-q"] if quiet else []
    url = f"sqlite:///{tmp_path}/copy.db"
    process = lback.start("db", "copy", "--to", url, "-o", "json", *words, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # Linux raises this when the other end of the terminal is closed
        pass
    os.close(ours)
    process.communicate(timeout=20)
    assert (process.returncode, source.exists()) == (0, True)
    seen = [word in shown.decode() for word in ("copied", "read back", "compared", "users: 2", "Everything was copied")]
    assert seen == ([False] * 5 if quiet else [True, True, True, False, True])


def test_copy_creates_directories_with_the_modes_of_init(lback: Any, source: Path, tmp_path: Path) -> None:
    assert source.exists()
    assert lback("db", "copy", "-q", "--to", f"sqlite:///{tmp_path}/new/er/x.db").status == 0
    assert lback("db", "init", "-q", "--database-url", f"sqlite:///{tmp_path}/also/new/x.db").status == 0
    modes = [(tmp_path / path).stat().st_mode & 0o777 for path in ("new/er", "also/new", "new/er/x.db")]
    assert modes == [0o700, 0o700, 0o600]


def test_the_help_of_copy_shows_every_paragraph(lback: Any) -> None:
    shown = " ".join(lback("db", "copy", "--help", COLUMNS=100).out.split())
    for sentence in (
        "First stop everything that writes to the source.",
        "To continue an interrupted copy, run the same command again.",
    ):
        assert sentence in shown
