"""The entry point: run a command, and turn its outcome into an exit code."""

import gc
import io
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NoReturn, TextIO

import typer

from lback_cli.cli.context import CliContext
from lback_cli.cli.exit_codes import ExitCode, TerminatedBySignal, exit_code
from lback_cli.cli.output.output import show_error, write_stderr
from lback_cli.cli.output.registry import has_json_errors
from lback_cli.errors import LbackError, UnexpectedError, Unusable, UsageError
from lback_cli.text.escaping import safe

COMPLETION = "_LBACK_COMPLETE"
"""The variable that names a shell for which to complete a line, instead of running a command."""

_endings: list[TerminatedBySignal] = []
"""What signal handlers have raised. Typer replaces a `KeyboardInterrupt` by an exception of its own."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run `lback` and exit."""
    if COMPLETION in os.environ:
        from lback_cli.cli.shell.complete import complete

        sys.exit(complete())
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as in a background job of a shell
        signal.signal(signal.SIGINT, signal.default_int_handler)
    streams = _prepare_streams()
    for number, code in ((signal.SIGTERM, ExitCode.TERMINATED), (signal.SIGHUP, ExitCode.HANGUP)):
        if signal.getsignal(number) is not signal.SIG_IGN:  # under nohup, SIGHUP stays ignored
            signal.signal(number, _ending(code))
    context = CliContext()
    try:
        try:
            status = _run(context, arguments)
            streams[0].flush()
        finally:
            context.close()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last resort
        status = _report(context, error, sys.argv[1:] if arguments is None else arguments)
    for stream in streams:
        _flush_or_drop(stream)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command is done, and its exit code is known
    gc.freeze()  # exit without a last garbage collection, which would take a sixth of the time
    sys.exit(status)


def _run(context: CliContext, arguments: list[str] | None) -> int:
    from lback_cli.cli.app import app

    try:
        status = typer.main.get_command(app).main(arguments, prog_name="lback", standalone_mode=False, obj=context)
    except SystemExit as error:
        # Typer ends with 1 if the pipe is broken, which is our code of a bug.
        if isinstance(error.__context__, BrokenPipeError):
            raise error.__context__ from None
        if "users" in vars(context):  # lback does not raise this itself after that
            raise UnexpectedError(
                f"A receiver tried to end the program: SystemExit: {error}", hint="It should raise OperationRejected."
            ) from error
        raise
    if status == ExitCode.INTERRUPTED:  # Typer returns this for KeyboardInterrupt
        raise KeyboardInterrupt
    return status if isinstance(status, int) else ExitCode.DONE


def _report(context: CliContext, error: BaseException, arguments: Sequence[str]) -> int:
    """Report the error on standard error, and return its exit code."""
    if isinstance(error, BrokenPipeError):
        return ExitCode.BROKEN_PIPE
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        if _endings:
            return _endings.pop().code
        # The line of a prompt has no end yet.
        start = "\n" if sys.stderr.isatty() else ""
        write_stderr(f"{start}Interrupted.\n")
        return ExitCode.INTERRUPTED
    failure = _as_lback_error(error)
    if context.options.get("debug"):
        lines = "".join(traceback.format_exception(error)).splitlines()
        write_stderr("".join(f"{safe(line)}\n" for line in lines))
    if failure.message:
        show_error(failure, as_json=context.wants_json_errors or _name_json_errors(arguments))
    return exit_code(failure)


def _name_json_errors(arguments: Sequence[str]) -> bool:
    """Return whether the *arguments*, which may not parse, name an output format whose errors are JSON."""
    text = f" {' '.join(arguments)} "
    return any(map(has_json_errors, re.findall(r" (?:-o ?|--output[ =])(\S+)(?= )", text)))


def _as_lback_error(error: BaseException) -> LbackError:
    if isinstance(error, LbackError):
        return error
    if isinstance(error, typer.TyperException):
        return _usage(error)
    if isinstance(error, OSError):
        # Files have names. Standard output has none.
        return Unusable(f"{error.filename or 'Standard output'}: {error.strerror or error}.")
    return UnexpectedError(
        f"{type(error).__name__}: {error}", hint="This is a bug in lback. Use --debug to see the traceback."
    )


def _usage(error: typer.TyperException) -> UsageError:
    """Return the usage error. Its message is empty if Typer has shown the help of a group."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "lback"
    # Messages of pydantic have a prefix, and not all messages end with a full stop.
    message = error.format_message().replace(": Value error, ", ": ")
    if message and message[-1] not in ".?":
        message += "."
    option = getattr(error, "option_name", None)
    if context is not None and option is not None and hasattr(error, "possibilities"):
        from lback_cli.cli.guesses import option_instead

        parameters = context.command.get_params(context)
        accepted = {name for parameter in parameters for name in (*parameter.opts, *parameter.secondary_opts)}
        if instead := option_instead(option, accepted):
            return UsageError(f"No such option: {option}.", hint=f"Use {instead}.")
    return UsageError(message, hint=f"{command} --help shows the usage.")


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


def _ending(code: ExitCode) -> Callable[[int, FrameType | None], None]:
    def end(number: int, _frame: FrameType | None) -> None:
        # A second signal ends the process without waiting for the rollback.
        signal.signal(number, signal.SIG_DFL)
        _endings.append(TerminatedBySignal(code))
        raise _endings[-1]

    return end
