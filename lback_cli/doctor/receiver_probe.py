"""Connecting all receivers in a process that ends with it: what a module does when it is imported cannot be taken back.

The process is started with what to connect on its standard input, and answers in one JSON object.
"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from lback_cli.errors import ConfigurationError
from lback_cli.settings import ReceiverSettings, Settings

PATIENCE = 30.0
"""Seconds that all imports together may take."""

_PROGRAM = (
    "import json, sys; told = json.load(sys.stdin); sys.path[:] = told['path']; "
    "from lback_cli.doctor.receiver_probe import answer; answer(told)"
)


def probe_receivers(settings: Settings) -> int:
    """The number of receivers that a command would connect, of which none is run.

    Raises `ConfigurationError` with what a command would say.
    """
    receivers = settings.receivers
    told = {
        "path": sys.path,
        "modules": receivers.modules,
        "hooks_directory": None if receivers.hooks_directory is None else str(receivers.hooks_directory),
        "source": settings.sources.get("receivers.modules", "code"),
    }
    try:
        ended = subprocess.run(  # noqa: S603 - a program of lback's own
            # -P keeps modules in the current directory from being taken for Python's own.
            [sys.executable, "-P", "-c", _PROGRAM],
            input=json.dumps(told).encode(),
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigurationError(
            f"To import the receivers takes more than {PATIENCE:g} s.", hint="Take modules out of receivers.modules."
        ) from error
    try:
        found = json.loads(ended.stdout)
    except ValueError as error:
        raise ConfigurationError(
            f"To import the receivers ends the process, with exit code {ended.returncode}.",
            hint="Take modules out of receivers.modules, one after the other.",
        ) from error
    if "message" in found:
        raise ConfigurationError(found["message"], hint=found["hint"])
    return int(found["connected"])


def answer(told: dict[str, Any]) -> None:
    """Connect what *told* names, say on standard output what came of it, and end the process."""
    from lback_cli.receivers.loader import Receivers

    # What a module prints is nothing of the answer.
    answers = os.dup(1)
    os.dup2(2, 1)
    directory = told["hooks_directory"]
    named = ReceiverSettings(
        modules=tuple(told["modules"]), hooks_directory=None if directory is None else Path(directory)
    )
    receivers = Receivers(replace(Settings(), receivers=named, sources={"receivers.modules": told["source"]}))
    try:
        receivers.load_plugin()
        found: dict[str, Any] = {"connected": len(receivers.listeners)}
    except ConfigurationError as error:
        found = {"message": error.message, "hint": error.hint}
    os.write(answers, json.dumps(found).encode())
    # Threads that a module has started must not keep the process.
    os._exit(0)
