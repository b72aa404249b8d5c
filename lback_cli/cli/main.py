"""The entry point: run a command, and turn its outcome into an exit code."""

import gc
import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NoReturn, TextIO

import typer

from lback_cli.cli.context import CliContext
from lback_cli.cli.exit_codes import ExitCode, TerminatedBySignal
from lback_cli.cli.invocation import run_command, show_failure
from lback_cli.cli.output.problems import show_text, write_stderr
from lback_cli.interruption import forget_interruptions, last_interruption, received

COMPLETION = "_LBACK_COMPLETE"
"""The variable that names a shell for which to complete a line, instead of running a command."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run `lback` and exit."""
    if COMPLETION in os.environ:
        sys.exit(_complete())
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as in a background job of a shell
        signal.signal(signal.SIGINT, _interrupt)
    streams = _prepare_streams()
    for number, code in ((signal.SIGTERM, ExitCode.TERMINATED), (signal.SIGHUP, ExitCode.HANGUP)):
        if signal.getsignal(number) is not signal.SIG_IGN:  # under nohup, SIGHUP stays ignored
            signal.signal(number, _ending(code))
    context = CliContext()
    try:
        try:
            status = run_command(context, arguments)
            if (interruption := last_interruption()) is not None:  # the command went on after it
                raise interruption
            streams[0].flush()
        finally:
            context.close()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last resort
        status = _report(context, error, sys.argv[1:] if arguments is None else arguments)
    forget_interruptions()
    for stream in streams:
        _flush_or_drop(stream)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command is done, and its exit code is known
    gc.freeze()  # exit without a last garbage collection, which would take a sixth of the time
    sys.exit(status)


def _complete() -> int:
    """Complete a line for a shell, which may not read the answer, and return the exit code."""
    streams = _prepare_streams()
    try:
        from lback_cli.cli.shell.complete import complete

        status = complete()
        streams[0].flush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last resort
        status = _report(CliContext(), error, ())
    for stream in streams:
        _flush_or_drop(stream)
    return status


def _report(context: CliContext, error: BaseException, arguments: Sequence[str]) -> int:
    """Report the error on standard error, and return its exit code."""
    if isinstance(error, BrokenPipeError):
        return ExitCode.BROKEN_PIPE
    if isinstance(error, MemoryError):
        # What would show the error may not fit into memory either.
        write_stderr("error: The system allows lback no more memory.\n")
        return ExitCode.UNUSABLE
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        notes = "".join(f" {note}" for note in getattr(error, "__notes__", ()))
        ending = last_interruption()
        if isinstance(ending, TerminatedBySignal):
            if notes:
                show_text(f"Interrupted.{notes}")
            return ending.code
        if sys.stderr.isatty():
            write_stderr("\n")  # the line of a prompt has no end yet
        show_text(f"Interrupted.{notes}")
        return ExitCode.INTERRUPTED
    return show_failure(context, error, arguments)


def _prepare_streams() -> tuple[TextIO, TextIO]:
    """Make standard output and error writable, even if they are closed or cannot encode every character."""
    for name in ("stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - it stays open
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return sys.stdout, sys.stderr


def _flush_or_drop(stream: TextIO) -> None:
    """Flush *stream*, and drop what cannot be written: the interpreter would try again, and exit with 120."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise received(KeyboardInterrupt())


def _ending(code: ExitCode) -> Callable[[int, FrameType | None], None]:
    def end(number: int, _frame: FrameType | None) -> None:
        # A second signal ends the process without waiting for the rollback.
        signal.signal(number, signal.SIG_DFL)
        raise received(TerminatedBySignal(code))

    return end
