"""Whether the migrations of an application leave lback's tables alone.

``manage.py makemigrations`` lets Alembic compare the database with the application's models, and drops each table that
no model has.
"""

import configparser
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from lback_cli.problem import Problem

LINE = 'include_name=lambda name, kind, parents: not (kind == "table" and name.startswith("lback_")),'
"""What ``context.configure`` in the application's ``alembic/env.py`` needs, so that Alembic ignores lback's tables."""

_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
_LARGEST = 1_000_000
"""Bytes of a file that is read."""


def unprotected(directories: Iterable[Path]) -> list[Problem]:
    """Return a problem for each ``env.py`` of an Alembic project in *directories* that would drop lback's tables."""
    return [
        Problem(
            f"The application's next makemigrations would drop lback's tables, the event log included ({script}).",
            f"Add this line to context.configure() in {script}: {LINE} See docs/adoption.md.",
        )
        for script in dict.fromkeys(_scripts(directories))
        if "lback_" not in _COMMENT.sub("", _read(script))
    ]


def advice(directories: Iterable[Path]) -> list[Problem]:
    """Return `unprotected`, or what to do about a project that is in none of *directories*."""
    directories = list(directories)
    if next(_scripts(directories), None) is not None:
        return unprotected(directories)
    return [
        Problem(
            "The application's next makemigrations drops lback's tables, the event log included, unless its"
            " alembic/env.py says otherwise.",
            f"Add this line to context.configure() there: {LINE} See docs/adoption.md.",
        )
    ]


def _scripts(directories: Iterable[Path]) -> Iterator[Path]:
    for directory in directories:
        script = directory / _script_location(directory / "alembic.ini") / "env.py"
        if script.is_file():
            yield script


def _script_location(configuration: Path) -> Path:
    """Return where *configuration*, an ``alembic.ini``, says that the scripts are."""
    parser = configparser.ConfigParser(defaults={"here": str(configuration.parent)}, strict=False)
    try:
        parser.read_string(_read(configuration))
        return Path(parser.get("alembic", "script_location"))
    except configparser.Error:
        return Path("alembic")


def _read(path: Path) -> str:
    try:
        if not path.is_file():  # to open a pipe may wait for ever
            return ""
        with path.open("rb") as file:
            return file.read(_LARGEST).decode("utf-8", "replace")
    except OSError:
        return ""
