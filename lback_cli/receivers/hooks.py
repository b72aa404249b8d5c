"""Receivers for people of the shell: executables in a directory for each signal."""

import os
import sys
from pathlib import Path
from typing import Any

from lback_cli.errors import ConfigurationError, OperationRejected, SignalNotFound
from lback_cli.receivers.trusted_files import UntrustedFileError, open_trusted_program, require_trusted_directory
from lback_cli.signals import SignalSpec, current_emission, find_signal
from lback_cli.text.escaping import ELLIPSIS

REASON_LIMIT = 2000
"""Characters of what a hook wrote that are kept."""

_OFF = "--no-receivers does without them."


class HookError(Exception):
    """A hook did not do its work; where nothing can be refused any more, that is all there is to say."""


class Hook:
    """Runs the executable at *path* when the signal of *spec* is sent: a receiver.

    The event goes to its standard input, as one line of JSON. Only an exit code of 0 means yes: with any other, or
    when it cannot be run or takes more than *seconds*, a signal that can veto is vetoed.
    """

    enforces_own_timeout = True

    def __init__(self, path: Path, spec: SignalSpec, seconds: float) -> None:
        self.path = path
        self.receiver_name = f"{path.parent.name}/{path.name}"
        self.spec = spec
        self._seconds = seconds

    def __call__(self, _sender: Any, **_arguments: Any) -> None:
        """Run it. Raises `OperationRejected`, or `HookError` where there is no veto."""
        from lback_cli.receivers.subprocess_runner import run_program
        from lback_cli.tracing.json_lines import as_event, as_line

        emission = current_emission()
        assert emission is not None, "only a delivery calls a receiver"
        try:
            ended = run_program(self.path, as_line(as_event(emission)).encode(), self._seconds)
        except UntrustedFileError as error:
            self._refuse(f"cannot be run: {error}.")
        except OSError as error:
            self._refuse(f"cannot be run: {error.strerror or error}.")
        else:
            said = _said(ended.errors)
            if ended.failure is not None:
                self._refuse(f"{ended.failure}{f': {said}' if said else '.'}")
            elif ended.status:
                self._refuse(f"ended with exit code {ended.status}.", said)
            elif said:
                _tell(f"The hook {self.receiver_name} says: {said}")

    def _refuse(self, what: str, reason: str = "") -> None:
        if self.spec.can_veto:
            raise OperationRejected(reason or f"The hook {self.receiver_name} {what}")
        raise HookError(f"{what} {reason}".rstrip())


def find_hooks(directory: Path, seconds: float) -> list[Hook]:
    """The hooks in *directory*, by signal and in the order of their names; names that begin with a dot are no hooks.

    Raises `ConfigurationError` for one that could not be run, or would never be.
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
        return sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise UntrustedFileError(
            f"{directory}: {error.strerror}", "Whoever runs lback must be able to read it."
        ) from error


def _said(errors: bytes) -> str:
    """What a hook wrote, on one line, and no more of it than anybody wants to read."""
    text = " ".join(errors.decode("utf-8", "backslashreplace").split())
    return text if len(text) <= REASON_LIMIT else text[: REASON_LIMIT - len(ELLIPSIS)] + ELLIPSIS


def _tell(text: str) -> None:
    import logging

    from lback_cli.text.escaping import safe

    logging.getLogger("lback_cli.receivers").warning("%s", safe(text))
