"""The message and the hint for each error of a database."""

import resource
import shutil
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from lback_cli.database.engine import Database
from lback_cli.database.error_messages import describe_error, redact_values
from lback_cli.errors import DatabaseError
from lback_cli.models import Group, User

Connect = Callable[..., Database]

PAGE_SIZE = 4096


def insert(database: Database, bytes_of_text: int = 10) -> None:
    now = datetime.now(UTC)
    with database.session() as session:
        session.add(Group(name="staff", description="x" * bytes_of_text, created_at=now, updated_at=now))


def read(database: Database) -> None:
    with database.reading() as session:
        session.scalars(select(Group)).all()


def error_of(function: Callable[..., None], *arguments: Any) -> tuple[str, str | None]:
    with pytest.raises(DatabaseError) as caught:
        function(*arguments)
    assert caught.value.__cause__ is not None
    return caught.value.message, caught.value.hint


def copy_file(database: Database, target: Path) -> Path:
    """Copy the database file after closing its connections, so that it has no journal."""
    database.dispose()
    assert database.path is not None
    shutil.copy(database.path, target)
    return target


# Each message, by its real cause


def test_locked_database(database: Database) -> None:
    assert database.path is not None
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert error_of(insert, database) == (
            f"The database {database.path} is locked by another process.",
            "Try again, or raise database.busy_timeout.",
        )


def test_read_only_database(connect: Connect, database: Database) -> None:
    read_only = connect(f"sqlite:///file:{database.path}?mode=ro&uri=true")
    read(read_only)
    assert error_of(insert, read_only) == (
        f"The database file:{database.path} cannot be written to.",
        "Check the permissions of the file and of its directory.",
    )


def test_database_that_cannot_be_opened(connect: Connect, tmp_path: Path) -> None:
    assert error_of(read, connect(f"sqlite:///{tmp_path}")) == (
        f"The database {tmp_path} cannot be opened.",
        "Check the path, and the permissions of the file and directory.",
    )


