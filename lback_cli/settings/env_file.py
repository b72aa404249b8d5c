"""Read variables from a ``.env`` file, and trust it only when nobody else can have written or read it."""

import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lback_cli.errors import ConfigurationError

if TYPE_CHECKING:
    from dotenv.parser import Binding


def read_private_variables(path: Path, prefix: str) -> dict[str, str]:
    """The variables of *path* whose names start with *prefix*, values as written: nothing is interpolated.

    A file that somebody else can write, or a link that leads elsewhere, would let that person choose the database;
    one that others can read gives its password away. So a file with such variables must be a regular file, the
    user's own, and closed to group and others. Other programs' ``.env`` files, without such variables, may be anything.

    Raises `ConfigurationError` for a file that cannot be read or trusted, and for a broken line about *prefix*.
    """
    # Anything but a file is left alone: a directory may be a virtual environment, and a pipe would block.
    if not os.path.isfile(path):  # noqa: PTH113 (Path.is_file raises PermissionError before Python 3.14)
        return {}
    try:
        with path.open("rb") as file:
            content, status = file.read(), os.fstat(file.fileno())
    except OSError as error:
        raise ConfigurationError(
            f"Cannot read {path}: {error.strerror or error}.", hint="Run lback in another directory, or as its owner."
        ) from error
    # Another program's file may have any encoding; where an LBACK_ value is not UTF-8, its key refuses the surrogates.
    text = content.decode("utf-8-sig", "surrogateescape")
    if prefix not in text:  # spares the import of dotenv
        return {}
    variables = _variables(path, text, prefix)
    if variables:
        _require_private(path, status, prefix)
    return variables


def _variables(path: Path, text: str, prefix: str) -> dict[str, str]:
    from io import StringIO

    # Not dotenv_values(): it logs a broken line and goes on without it, here with another database than was meant.
    from dotenv.parser import parse_stream

    variables: dict[str, str] = {}
    for binding in parse_stream(StringIO(text)):
        if binding.error and _begins_with(binding, prefix):
            raise ConfigurationError(
                f"{path}, line {_line(binding)}: cannot be parsed.", hint="Lines are NAME=value or NAME='value'."
            )
        if binding.key is not None and binding.key.startswith(prefix):
            if binding.value is None:
                raise ConfigurationError(f"{path}, line {_line(binding)}: {binding.key} has no value.")
            variables[binding.key] = binding.value
    return variables


def _begins_with(binding: "Binding", prefix: str) -> bool:
    return binding.original.string.strip().removeprefix("export").lstrip(" \t'").startswith(prefix)


def _line(binding: "Binding") -> int:
    """Where the statement starts; dotenv counts the blank lines before it as part of it."""
    statement = binding.original.string
    return binding.original.line + statement[: len(statement) - len(statement.lstrip())].count("\n")


def _require_private(path: Path, status: os.stat_result, prefix: str) -> None:
    if path.is_symlink():
        raise ConfigurationError(
            f"{path} sets {prefix} variables but is a symbolic link.", hint="Copy its target here instead."
        )
    if sys.platform == "win32":  # its files have no owner's id and no such mode
        return
    if status.st_uid != os.geteuid():
        raise ConfigurationError(
            f"{path} sets {prefix} variables but belongs to another user.",
            hint="Run lback as its owner, or set the variables in the environment.",
        )
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise ConfigurationError(
            f"{path} sets {prefix} variables but others can read or write it.", hint=f"Run: chmod 600 {path}"
        )
