"""Find the configuration file: the one that is named, or the first of the usual ones."""

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from lback_cli.problem import Problem
from lback_cli.text.suggestions import nearest
from lback_cli.user_directories import user_directory

NAME = "lback.toml"
SHARED_NAME = "config.toml"
"""Other programs have files of that name too, so it counts only if a section in it is one of lback's."""

_LARGEST = 1_000_000
"""Bytes that are read to find out whether a file is lback's. A file of another user may have any size."""

KEYS_ALIKE = 0.75
"""How alike a misspelt section, key or variable is to a known one, at least."""


def named_config_file(config: Path | None, environment: Mapping[str, str]) -> Path | None:
    """Return the file that ``--config`` or ``LBACK_CONFIG`` names."""
    if config is None and (named := environment.get("LBACK_CONFIG")):
        return Path(os.path.expanduser(named))  # noqa: PTH111 (Path.expanduser raises for an unknown user)
    return config


def find_config_file(directory: Path, known: Collection[str], warnings: list[Problem]) -> Path | None:
    """Return the first configuration file that exists in *directory* or in the user's directory, or None.

    *known* are the sections that lback has. A file that is passed over although it is lback's is added to *warnings*.
    """
    # Not Path.is_file: before Python 3.14 it raises if a directory is inaccessible, such as root's under sudo -u.
    found = [path for path in _usual_config_files(directory) if os.path.isfile(path)]  # noqa: PTH113
    shared = directory / SHARED_NAME
    if shared in found and not _is_ours(shared, known):
        found.remove(shared)
    if found[:2] == [directory / NAME, shared]:
        warnings.append(Problem(f"{shared} is not read, because {found[0]} is there too.", "Delete one of them."))
    return found[0] if found else None


def user_config_file() -> Path | None:
    """Return the path of the file in the user's configuration directory, or None if there is no such directory."""
    directory = user_directory("config")
    return None if directory is None else directory / SHARED_NAME


def _usual_config_files(directory: Path) -> Iterator[Path]:
    yield directory / NAME
    yield directory / SHARED_NAME
    if own := user_config_file():
        yield own


def _is_ours(path: Path, known: Collection[str]) -> bool:
    """Return whether a section of *path* is one of *known*, or nearly. A file that cannot be read may be lback's."""
    import tomllib

    try:
        with path.open("rb") as file:
            content: dict[str, Any] = tomllib.loads(file.read(_LARGEST).decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return True
    return not content or any(nearest(section, known, likeness=KEYS_ALIKE) for section in content)
