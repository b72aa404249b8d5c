"""`lback db`."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from lback_cli.database.schema import REVISION

Cli = Callable[..., Any]


def status(path: object, state: str, revision: str) -> str:
    found = f"revision  {revision}\n" if revision else ""
    return f"database  {path}\nbackend   sqlite\nstate     {state}\n{found}needed    {REVISION}\n"


def test_a_configured_database_is_created_only_on_request(cli: Cli, tmp_path: Any) -> None:
    path = tmp_path / "users.db"
    url = f"--database-url=sqlite:///{path}"
    missing = f"error: The database {path} does not exist.\n       Run: lback db init\n"
    assert cli("db", "status", url) == (9, status(path, "missing", ""), missing)
    assert cli("user", "list", url) == (9, "", missing)
    assert not path.exists()
    assert cli("db", "init", url) == (0, status(path, "current", REVISION), f"{path} is ready.\n")
    assert cli("db", "init", url) == (0, status(path, "current", REVISION), f"{path} already has its tables.\n")
    assert cli("db", "upgrade", url) == (0, status(path, "current", REVISION), f"{path} is up to date.\n")
    assert cli("db", "status", url, "-o", "jsonl") == (
        0,
        json.dumps(
            {"database": str(path), "backend": "sqlite", "state": "current", "revision": REVISION, "needed": REVISION}
        )
        + "\n",
        "",
    )
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("empty", [True, False])
def test_an_upgrade_makes_an_empty_or_a_missing_database_ready(cli: Cli, tmp_path: Any, empty: bool) -> None:
    path = tmp_path / "users.db"
    if empty:
        path.touch()
    url = f"--database-url=sqlite:///{path}"
    assert cli("db", "upgrade", url) == (0, status(path, "current", REVISION), f"{path} is ready.\n")
    assert cli("user", "list", url, "-o", "json") == (0, "[]\n", "")


def test_the_embedded_database_is_created_on_first_use_for_its_owner(cli: Cli, lback: Any) -> None:
    assert cli("user", "list", "-o", "json") == (0, "[]\n", "")
    assert lback.database.stat().st_mode & 0o777 == 0o600
    assert lback.database.parent.stat().st_mode & 0o777 == 0o700
