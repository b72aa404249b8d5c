"""Hooks: receivers that are executables, in a directory for each signal."""

import os
import re
import sys
from pathlib import Path
from typing import Any

from lback_cli.errors import ConfigurationError, OperationRejected, SignalNotFound
from lback_cli.receivers.trusted_files import UntrustedFileError, open_trusted_program, require_trusted_directory
from lback_cli.signals import SignalSpec, current_emission, find_signal
from lback_cli.text.escaping import ELLIPSIS

REASON_LIMIT = 2000
"""Characters of a hook's standard error that are kept."""

_LEFT_OVER = re.compile(
    r"README(\..*)?|#.*#|.*~|.*\.(bak|orig|rej|sw[a-p]|rpmnew|rpmsave|dpkg-[a-z]+)", re.DOTALL | re.IGNORECASE
)
"""What editors, patches and packages leave beside the files that are meant."""

_OFF = "Use --no-receivers to run without hooks."


class HookError(Exception):
    """A hook of a failure signal failed. It cannot veto the operation, which has already failed."""


class Hook:
    """A receiver that runs the executable at *path* when the signal of *spec* is sent.

    The executable reads the signal from standard input, as one line of JSON. Exit code 0 accepts. Any other exit code,
    a hook that cannot be run, and one that takes more than *seconds* are a veto, if the signal can be vetoed.
    """

    enforces_own_timeout = True

    def __init__(self, path: Path, spec: SignalSpec, seconds: float) -> None:
        self.path = path
        self.receiver_name = f"{path.parent.name}/{path.name}"
        self.spec = spec
        self._seconds = seconds

    def __call__(self, _sender: Any, **_arguments: Any) -> None:
        """Run the executable.

        Raises:
            OperationRejected: The hook vetoes the operation.
            HookError: The hook failed at a signal that cannot be vetoed.
        """
        from lback_cli.receivers.subprocess_runner import run_program
        from lback_cli.tracing.json_lines import as_event, as_line

        emission = current_emission()
        assert emission is not None, "receivers are only called while a signal is sent"
        try:
            result = run_program(self.path, as_line(as_event(emission)).encode(), self._seconds)
        except UntrustedFileError as error:
            self._refuse(f"cannot be run: {error}.")
        except OSError as error:
            self._refuse(f"cannot be run: {error.strerror or error}.")
        else:
            message = _message(result.errors)
            if result.failure is not None:
                self._refuse(f"{result.failure}{f': {message}' if message else '.'}")
            elif result.status:
                self._refuse(f"ended with exit code {result.status}.", message)
            elif message:
                _log(f"The hook {self.receiver_name} says: {message}")

    def _refuse(self, failure: str, reason: str = "") -> None:
        if self.spec.can_veto:
            raise OperationRejected(reason or f"The hook {self.receiver_name} {failure}")
        raise HookError(f"{failure} {reason}".rstrip())


def find_hooks(directory: Path, seconds: float) -> list[Hook]:
    """Return the hooks in *directory*, sorted by signal and name.

    Files whose names begin with a dot are ignored. Backups and READMEs are passed over with a warning.

    Raises:
        ConfigurationError: A hook cannot be run, or its directory is not named after a signal.
    """
    if sys.platform == "win32":
        raise ConfigurationError("receivers.hooks_directory: hooks need a POSIX system.", hint="Write a plugin.")
    hooks: list[Hook] = []
    try:
        require_trusted_directory(directory)
        for place in _entries(directory.absolute()):
            spec = find_signal(place.name)
            require_trusted_directory(place)
            for path in _entries(place):
                os.close(open_trusted_program(path))
                hooks.append(Hook(path, spec, seconds))
    except UntrustedFileError as error:
        raise ConfigurationError(f"receivers.hooks_directory: {error}.", hint=f"{_OFF} {error.hint}") from error
    except SignalNotFound as error:
        raise ConfigurationError(f"receivers.hooks_directory: {place}: {error}", hint=f"{_OFF} {error.hint}") from error
    return hooks


def _entries(directory: Path) -> list[Path]:
    try:
        found = sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise UntrustedFileError(
            f"{directory}: {error.strerror}", "The user who runs lback must be able to read it."
        ) from error
    left_over = [path for path in found if _LEFT_OVER.fullmatch(path.name)]
    for path in left_over:
        _log(f"{path} is passed over: its name is not that of a hook.")
    return [path for path in found if path not in left_over]


def _message(errors: bytes) -> str:
    """Return what a hook wrote, on one line, cut to `REASON_LIMIT`."""
    text = " ".join(errors.decode("utf-8", "backslashreplace").split())
    return text if len(text) <= REASON_LIMIT else text[: REASON_LIMIT - len(ELLIPSIS)] + ELLIPSIS


def _log(text: str) -> None:
    import logging

    from lback_cli.text.escaping import safe

    logging.getLogger("lback_cli.receivers").warning("%s", safe(text))
