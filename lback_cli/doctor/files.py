"""Check that files with hashes, tokens or passwords are closed to other users."""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.result import CheckResult, evaluate
from lback_cli.problem import Problem
from lback_cli.settings.env_file import LARGEST
from lback_cli.settings.load import ENVIRONMENT_PREFIX
from lback_cli.settings.masking import has_secrets, secret_files
from lback_cli.text.shell_quoting import command_line

_OTHERS, _GROUP = 0o007, 0o070


def check_files(context: CheckContext) -> CheckResult:
    """Check the modes of the files that exist.

    Access for the group is a warning: an application may need it. So is access to the SQLite file of an application of
    the lback framework, which makes it with the mode of the process.
    """
    if sys.platform == "win32":
        return CheckResult("files", "ok", "File modes have no meaning on Windows.")
    paths = dict.fromkeys(path for path in _secret_files(context) if _exists(path))
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in paths}
    open_to_others = [path for path, mode in modes.items() if mode & _OTHERS]
    open_to_group = [path for path, mode in modes.items() if mode & _GROUP and path not in open_to_others]
    shared = set(_database_files(context)) if context.settings.compat.lback_framework else set()
    hint = _chmod_hint([*open_to_others, *open_to_group])
    return evaluate(
        "files",
        _success(len(modes)),
        errors=[
            Problem(f"Others can read or write {path} ({modes[path]:03o}).", hint)
            for path in open_to_others
            if path not in shared
        ],
        warnings=[
            *(
                Problem(f"Others can read or write {path} ({modes[path]:03o}), as the application made it.", hint)
                for path in open_to_others
                if path in shared
            ),
            *(Problem(f"Its group can read or write {path} ({modes[path]:03o}).", hint) for path in open_to_group),
        ],
    )


def _database_files(context: CheckContext) -> list[Path]:
    path = context.database_without_password.path
    return [] if path is None else [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm", "-journal")]


def _chmod_hint(paths: list[Path]) -> str:
    files = [str(path) for path in paths if not path.is_dir()]
    directories = [str(path) for path in paths if path.is_dir()]
    commands = [
        command_line(["chmod", mode, *names]) for mode, names in (("600", files), ("700", directories)) if names
    ]
    return f"Run: {'; '.join(commands)}"


def _secret_files(context: CheckContext) -> Iterator[Path]:
    """Yield the files and directories that may hold secrets, whether they exist or not."""
    settings, database = context.settings, context.database_without_password
    yield from _database_files(context)
    if settings.config_file is not None and has_secrets(settings, str(settings.config_file)):
        yield settings.config_file
    yield from secret_files(settings)
    environment_file = context.directory / ".env"
    if _sets_variables(environment_file):
        yield environment_file
    if context.trace_file is not None:
        yield context.trace_file
    if settings.email.transport == "file":
        # The links in mail are as good as passwords.
        if settings.email.directory is not None:
            yield settings.email.directory
        elif database.directory is not None:
            yield database.directory / "mail"
    if settings.email.log_file is not None:
        yield settings.email.log_file


def _sets_variables(path: Path) -> bool:
    """Return whether *path* sets variables of lback. A directory, or a pipe, which may have no end, does not."""
    if not os.path.isfile(path):  # noqa: PTH113 - as in `_exists`
        return False
    with path.open("rb") as file:
        return ENVIRONMENT_PREFIX.encode() in file.read(LARGEST)


def _exists(path: Path) -> bool:
    # Not Path.exists: before Python 3.14 it raises if the directory is inaccessible.
    return os.path.exists(path)  # noqa: PTH110


def _success(number: int) -> str:
    if number == 0:
        return "There are no files with secrets."
    files = "the file with secrets" if number == 1 else f"the {number} files with secrets"
    return f"Only the owner can access {files}."
