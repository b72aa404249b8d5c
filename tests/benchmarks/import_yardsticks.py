"""What imports are compared with: other programs, and the drivers of databases that write the same rows."""

import secrets
import sqlite3
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

CHUNK = 1000
TABLES = ("users", "user_groups_association", "lback_events")

POSTGRESQL = "postgresql+psycopg://root@127.0.0.1:5432/"
MARIADB = "mariadb+pymysql://root@127.0.0.1:3306/"

_HEAD = "UPDATE lback_event_head SET seq = {0}, hash = {0}"
_JOB = "UPDATE lback_import_jobs SET rows_done = {0}"

DJANGO = """
import json, sys, time
from django.conf import settings
users, path = int(sys.argv[1]), sys.argv[2]
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"], USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": path, "OPTIONS": {
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;", "transaction_mode": "IMMEDIATE"}}})
import django
django.setup()
from django.core.management import call_command
from django.contrib.auth.models import User
from django.db import transaction
call_command("migrate", verbosity=0)
HASH = sys.argv[3]
started = time.perf_counter()
for start in range(0, users, 1000):
    with transaction.atomic():
        User.objects.bulk_create([
            User(username=f"user{i:07}", email=f"user{i:07}@example.org", password=HASH)
            for i in range(start, min(start + 1000, users))])
took = time.perf_counter() - started
assert User.objects.count() == users
print(json.dumps({"rate": users / took, "version": django.get_version()}))
"""

FLASK = """
import json, sys, time
from importlib.metadata import version
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_security import Security, SQLAlchemyUserDatastore
from flask_security.models import fsqla_v3 as fsqla
users, path = int(sys.argv[1]), sys.argv[2]
app = Flask("bench")
app.config.update(SECRET_KEY="x", SECURITY_PASSWORD_SALT="1", SQLALCHEMY_DATABASE_URI="sqlite:///" + path)
db = SQLAlchemy(app)
fsqla.FsModels.set_db_info(db)
class Role(db.Model, fsqla.FsRoleMixin): pass
class User(db.Model, fsqla.FsUserMixin): pass
store = SQLAlchemyUserDatastore(db, User, Role)
Security(app, store)
HASH = sys.argv[3]
with app.app_context():
    db.session.execute(db.text("PRAGMA journal_mode=WAL"))
    db.session.commit()
    db.create_all()
    role = store.create_role(name="basic_user")
    db.session.commit()
    started = time.perf_counter()
    for i in range(users):
        store.create_user(email=f"user{i:07}@example.org", username=f"user{i:07}", password=HASH, roles=[role])
        if i % 1000 == 999:
            store.commit()
    store.commit()
    took = time.perf_counter() - started
    assert db.session.query(User).count() == users
print(json.dumps({"rate": users / took, "version": version("Flask-Security")}))
"""

Run = Callable[[str], object]
"""Executes one statement."""


def opened(url: str, directory: Path) -> tuple[Any, Any]:
    """Return the database at *url*, with lback's tables, and its services."""
    from lback_cli.database.engine import Database
    from lback_cli.database.schema import Schema
    from lback_cli.managers.dependencies import Dependencies
    from lback_cli.settings import DatabaseSettings, Settings

    settings = Settings(database=DatabaseSettings(url=url))
    database = Database(settings.database)
    if Schema(database).status().state in {"missing", "empty"}:
        Schema(database).initialize()
    return database, Dependencies(settings, data_directory=directory)


def scratch_environment(directory: Path) -> str:
    """Return the path of a Python with the other programs."""
    venv.create(directory / "peers", with_pip=True)
    python = str(directory / "peers" / "bin" / "python")
    packages = ["django", "flask-security", "flask-sqlalchemy", "argon2-cffi"]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return python


@contextmanager
def new_database(server: str) -> Iterator[str]:
    """Create an empty database on *server*, and yield its URL; drop it at the end."""
    name = f"lback_test_{secrets.token_hex(8)}"
    with _administrator(server) as run:
        run(f"CREATE DATABASE {name}")
        try:
            yield server + name
        finally:
            run(f"DROP DATABASE {name}" + (" WITH (FORCE)" if server == POSTGRESQL else ""))


@contextmanager
def _administrator(server: str) -> Iterator[Run]:
    if server == POSTGRESQL:
        import psycopg

        with psycopg.connect(host="127.0.0.1", user="root", dbname="postgres", autocommit=True) as connection:
            yield connection.execute
    else:
        import pymysql

        with pymysql.connect(host="127.0.0.1", user="root") as connection, connection.cursor() as cursor:
            yield cursor.execute


