"""Checks beside an application of the lback framework."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lback_cli.doctor.application import check_application
from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.files import check_files
from lback_cli.doctor.migrations import LINE, advice, unprotected
from lback_cli.settings import CompatSettings

MakeContext = Callable[..., CheckContext]

FINE = "The application's administrators are its own, and no migration that lback can see drops lback's tables."


def project(directory: Path, text: str, *, location: str = "alembic", ini: str | None = None) -> Path:
    """Make an Alembic project whose env.py has *text*."""
    script = directory / location / "env.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(text)
    if ini is not None:
        (directory / "alembic.ini").write_text(ini)
    return script


@pytest.mark.parametrize(
    ("text", "is_protected"),
    [
        (f"context.configure(connection=connection, {LINE})", True),
        ("context.configure(connection=connection)", False),
        (f"# {LINE}\ncontext.configure(connection=connection)", False),
        ("def include_object(o, name, *_): return not name.startswith('lback_')", True),
        ("", False),
    ],
)
def test_migrations_that_would_drop_the_tables_are_found(tmp_path: Path, text: str, is_protected: bool) -> None:
    script = project(tmp_path, text)
    problems = unprotected([tmp_path, tmp_path / "none", tmp_path])
    assert [problem.hint for problem in problems] == (
        [] if is_protected else [f"Add this line to context.configure() in {script}: {LINE} See docs/adoption.md."]
    )
    assert advice([tmp_path]) == problems


def test_scripts_are_where_alembic_ini_says(tmp_path: Path) -> None:
    script = project(tmp_path, "", location="db/scripts", ini="[alembic]\nscript_location = %(here)s/db/scripts\n")
    assert str(script) in unprotected([tmp_path])[0].message
    for broken in ("no section", "[alembic]\n", "[alembic]\nscript_location = %(nothing)s\n", "\0"):
        (tmp_path / "alembic.ini").write_text(broken)
        assert unprotected([tmp_path]) == []


def test_project_that_lback_does_not_see_is_advised(tmp_path: Path) -> None:
    (problem,) = advice([tmp_path])
    assert problem.hint == f"Add this line to context.configure() there: {LINE} See docs/adoption.md."
    assert unprotected([tmp_path]) == []


def test_database_of_lbacks_own_has_no_application(make_context: MakeContext, tmp_path: Path) -> None:
    project(tmp_path, "")
    result = check_application(make_context())
    assert (result.status, result.message) == ("ok", "No application of the lback framework shares the database.")


@pytest.fixture
def beside(make_context: MakeContext) -> Any:
    """A database that an application of the framework shares: root (1) and bob (2), members of admin."""
    context = make_context(compat=CompatSettings(lback_framework=True))
    moment = "'2026-01-01', '2026-01-01'"
    with context.database.engine.begin() as connection:
        for statement in (
            "DROP INDEX ix_user_groups_association_group_id",
            "CREATE TABLE admin_users (id INTEGER PRIMARY KEY, username VARCHAR, email VARCHAR)",
            f"INSERT INTO groups (id, name, created_at, updated_at) VALUES (1, 'admin', {moment})",
            *(
                "INSERT INTO users"
                " (id, username, email, password, is_active, is_email_verified, created_at, updated_at)"
                f" VALUES ({number}, '{name}', '{name}@example.org', 'x', 1, 1, {moment})"
                for number, name in ((1, "root"), (2, "bob"))
            ),
            "INSERT INTO user_groups_association VALUES (1, 1), (2, 1)",
        ):
            connection.exec_driver_sql(statement)
    return context


def test_members_of_admin_are_compared_with_the_applications_administrators(beside: CheckContext) -> None:
    def insert(row: str) -> None:
        with beside.database.engine.begin() as connection:
            connection.exec_driver_sql(f"INSERT INTO admin_users VALUES {row}")

    unknown = check_application(beside)
    assert (unknown.status, unknown.message) == (
        "warn",
        "Members of 'admin' without a row of the same id in admin_users cannot use the application: root, bob.",
    )
    insert("(1, 'root', 'Root@Example.org')")
    assert check_application(beside).message.endswith("cannot use the application: bob.")
    insert("(2, 'boss', 'boss@example.org')")
    mistaken = check_application(beside)
    assert (mistaken.status, mistaken.message, mistaken.hint) == (
        "fail",
        "The application takes bob (id 2), a member of 'admin', for its administrator boss.",
        "Run: lback user update id:2 --remove-group admin",
    )
    with beside.database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM user_groups_association WHERE user_id = 2")
    assert check_application(beside) == type(mistaken)("application", "ok", FINE)


def test_migrations_are_looked_for_beside_the_database(beside: CheckContext, tmp_path: Path) -> None:
    script = project(tmp_path, "")
    result = check_application(beside)
    assert result.status == "fail"
    assert result.message.startswith(
        f"The application's next makemigrations would drop lback's tables, the event log included ({script})."
    )


def test_mode_of_the_applications_file_is_a_warning(beside: CheckContext, tmp_path: Path) -> None:
    (tmp_path / "users.db").chmod(0o644)
    result = check_files(beside)
    assert (result.status, result.message) == (
        "warn",
        f"Others can read or write {tmp_path / 'users.db'} (644), as the application made it.",
    )
    assert result.hint == f"Run: chmod 600 {tmp_path / 'users.db'}"


def test_pipe_in_place_of_a_file_of_alembic_does_not_stop_the_check(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "alembic.ini")
    script = project(tmp_path, "")
    assert str(script) in unprotected([tmp_path])[0].message
