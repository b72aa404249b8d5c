"""The entry point: run a command, and turn whatever ends it into an exit code."""

import io
import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import NoReturn, TextIO

import typer

from lback_cli.cli.exits import Ended, Exit, exit_code
from lback_cli.cli.output import show_error
from lback_cli.cli.runtime import Runtime
from lback_cli.errors import LbackError, UnexpectedError, Unusable, UsageError


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run `lback` and exit."""
    _prepare_streams()
    for number, code in ((signal.SIGTERM, Exit.TERMINATED), (signal.SIGHUP, Exit.HANGUP)):
        signal.signal(number, _ending(code))
    run = Runtime()
    try:
        try:
            status = _run(run, arguments)
            sys.stdout.flush()
        except BrokenPipeError:
            status = Exit.BROKEN_PIPE
        finally:
            run.close()
    except (Exception, KeyboardInterrupt, Ended) as error:  # noqa: BLE001 - the last resort
        status = _report(run, error)
    if status == Exit.BROKEN_PIPE:
        # What is still buffered has no reader; the interpreter must not try again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def _run(run: Runtime, arguments: list[str] | None) -> int:
    from lback_cli.cli.app import app

    status = typer.main.get_command(app).main(arguments, prog_name="lback", standalone_mode=False, obj=run)
    if status == Exit.INTERRUPTED:  # Typer's word for KeyboardInterrupt
        raise KeyboardInterrupt
    return status if isinstance(status, int) else Exit.DONE


def _report(run: Runtime, error: BaseException) -> int:
    """Say on stderr what ended the command, and return its exit code."""
    if isinstance(error, Ended):
        return error.code
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        sys.stderr.write("Interrupted.\n")
        return Exit.INTERRUPTED
    failure = _as_lback_error(error)
    if run.options.get("debug"):
        traceback.print_exception(error)
    if failure.message:
        show_error(failure, as_json=run.wants_json)
    return exit_code(failure)


def _as_lback_error(error: BaseException) -> LbackError:
    if isinstance(error, LbackError):
        return error
    if isinstance(error, typer.TyperException):
        return _usage(error)
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        return Unusable(f"{name}{error.strerror or error}.")
    return UnexpectedError(f"{type(error).__name__}: {error}", hint="This is a bug in lback; --debug shows where.")


def _usage(error: typer.TyperException) -> UsageError:
    """The usage error; its message is empty where Typer has shown the help of a noun without a verb."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "lback"
    return UsageError(error.format_message(), hint=f"{command} --help shows what it takes.")


def _prepare_streams() -> None:
    """Make every standard stream writable: one may be closed, or unable to encode what a name holds."""
    for name in ("stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - it lasts as long as the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _ending(code: Exit) -> Callable[[int, FrameType | None], None]:
    def end(_number: int, _frame: FrameType | None) -> None:
        raise Ended(code)

    return end
