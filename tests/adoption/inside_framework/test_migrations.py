"""The migrations of a project that ``lback startproject`` made, on a database that lback has adopted."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from lback_cli.doctor.migrations import LINE, advice, unprotected


@pytest.fixture
def run(database: Path, tmp_path: Path) -> Callable[..., str]:
    """Run Python in the project, whose database is adopted; return what it wrote."""
    from lback.commands.project import ProjectCommands

    ProjectCommands(None, "myproject").startproject()

    def python(*arguments: str) -> str:
        done = subprocess.run([sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    assert database.exists()
    python("-m", "alembic", "stamp", "head")
    return python


def tables(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'lback_%'")}


def migrate(run: Callable[..., str]) -> str:
    """Run what ``manage.py makemigrations`` and ``manage.py migrate`` run."""
    made = run("-m", "alembic", "revision", "--autogenerate")
    run("-m", "alembic", "upgrade", "head")
    return made


def test_migrations_without_the_line_drop_lbacks_tables(
    database: Path, tmp_path: Path, run: Callable[..., str]
) -> None:
    assert "lback_events" in tables(database)
    (problem,) = unprotected([tmp_path])
    assert str(tmp_path / "alembic" / "env.py") in problem.message
    assert "Detected removed table 'lback_events'" in migrate(run)
    assert tables(database) == set()


def test_migrations_with_the_line_leave_lbacks_tables(database: Path, tmp_path: Path, run: Callable[..., str]) -> None:
    before = tables(database)
    script = tmp_path / "alembic" / "env.py"
    configure = "context.configure(\n            connection=connection,\n"
    text = script.read_text()
    assert configure in text
    script.write_text(text.replace(configure, f"{configure}            {LINE}\n"))
    assert advice([tmp_path]) == []
    assert "Detected" not in migrate(run)
    assert tables(database) == before
