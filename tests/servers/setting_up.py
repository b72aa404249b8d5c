"""A program that kills processes while they set up a database: ``setting_up.py URL TASK MODE N``.

TASK is ``init``, ``adopt`` or ``upgrade``. In MODE ``sweep`` a process dies after its first change to the database,
another one N changes later, and so on. After each, another process repeats the task. For each the program prints a line
of JSON: the last change, the state that was left, and the final tables. The last line is of a process that survived. In
MODE ``cut`` one process dies after its N-th change. In MODE ``together`` one process does the task, and then N do it
at once, without the lock that only one migration can hold; the program prints the final tables of both.
"""

import json
import multiprocessing
import os
import sys
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event, inspect, text
from sqlalchemy.engine import Connection

from lback_cli.database.engine import Database
from lback_cli.database.migrations import migrate
from lback_cli.database.schema import Schema
from lback_cli.settings import DatabaseSettings

CHANGES = ("CREATE", "INSERT", "UPDATE", "ALTER", "DROP")

ANN = (
    "INSERT INTO users (username, email, password, created_at, updated_at)"
    " VALUES ('ann', 'ann@example.org', '', '2026-01-01', '2026-01-01')"
)

TASKS: dict[str, Callable[[Schema], object]] = {
    "init": Schema.initialize,
    "adopt": Schema.adopt,
    "upgrade": Schema.upgrade,
}


def prepare(url: str, task: str) -> None:
    """Empty the database, and create what *task* starts from."""
    database = Database(DatabaseSettings(url=url))
    with database.engine.begin() as connection:
        drop_all(connection)
        if task == "upgrade":
            migrate(connection, "0001")
        if task == "adopt":
            migrate(connection, "0001")
            for statement in (
                "DROP TABLE lback_tokens",
                "DROP TABLE lback_alembic_version",
                # An application need not have this index, and lback must not create it.
                "DROP INDEX ix_users_auth_token" + (" ON users" if "mariadb" in url else ""),
                ANN,
            ):
                connection.execute(text(statement))
    database.dispose()


def drop_all(connection: Connection) -> None:
    names = inspect(connection).get_table_names()
    if connection.dialect.name == "postgresql":
        for name in names:
            connection.execute(text(f'DROP TABLE "{name}" CASCADE'))
        return
    connection.execute(text("SET foreign_key_checks = 0"))
    for name in names:
        connection.execute(text(f"DROP TABLE `{name}`"))
    connection.execute(text("SET foreign_key_checks = 1"))


def run(url: str, task: str, fatal: int | None = None) -> str | None:
    """Run *task* in a child process that dies after change *fatal*; return that change, or None if it survived."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        number = 0

        @event.listens_for(Engine, "after_cursor_execute")
        def die(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            nonlocal number
            number += statement.lstrip().startswith(CHANGES)
            if number == fatal:
                os.write(writing, " ".join(statement.split()[:3]).encode())
                os._exit(9)

        database = Database(DatabaseSettings(url=url))
        try:
            TASKS[task](Schema(database))
        except BaseException as error:  # noqa: BLE001 - the parent reports it
            os.write(writing, repr(error).encode())
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(writing)
    with os.fdopen(reading) as report:
        message = report.read()
    assert status in {0, 9}, message
    return message if status else None


def describe(database: Database) -> dict[str, str]:
    """Return the complete definition of each table, and its number of rows."""
    with database.engine.connect() as connection:
        found = inspect(connection)
        return {
            name: repr(
                (
                    [{**column, "type": repr(column["type"])} for column in found.get_columns(name)],
                    found.get_pk_constraint(name),
                    sorted(found.get_indexes(name), key=repr),
                    sorted(found.get_foreign_keys(name), key=repr),
                    found.get_table_options(name),
                    connection.execute(text(f"SELECT count(*) FROM {found.dialect.identifier_preparer.quote(name)}"))
                    .scalars()
                    .all(),
                )
            )
            for name in sorted(found.get_table_names())
        }


def sweep(url: str, task: str, stride: int) -> None:
    fatal = 1
    change: str | None = ""
    while change is not None:
        prepare(url, task)
        change = run(url, task, fatal)
        database = Database(DatabaseSettings(url=url))
        left = Schema(database).status().state
        if change is not None:
            assert run(url, task) is None
        line = {"change": change, "left": left, "tables": describe(database), "end": Schema(database).status().state}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        database.dispose()
        fatal += stride


def together(url: str, task: str, processes: int) -> None:
    prepare(url, task)
    assert run(url, task) is None
    show(url)
    prepare(url, task)
    fork = multiprocessing.get_context("fork")
    begun, errors = fork.Barrier(processes), fork.SimpleQueue()

    def work() -> None:
        waited: list[str] = []

        @event.listens_for(Engine, "before_cursor_execute", retval=True)
        def without_lock(*arguments: Any) -> tuple[str, Any]:
            statement, values = arguments[2:4]
            if "GET_LOCK" not in statement and "pg_advisory" not in statement:
                return statement, values
            if not waited:
                waited.append(statement)
                begun.wait(30)
            return "SELECT 1", values

        try:
            TASKS[task](Schema(Database(DatabaseSettings(url=url))))
        except BaseException as error:  # noqa: BLE001 - the parent reports it
            errors.put(str(error))
        os._exit(0)

    children = [fork.Process(target=work) for _ in range(processes)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    found = []
    while not errors.empty():
        found.append(errors.get())
    show(url, errors=found, end=Schema(Database(DatabaseSettings(url=url))).status().state)


def show(url: str, **more: Any) -> None:
    tables = describe(Database(DatabaseSettings(url=url)))
    sys.stdout.write(json.dumps({**more, "tables": tables}) + "\n")


if __name__ == "__main__":
    _, url, task, mode, number = sys.argv
    if mode == "sweep":
        sweep(url, task, int(number))
    elif mode == "together":
        together(url, task, int(number))
    else:
        prepare(url, task)
        assert run(url, task, int(number)) is not None