def test_file_that_is_not_a_database_is_left_unchanged(connect: Connect, tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear Sir or Madam, " * 100, "utf-8")
    for function in (read, insert):
        assert error_of(function, connect(f"sqlite:///{file}")) == (
            f"The database {file} is not a SQLite database.",
            "Check the path in database.url.",
        )
    assert file.read_text("utf-8") == "Dear Sir or Madam, " * 100


def test_damaged_database(connect: Connect, database: Database, tmp_path: Path) -> None:
    insert(database)
    file = copy_file(database, tmp_path / "damaged.db")
    pages = file.read_bytes()
    file.write_bytes(pages[:PAGE_SIZE] + b"\x5a" * (len(pages) - PAGE_SIZE))
    assert error_of(read, connect(f"sqlite:///{file}")) == (
        f"The database {file} is damaged.",
        "Restore it from a backup.",
    )


def test_full_disk(database: Database) -> None:
    def fill() -> None:
        with database.session() as session:
            session.execute(text("PRAGMA max_page_count = 1"))
            session.execute(
                text("INSERT INTO groups (name, description, created_at, updated_at) VALUES ('a', :filler, 'b', 'c')"),
                {"filler": "x" * 100 * PAGE_SIZE},
            )

    assert error_of(fill) == (
        f"The database {database.path} cannot grow, because the disk is full.",
        "Free some disk space.",
    )


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Prevent this process from writing files larger than *size* bytes. Python ignores the signal and raises."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_disk_error(database: Database) -> None:
    read(database)
    with file_size_limit(100 * PAGE_SIZE):
        message = error_of(insert, database, 200 * PAGE_SIZE)
    assert message == (
        f"The database {database.path} cannot be read or written, because the disk reports an error.",
        "Check the disk.",
    )
    insert(database)


def test_other_error_keeps_the_words_of_the_database(database: Database) -> None:
    def drop() -> None:
        with database.session() as session:
            session.execute(text("DROP TABLE elsewhere"))

    assert error_of(drop) == (
        f"The database {database.path} failed: no such table: elsewhere.",
        "Run 'lback db status' for details.",
    )


def test_only_the_first_line_of_the_drivers_message_is_kept(database: Database) -> None:
    error = OperationalError("SELECT 1", {}, sqlite3.OperationalError("\n first things first\nDETAIL: canary"))
    assert describe_error(database.url, error).message == f"The database {database.path} failed: first things first."


def test_error_without_a_message_is_named_by_its_class(database: Database) -> None:
    silent = OperationalError("SELECT 1", {}, sqlite3.OperationalError(""))
    assert describe_error(database.url, silent).message == f"The database {database.path} failed: OperationalError."


def test_server_is_named_without_its_password(connect: Connect) -> None:
    url = connect("postgresql+psycopg://ann:canary@db/app").url
    error = OperationalError("SELECT 1", {}, sqlite3.OperationalError("gone"))
    assert describe_error(url, error).message == "The database postgresql+psycopg://ann:***@db/app failed: gone."


def test_other_exceptions_pass_through(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.session():
        _ = 1 / 0


# Bound values may be secret


CANARY = "canary-7f3a91"


def duplicate(database: Database) -> None:
    now = datetime.now(UTC)
    with database.session() as session:
        for name in ("ann", "ben"):
            session.add(User(username=name, email=CANARY, password_hash=CANARY, created_at=now, updated_at=now))
            session.flush()


def wrong_table(database: Database) -> None:
    with database.session() as session:
        session.execute(text("SELECT * FROM elsewhere WHERE secret = :secret"), {"secret": CANARY})


def wrong_type(database: Database) -> None:
    with database.session() as session:
        session.execute(text("SELECT :secret"), {"secret": [CANARY]})


def wrong_type_for_a_column(database: Database) -> None:
    with database.session() as session:
        session.execute(select(bindparam("moment", CANARY, type_=User.created_at.type)))


def many_at_once(database: Database) -> None:
    with database.session() as session:
        statement = text("INSERT INTO groups (name, created_at, updated_at) VALUES (:name, 'now', 'now')")
        session.execute(statement, [{"name": CANARY}, {"name": CANARY}])


def locked_out(database: Database) -> None:
    assert database.path is not None
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        many_at_once(database)


@pytest.mark.parametrize(
    "function", [duplicate, wrong_table, wrong_type, wrong_type_for_a_column, many_at_once, locked_out]
)
def test_errors_and_tracebacks_show_no_bound_value(database: Database, function: Callable[[Database], None]) -> None:
    with pytest.raises(DatabaseError) as caught:
        function(database)
    shown = "".join(traceback.format_exception(caught.value)) + str(caught.value.hint) + repr(caught.value)
    assert CANARY not in shown


# The messages of servers may contain values


@pytest.mark.parametrize(
    "words",
    [
        'invalid input syntax for type integer: "{}"',
        "Eingabesyntax für Typ integer: \u00bb{}\u00ab",
        "invalide pour le type integer : \u00ab {} \u00bb",
        "ongeldig: \u2018{}\u2019",
        "felaktig: \u201d{}\u201d",
        "integer \u578b\u306e\u5165\u529b: \u300c{}\u300d",
    ],
)
@pytest.mark.parametrize("value", ["geheim", "ge'h\u00abeim"])
def test_quoted_value_in_a_servers_message_is_removed_in_every_language(words: str, value: str) -> None:
    psycopg = pytest.importorskip("psycopg")
    error = DBAPIError("SELECT 1", {}, psycopg.errors.InvalidTextRepresentation(words.format(value)))
    redact_values(error)
    described = describe_error(make_url("postgresql+psycopg://db/app"), error)
    shown = f"{described.message} {error} {error.orig}"
    assert "heim" not in shown
    assert described.message.startswith(
        f"The database postgresql+psycopg://db/app failed: {words.partition('{')[0][:-2]}"
    )
    assert described.message.endswith(" (22P02).")
