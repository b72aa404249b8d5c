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

from lback_cli.cli.exits import Exit, exit_code
from lback_cli.cli.output import show_error
from lback_cli.cli.runtime import Runtime
from lback_cli.errors import LbackError, UnexpectedError, Unusable, UsageError


class Killed(BaseException):
    """The process was asked to end by a signal; raised where it stands, so that transactions roll back."""

    def __init__(self, code: Exit) -> None:
        super().__init__(code)
        self.code = code


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run `lback` and exit."""
    _prepare_streams()
    for number, meaning in ((signal.SIGTERM, Exit.TERMINATED), (signal.SIGHUP, Exit.HANGUP)):
        signal.signal(number, _killer(meaning))
    run = Runtime()
    code = int(Exit.BROKEN_PIPE)
    try:
        code = _run(run, arguments)
    except BrokenPipeError:
        # What is still buffered has no reader; the interpreter must not try again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _run(run: Runtime, arguments: list[str] | None) -> int:
    from lback_cli.cli.app import app

    try:
        try:
            command = typer.main.get_command(app)
            code = command.main(arguments, prog_name="lback", standalone_mode=False, obj=run)
            sys.stdout.flush()
        finally:
            run.close()
    except LbackError as error:
        return _fail(run, error)
    except typer.TyperException as error:
        # A noun without a verb shows its help, as an error without a message.
        return _fail(run, _usage(error)) if error.format_message() else Exit.USAGE
    except typer.Abort:
        sys.stderr.write("Aborted.\n")
        return Exit.INTERRUPTED
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted.\n")
        return Exit.INTERRUPTED
    except Killed as killed:
        return killed.code
    except BrokenPipeError:
        raise
    except OSError as error:
        return _fail(run, Unusable(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}."))
    except Exception as error:  # noqa: BLE001 - the last resort
        unexpected = UnexpectedError(f"{type(error).__name__}: {error}", hint="This is a bug; --debug shows where.")
        unexpected.__cause__ = error
        return _fail(run, unexpected)
    return code if isinstance(code, int) else Exit.DONE


def _fail(run: Runtime, error: LbackError) -> Exit:
    if run.options.get("debug"):
        traceback.print_exception(error)
    show_error(error, as_json=run.wants_json)
    return exit_code(error)


def _usage(error: typer.TyperException) -> UsageError:
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


def _killer(code: Exit) -> Callable[[int, FrameType | None], None]:
    def kill(_number: int, _frame: FrameType | None) -> None:
        raise Killed(code)

    return kill
