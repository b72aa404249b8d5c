"""What this machine remembers of an event log: how far it had come when lback last looked.

A log that is dropped together with its tables leaves nothing in the database that says so. One JSON file for each
database, in the user's state directory, does.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from lback_cli.errors import ConfigurationError
from lback_cli.own_file import distrust, make_own_directory, open_input, open_own
from lback_cli.user_directories import user_directory


@dataclass(frozen=True, slots=True)
class LastSeen:
    """The end of an event log.

    Attributes:
        database: Where the database is, without the user and the password.
        log: An identifier of the database's tables, which new tables do not have.
        seq: The number of the last event; 0 for an empty log.
        hash: The hash of the last event.
        time: When lback looked, in RFC 3339.
    """

    database: str
    log: str
    seq: int
    hash: str
    time: str


_TYPES = {"database": str, "log": str, "seq": int, "hash": str, "time": str}


def memory_file(database: str) -> Path | None:
    """Return the file that remembers the log of *database*, or None for a user without a home directory."""
    directory = user_directory("state")
    if directory is None:
        return None
    return directory / "event-logs" / f"{hashlib.sha256(database.encode()).hexdigest()[:32]}.json"


def read_last_seen(path: Path) -> LastSeen | None:
    """Return what *path* remembers, or None if no such file can be read.

    Raises:
        ConfigurationError: The file is damaged, or other users can have written it.
    """
    try:
        with open_input(path) as file:
            problem = distrust(path, file.fileno())
            content = file.read()
    except OSError:
        return None
    if problem is not None:
        raise ConfigurationError(f"{path} {problem}.", hint="Delete it, or take it over (chown, chmod go-w).")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or {name: type(value) for name, value in found.items()} != _TYPES:
        raise ConfigurationError(f"{path} does not say how far an event log had come.", hint="Delete it.")
    return LastSeen(**found)


def write_last_seen(path: Path, seen: LastSeen) -> None:
    """Let *path*, which only its owner can read, remember *seen*. Raises `OSError`."""
    make_own_directory(path.parent)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(open_own(unfinished, os.O_WRONLY | os.O_CREAT), "w", encoding="utf-8") as file:
        file.truncate(0)  # not before `open_own` has checked whose file it is
        json.dump(asdict(seen), file)
    unfinished.replace(path)
