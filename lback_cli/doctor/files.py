"""Whether files that hold hashes, tokens or passwords are closed to others."""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.result import CheckResult, evaluate
from lback_cli.problem import Problem
from lback_cli.settings.load import ENVIRONMENT_PREFIX
from lback_cli.settings.masking import is_secret_option
from lback_cli.text.shell_quoting import command_line

_OTHERS, _GROUP = 0o007, 0o070


def check_files(patient: CheckContext) -> CheckResult:
    """Look at the modes of all such files that there are. An application's group may share its database."""
    if sys.platform == "win32":
        return CheckResult("files", "ok", "Modes mean nothing here.")
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in dict.fromkeys(_secret(patient)) if _exists(path)}
    exposed = [path for path, mode in modes.items() if mode & _OTHERS]
    shared = [path for path, mode in modes.items() if mode & _GROUP and path not in exposed]
    commands = [
        command_line(["chmod", mode, *map(str, paths)])
        for mode, paths in (
            ("600", [path for path in (*exposed, *shared) if not path.is_dir()]),
            ("700", [path for path in (*exposed, *shared) if path.is_dir()]),
        )
        if paths
    ]
    remedy = f"Run: {'; '.join(commands)}"
    return evaluate(
        "files",
        f"Nobody else can read or write {_count(len(modes))}.",
        problems=[Problem(f"Others can read or write {path} ({modes[path]:03o}).", remedy) for path in exposed],
        weaknesses=[Problem(f"Its group can read or write {path} ({modes[path]:03o}).", remedy) for path in shared],
    )


def _secret(patient: CheckContext) -> Iterator[Path]:
    settings = patient.settings
    if (path := patient.place.path) is not None:
        yield from (path.with_name(path.name + ending) for ending in ("", "-wal", "-shm", "-journal"))
    if settings.config_file is not None and settings.sources.get("database.url") == str(settings.config_file):
        url = patient.place.url
        if settings.database.password_file is None and (url.password or any(map(is_secret_option, url.query))):
            yield settings.config_file
    yield from (file for file in (settings.database.password_file, settings.email.password_file) if file is not None)
    environment_file = patient.directory / ".env"
    if _exists(environment_file) and ENVIRONMENT_PREFIX.encode() in environment_file.read_bytes():
        yield environment_file
    if patient.trace_file is not None:
        yield patient.trace_file
    if settings.email.transport == "file":
        # The links in mail are as good as passwords.
        yield settings.email.directory or patient.place.directory / "mail"


def _exists(path: Path) -> bool:
    # Not Path.exists: before Python 3.14 it raises where a directory may not be entered.
    return os.path.exists(path)  # noqa: PTH110


def _count(number: int) -> str:
    return "the one file with secrets" if number == 1 else f"the {number} files with secrets" if number else "any file"
