"""The layers of the package, the modules that commands load, and the public names."""

import ast
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lback_cli
from lback_cli import errors

PACKAGE = Path(lback_cli.__file__).parent
PROJECT = Path(__file__).parent.parent

OF_OTHER_CONFIGURATIONS = {
    *("sqlalchemy.dialects.postgresql", "sqlalchemy.dialects.mysql"),
    "lback_cli.settings.sink_kinds",
}
"""What a command with a SQLite database and without sinks has no use for."""

FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def _imported(file: str) -> Iterator[str]:
    """Return the first part of the name of every module that *file* imports."""
    for node in ast.walk(ast.parse((PACKAGE / file).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            yield node.module.partition(".")[0]


def _loaded(lback: Any, *arguments: str, input: str = "") -> set[str]:  # noqa: A002
    """Return the modules that the command has loaded at its end."""
    program = (
        "import atexit, json, os, sys\n"
        "atexit.register(lambda: os.write(3, json.dumps(sorted(sys.modules)).encode()))\n"
        "from lback_cli.__main__ import main\n"
        f"main({list(arguments)!r})\n"
    )
    report = lback.directory / "modules.json"
    done = subprocess.run(
        ["bash", "-c", 'exec "$0" -c "$1" 3> "$2"', sys.executable, program, str(report)],
        env=lback.environment,
        cwd=lback.directory,
        input=input.encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return set(json.loads(report.read_text()))


def test_imports_point_down() -> None:
    pytest.importorskip("importlinter", reason="import-linter is in the dependency group lint")
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command, "--no-cache"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_typer_is_known_only_to_the_command_line() -> None:
    assert {file.partition("/")[0] for file in FILES if "typer" in _imported(file)} == {"cli"}


def test_rich_is_known_only_to_the_output_and_the_trace() -> None:
    users = {file for file in FILES if "rich" in _imported(file)}
    assert users
    assert all(re.fullmatch(r"cli/(output/\w+|\w+/\w*progress)\.py|tracing/\w+\.py", file) for file in users), users


def test_sql_is_built_only_in_and_below_the_repositories() -> None:
    """Above, SQLAlchemy is the type of a session and the state of an object."""
    speaking = {"select", "insert", "update", "delete", "text", "create_engine"}
    for file in FILES:
        if file.startswith(("repositories/", "database/", "database_copy/", "models/")):
            continue
        for node in ast.walk(ast.parse((PACKAGE / file).read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
                assert not speaking & {alias.name for alias in node.names}, file


def test_the_version_needs_none_of_the_heavy_libraries(lback: Any) -> None:
    heavy = {
        *("sqlalchemy", "rich", "passlib", "argon2", "blinker", "alembic", "pydantic", "tomllib", "dotenv"),
        *("smtplib", "email", "email_validator", "precis_i18n", "platformdirs", "sqlite3"),
    }
    assert not _loaded(lback, "--version") & heavy


def test_help_needs_neither_the_database_nor_rich(lback: Any) -> None:
    for words in (("--help",), ("help", "user"), ("help", "options")):
        assert not _loaded(lback, *words) & {"sqlalchemy", "rich", "pydantic", "passlib", "alembic"}, words


def test_queries_load_only_the_database(lback: Any) -> None:
    registered = lback(
        "user",
        "register",
        "alice",
        "--email",
        "alice@example.org",
        "--password-stdin",
        input="purple giraffes yodel at dusk",
    )
    assert registered.status == 0
    heavy = {
        *("alembic", "mako", "passlib", "argon2", "bcrypt", "smtplib", "email.policy", "rich", "pydantic"),
        *("precis_i18n", "email_validator", "tomllib", "dotenv"),
        *("sqlalchemy.orm", *OF_OTHER_CONFIGURATIONS),
    }
    for command in (
        "user show alice@example.org",
        "user show alice --as-of event:2",
        "user list --limit 5",
        "group list",
    ):
        modules = _loaded(lback, *command.split())
        assert "sqlalchemy" in modules
        assert sorted(modules & heavy) == [], command
        assert "lback_cli.receivers.plugins" not in modules, "plugins are not searched"


def test_command_loads_exactly_the_needed_libraries(lback: Any) -> None:
    """The libraries that the tests above exclude are loaded when they are used."""
    assert "alembic" in _loaded(lback, "user", "list"), "the first use creates the database"
    (lback.directory / "config.toml").write_text("")
    environment_file = lback.directory / ".env"
    environment_file.write_text("LBACK_EMAIL_PORT=25\n")
    environment_file.chmod(0o600)
    assert {"tomllib", "dotenv"} <= _loaded(lback, "user", "list")
    register = ("user", "register", "alice", "--email", "alice@example.org", "--password-stdin")
    modules = _loaded(lback, *register, input="purple giraffes yodel at dusk")
    assert {"passlib", "argon2", "email.policy", "lback_cli.receivers.plugins"} <= modules
    assert not modules & {"lback_cli.receivers.hooks", "lback_cli.receivers.subprocess_runner"}, "there are none"
    assert not modules & {"precis_i18n", "email_validator", "rich", "pydantic", "alembic", *OF_OTHER_CONFIGURATIONS}
    unusual = ("user", "register", "bob", "--email", "bob@b\u00fccher.example", "--password-stdin")
    assert "email_validator" in _loaded(lback, *unusual, input="purple giraffes yodel at dusk")


def test_the_signals_are_listed_without_a_database(lback: Any) -> None:
    assert not _loaded(lback, "signals", "list") & {"sqlalchemy", "passlib", "alembic", "pydantic", "rich"}


def test_public_names_are_exactly_those_that_are_promised() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))
    declared = {
        alias.asname or alias.name
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(lback_cli.__all__) == declared, "what type checkers see is what there is"
    assert lback_cli.__all__ == sorted(lback_cli.__all__)
    for name in lback_cli.__all__:
        assert getattr(lback_cli, name) is not None
        assert name in dir(lback_cli)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = lback_cli.nonsense


def test_every_module_has_a_docstring() -> None:
    for file in FILES:
        if "/versions/" not in f"/{file}":
            assert ast.get_docstring(ast.parse((PACKAGE / file).read_text("utf-8"))), file


def _documented_errors() -> Iterator[tuple[str, str | None, str | None]]:
    """Name, base and code of every error, as the docstring of the module draws them."""
    above: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        found = re.fullmatch(r"( *)- `(\w+)`(?: +``(\w+)``)?", line)
        if found is None:
            continue
        depth = len(found[1])
        above[depth] = found[2]
        yield found[2], above.get(depth - 4), found[3]


def test_documented_tree_of_errors_is_complete() -> None:
    classes = {
        name: kind
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, errors.LbackError)
    }
    drawn = list(_documented_errors())
    assert [name for name, _, _ in drawn] == list(dict.fromkeys(name for name, _, _ in drawn))
    assert {name for name, _, _ in drawn} == set(classes)
    for name, base, code in drawn:
        assert classes[name].__bases__[0].__name__ == (base or "Exception"), name
        assert vars(classes[name]).get("code") == (code or ("error" if base is None else None)), name


def test_codes_of_errors_are_unique() -> None:
    codes = [code for _, _, code in _documented_errors() if code is not None]
    assert len(set(codes)) == len(codes)
