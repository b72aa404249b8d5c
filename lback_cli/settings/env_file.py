"""Read variables from a ``.env`` file, if only its owner can read and write it."""

import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lback_cli.errors import ConfigurationError
from lback_cli.own_file import is_linked_by_others

if TYPE_CHECKING:
    from dotenv.parser import Binding

LARGEST = 1_000_000
"""Bytes of a ``.env`` file. A file of another user in the current directory may have any size."""


def read_private_variables(path: Path, prefix: str) -> dict[str, str]:
    """Return the variables of *path* whose names start with *prefix*. Values are not interpolated.

    A file that another user can write, or a link, would let that user choose the database. A file that others can read
    reveals the password. So a file with such variables must be a regular file that belongs to the user and is closed to
    the group and others. A ``.env`` file without such variables belongs to another program and is ignored.

    Raises `ConfigurationError` if the file cannot be read or trusted, or has a malformed line about *prefix*.
    """
    # Ignore anything else: a directory may be a virtual environment, and reading a pipe would block.
    if not os.path.isfile(path):  # noqa: PTH113 (Path.is_file raises PermissionError before Python 3.14)
        return {}
    try:
        with path.open("rb") as file:
            content, status = file.read(LARGEST + 1), os.fstat(file.fileno())
    except OSError as error:
        raise ConfigurationError(
            f"Cannot read {path}: {error.strerror or error}.", hint="Run lback in another directory, or as its owner."
        ) from error
    if len(content) > LARGEST:
        raise ConfigurationError(f"{path} has more than {LARGEST:,} bytes.", hint="Run lback in another directory.")
    # Another program's file may have any encoding. If an LBACK_ value is not UTF-8, its key refuses the surrogates.
    text = content.decode("utf-8-sig", "surrogateescape")
    if prefix not in text:  # avoids importing dotenv
        return {}
    variables = _variables(path, text, prefix)
    if variables:
        _require_private(path, status, prefix)
    return variables


def _variables(path: Path, text: str, prefix: str) -> dict[str, str]:
    from io import StringIO

    # Not dotenv_values(): it logs a malformed line and skips it, and lback might use the wrong database.
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
    """Return the number of the line; dotenv counts the blank lines before a statement as part of it."""
    statement = binding.original.string
    return binding.original.line + statement[: len(statement) - len(statement.lstrip())].count("\n")


def _require_private(path: Path, status: os.stat_result, prefix: str) -> None:
    if path.is_symlink():
        raise ConfigurationError(
            f"{path} sets {prefix} variables but is a symbolic link.", hint="Copy its target here instead."
        )
    if sys.platform == "win32":  # files have no owner id and no mode there
        return
    if status.st_uid != os.geteuid():
        raise ConfigurationError(
            f"{path} sets {prefix} variables but belongs to another user.",
            hint="Run lback as its owner, or set the variables in the environment.",
        )
    if is_linked_by_others(path, status):
        raise ConfigurationError(
            f"{path} sets {prefix} variables but is a hard link, which another user can have made.",
            hint="Run lback in another directory, or replace the link by a copy of its target.",
        )
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise ConfigurationError(
            f"{path} sets {prefix} variables but others can read or write it.", hint=f"Run: chmod 600 {path}"
        )
