"""Check that commands can connect their receivers.

The receivers are connected in a process of their own, because importing a module may have lasting effects. The process
reads what to connect on standard input, as JSON, and answers with a JSON object.
"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lback_cli.doctor.result import CheckResult, NotChecked
from lback_cli.errors import ConfigurationError
from lback_cli.settings import ReceiverSettings, Settings

if TYPE_CHECKING:
    from lback_cli.doctor.context import CheckContext  # loads SQLAlchemy, which the child process does not need

TIMEOUT = 30.0
"""Seconds that all imports together may take."""

_PROGRAM = (
    "import json, sys; request = json.load(sys.stdin); sys.path[:] = request['path']; "
    "from lback_cli.doctor.receivers import connect_and_answer; connect_and_answer(request)"
)


def check_receivers(context: "CheckContext") -> CheckResult:
    """Load plugins and hooks as a command would, without running any.

    Raises:
        ConfigurationError: Commands would stop with this error.
        NotChecked: Commands run without receivers.
    """
    if not context.wants_receivers:
        raise NotChecked("--no-receivers was given")
    connected = _count_connectable(context.settings)
    messages = {0: "There are no receivers.", 1: "1 receiver can be connected."}
    return CheckResult("receivers", "ok", messages.get(connected, f"{connected} receivers can be connected."))


def _count_connectable(settings: Settings) -> int:
    receivers = settings.receivers
    request = {
        "path": sys.path,
        "modules": receivers.modules,
        "hooks_directory": None if receivers.hooks_directory is None else str(receivers.hooks_directory),
        "source": settings.sources.get("receivers.modules", "code"),
    }
    try:
        process = subprocess.run(  # noqa: S603 - our own program
            # -P: a module in the current directory must not shadow one of the standard library.
            [sys.executable, "-P", "-c", _PROGRAM],
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigurationError(
            f"Importing the receivers takes more than {TIMEOUT:g} s.", hint="Remove modules from receivers.modules."
        ) from error
    try:
        answer = json.loads(process.stdout)
    except ValueError as error:
        raise ConfigurationError(
            f"Importing the receivers ends the process with exit code {process.returncode}.",
            hint="Remove modules from receivers.modules one by one to find the cause.",
        ) from error
    if "message" in answer:
        raise ConfigurationError(answer["message"], hint=answer["hint"])
    return int(answer["connected"])


def connect_and_answer(request: dict[str, Any]) -> None:
    """Connect the receivers of *request*, write the result to standard output, and end the process."""
    from lback_cli.receivers.loader import Receivers

    # Keep what a module prints out of the answer.
    output = os.dup(1)
    os.dup2(2, 1)
    directory = request["hooks_directory"]
    settings = ReceiverSettings(
        modules=tuple(request["modules"]), hooks_directory=None if directory is None else Path(directory)
    )
    receivers = Receivers(replace(Settings(), receivers=settings, sources={"receivers.modules": request["source"]}))
    try:
        receivers.connect()
        answer: dict[str, Any] = {"connected": len(receivers.listeners)}
    except ConfigurationError as error:
        answer = {"message": error.message, "hint": error.hint}
    os.write(output, json.dumps(answer).encode())
    # Threads that a module has started must not keep the process alive.
    os._exit(0)