def executemany_on_sqlite(original: str, copy: str) -> float:
    """Copy the rows of the import into *original* to a new file, with ``executemany``; return the seconds."""
    opened(f"sqlite:///{copy}", Path(copy).parent)
    with closing(sqlite3.connect(original)) as source, closing(sqlite3.connect(copy, isolation_level=None)) as target:
        rows = _read(source)
        target.execute("PRAGMA synchronous = FULL")
        target.execute("PRAGMA foreign_keys = ON")
        for table in ("groups", "lback_import_jobs"):
            found = source.execute(f"SELECT * FROM {table}").fetchall()
            target.executemany(f"INSERT INTO {table} VALUES ({_marks('?', found)})", found)
        statements = {table: f"INSERT INTO {table} VALUES ({_marks('?', found)})" for table, found in rows.items()}

        def write(table: str, some: list[Any]) -> None:
            target.executemany(statements[table], some)

        def end(done: int) -> None:
            target.execute(_HEAD.format("?"), (done, "0" * 64))
            target.execute(_JOB.format("?"), (done,))
            target.execute("COMMIT")

        return _timed(rows, write, end, lambda: target.execute("BEGIN IMMEDIATE"))


def copy_on_postgresql(original: str, copy: str) -> float:
    """Copy the rows of the import into *original* to another database, with ``COPY``; return the seconds."""
    import psycopg

    opened(copy, Path())
    with psycopg.connect(_plain(original)) as source, psycopg.connect(_plain(copy)) as target:
        rows = _read(source)
        cursor: Any = target.cursor()
        for table in ("groups", "lback_import_jobs"):
            found = source.execute(f"SELECT * FROM {table}").fetchall()
            cursor.executemany(f"INSERT INTO {table} VALUES ({_marks('%s', found)})", found)
        target.commit()

        def write(table: str, some: list[Any]) -> None:
            with cursor.copy(f"COPY {table} FROM STDIN") as written:
                for row in some:
                    written.write_row(row)

        def end(done: int) -> None:
            cursor.execute(_HEAD.format("%s"), (done, "0" * 64))
            cursor.execute(_JOB.format("%s"), (done,))
            target.commit()

        return _timed(rows, write, end)


def executemany_on_mariadb(original: str, copy: str) -> float:
    """Copy the rows of the import into *original* to another database, with ``executemany``; return the seconds."""
    import pymysql

    opened(copy, Path())

    def connect(url: str) -> Any:
        options = {"charset": "utf8mb4", "init_command": "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"}
        return pymysql.connect(host="127.0.0.1", user="root", database=url.rpartition("/")[2], **options)

    with connect(original) as source, connect(copy) as target, source.cursor() as reader, target.cursor() as cursor:
        rows = _read(reader)
        for table in ("groups", "lback_import_jobs"):
            reader.execute(f"SELECT * FROM `{table}`")
            found = reader.fetchall()
            cursor.executemany(f"INSERT INTO `{table}` VALUES ({_marks('%s', found)})", found)
        target.commit()
        statements = {table: f"INSERT INTO {table} VALUES ({_marks('%s', found)})" for table, found in rows.items()}

        def write(table: str, some: list[Any]) -> None:
            cursor.executemany(statements[table], some)

        def end(done: int) -> None:
            cursor.execute(_HEAD.format("%s"), (done, "0" * 64))
            cursor.execute(_JOB.format("%s"), (done,))
            target.commit()

        return _timed(rows, write, end)


def _read(source: Any) -> dict[str, Sequence[Any]]:
    rows: dict[str, Sequence[Any]] = {}
    for table in TABLES:
        found = source.execute(f"SELECT * FROM {table} ORDER BY 1")
        rows[table] = (source if isinstance(found, int) else found).fetchall()
    return rows


def _timed(
    rows: dict[str, Sequence[Any]],
    write: Callable[[str, list[Any]], None],
    end: Callable[[int], None],
    begin: Callable[[], object] = lambda: None,
) -> float:
    """Write *rows*, a thousand users in a transaction, and return the seconds."""
    waiting = {table: iter(found) for table, found in rows.items()}
    started = time.perf_counter()
    for done in range(CHUNK, len(rows["users"]) + CHUNK, CHUNK):
        begin()
        for table in rows:
            if some := list(islice(waiting[table], CHUNK)):
                write(table, some)
        end(done)
    took = time.perf_counter() - started
    if any(next(left, None) is not None for table, left in waiting.items() if table != "lback_events"):
        sys.exit("not everything was written")
    return took


def _plain(url: str) -> str:
    return url.replace("+psycopg", "")


def _marks(mark: str, rows: Sequence[Sequence[Any]]) -> str:
    return ", ".join([mark] * len(rows[0]))
