"""The entry point: run a command, and turn whatever ends it into an exit code."""

import gc
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NoReturn, TextIO

import typer

from lback_cli.cli.context import JSON_FORMS, CliContext
from lback_cli.cli.exit_codes import ExitCode, TerminatedBySignal, exit_code
from lback_cli.cli.output.writer import show_error, write_stderr
from lback_cli.errors import LbackError, UnexpectedError, Unusable, UsageError
from lback_cli.text.escaping import safe

_endings: list[TerminatedBySignal] = []
"""What signals have raised, as Typer makes its own of it."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run `lback` and exit."""
    streams = _prepare_streams()
    for number, code in ((signal.SIGTERM, ExitCode.TERMINATED), (signal.SIGHUP, ExitCode.HANGUP)):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores a hang-up on our behalf
            signal.signal(number, _ending(code))
    # Loading modules makes objects by the hundred thousand and no garbage: looking for it takes a tenth of the time.
    gc.set_threshold(100_000, 50, 50)
    run = CliContext()
    try:
        try:
            status = _run(run, arguments)
            sys.stdout.flush()
        finally:
            run.close()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last resort
        status = _report(run, error, sys.argv[1:] if arguments is None else arguments)
    for stream in streams:
        _flush_or_drop(stream)
    gc.freeze()  # the system frees all memory at once; to look for cycles in it first would take a sixth of the time
    sys.exit(status)


def _run(run: CliContext, arguments: list[str] | None) -> int:
    from lback_cli.cli.app import app

    try:
        status = typer.main.get_command(app).main(arguments, prog_name="lback", standalone_mode=False, obj=run)
    except SystemExit as error:
        # Typer ends a broken pipe with 1, which is the code of a bug.
        if isinstance(error.__context__, BrokenPipeError):
            raise error.__context__ from None
        if "users" in vars(run):  # lback itself never ends so once an operation may have begun
            raise UnexpectedError(
                f"A receiver tried to end the program: SystemExit: {error}", hint="It should raise OperationRejected."
            ) from error
        raise
    if status == ExitCode.INTERRUPTED:  # Typer's word for KeyboardInterrupt
        raise KeyboardInterrupt
    return status if isinstance(status, int) else ExitCode.DONE


def _report(run: CliContext, error: BaseException, arguments: Sequence[str]) -> int:
    """Say on stderr what ended the command, and return its exit code."""
    if isinstance(error, BrokenPipeError):
        return ExitCode.BROKEN_PIPE
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        if _endings:
            return _endings.pop().code
        # What a person was typing, such as a hidden password, has no line end yet.
        start = "\n" if sys.stderr.isatty() else ""
        write_stderr(f"{start}{'Interrupted.' if isinstance(error, KeyboardInterrupt) else 'Nothing was done.'}\n")
        return ExitCode.INTERRUPTED
    failure = _as_lback_error(error)
    if run.options.get("debug"):
        lines = "".join(traceback.format_exception(error)).splitlines()
        write_stderr("".join(f"{safe(line)}\n" for line in lines))
    if failure.message:
        show_error(failure, as_json=run.wants_json or _asks_for_json(arguments))
    return exit_code(failure)


def _asks_for_json(arguments: Sequence[str]) -> bool:
    """Whether the words of the command line say so, for where they could not be parsed."""
    text = f" {' '.join(arguments)} "
    return any(f" {option}{form} " in text for option in ("-o ", "-o", "--output ", "--output=") for form in JSON_FORMS)


def _as_lback_error(error: BaseException) -> LbackError:
    if isinstance(error, LbackError):
        return error
    if isinstance(error, typer.TyperException):
        return _usage(error)
    if isinstance(error, OSError):
        # Files that a command opens have a name; the standard output has none.
        return Unusable(f"{error.filename or 'Standard output'}: {error.strerror or error}.")
    return UnexpectedError(f"{type(error).__name__}: {error}", hint="This is a bug in lback; --debug shows where.")


def _usage(error: typer.TyperException) -> UsageError:
    """The usage error; its message is empty where Typer has shown the help of a noun without a verb."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "lback"
    # Typer passes on pydantic's prefix, and ends a sentence only now and then.
    message = error.format_message().replace(": Value error, ", ": ")
    if message and message[-1] not in ".?":
        message += "."
    return UsageError(message, hint=f"{command} --help shows what it takes.")


def _prepare_streams() -> tuple[TextIO, TextIO]:
    """Make stdout and stderr writable: either may be closed, or unable to encode what a name holds."""
    for name in ("stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - it lasts as long as the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return sys.stdout, sys.stderr


def _flush_or_drop(stream: TextIO) -> None:
    """Drop what cannot be written: the interpreter would try again at its end, and change the exit code to 120."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _ending(code: ExitCode) -> Callable[[int, FrameType | None], None]:
    def end(number: int, _frame: FrameType | None) -> None:
        # Whoever asks again does not want to wait for the rolling back.
        signal.signal(number, signal.SIG_DFL)
        _endings.append(TerminatedBySignal(code))
        raise _endings[-1]

    return end
