"""One run of a command: the call, and the report of its failure."""

import re
import traceback
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import typer

from lback_cli.cli.context import CliContext
from lback_cli.cli.exit_codes import ExitCode, exit_code
from lback_cli.cli.output.problems import show_error, write_stderr
from lback_cli.cli.output.registry import has_json_errors
from lback_cli.errors import LbackError, UnexpectedError, Unusable, UsageError
from lback_cli.text.escaping import safe

_PLAINER = {
    re.compile(r"Input should be a valid (?:integer|number), unable to parse .*\.$"): "It must be a number.",
    re.compile(r"Input should be greater than or equal to (\S+)\.$"): r"It must be at least \1.",
    re.compile(r"Input should be less than or equal to (\S+)\.$"): r"It must be at most \1.",
    re.compile(r"^Got unexpected extra argument\(s\) \((.*)\)\.$", re.DOTALL): r"Unexpected argument: \1.",
}
"""What messages of Typer and pydantic become."""

_ONE_ARGUMENT = re.compile(r"Unexpected argument: ([\w.@/+:-]+)\.")
"""The error of an argument that may be the value of an option."""

_NO_EVENT_NUMBER = frozenset(f"Invalid value for '{name}': It must be a number." for name in ("SEQ", "[SEQ]..."))
"""The errors of an argument that should be the number of an event."""

interruptions: list[KeyboardInterrupt] = []
"""The `KeyboardInterrupt` that ended the command, before Typer replaces it. Its notes say what was completed."""


def run_command(context: CliContext, arguments: Sequence[str] | None) -> int:
    """Run the command that *arguments* name, or those of the process, and return its exit code."""
    interruptions.clear()
    try:
        status = _root().main(arguments, prog_name="lback", standalone_mode=False, obj=context)
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
        raise interruptions.pop() if interruptions else KeyboardInterrupt
    return status if isinstance(status, int) else ExitCode.DONE


def show_failure(
    context: CliContext, error: BaseException, arguments: Sequence[str], *, line: int | None = None
) -> int:
    """Show the error that ended a command, and return its exit code.

    Args:
        context: The parts of the command.
        error: The error.
        arguments: The command line, which may not have been parsed.
        line: The number of the line of a script that the command is in.
    """
    failure = as_lback_error(error, context)
    show_traceback(context, error)
    if failure.message:
        as_json = context.wants_json_errors or _name_json_errors(arguments)
        show_error(failure, as_json=as_json, line=line)
    return exit_code(failure)


def show_traceback(context: CliContext, error: BaseException) -> None:
    """Show the traceback of *error* if an option asks for it."""
    if context.options.get("debug"):
        lines = "".join(traceback.format_exception(error)).splitlines()
        write_stderr("".join(f"{safe(line)}\n" for line in lines))


def as_lback_error(error: BaseException, context: CliContext) -> LbackError:
    """Return *error* as an `LbackError`. What looks like a bug may be damage to the database, which is then named."""
    failure = _as_lback_error(error)
    if isinstance(failure, UnexpectedError) and (context.in_script or "unchecked_database" in vars(context)):
        with suppress(Exception):
            return context.find_damage() or failure
    return failure


def _as_lback_error(error: BaseException) -> LbackError:
    if isinstance(error, LbackError):
        return error
    if isinstance(error, typer.TyperException):
        return _usage(error)
    if isinstance(error, OSError):
        return _os_failure(error)
    if isinstance(error, RuntimeError) and str(error) == "can't start new thread":
        hint = "Raise the limit of processes (ulimit -u, or pids of the container)."
        return Unusable("The system allows lback no more threads.", hint=hint)
    return UnexpectedError(
        f"{type(error).__name__}: {error}", hint="This is a bug in lback. Use --debug to see the traceback."
    )


def _os_failure(error: OSError) -> Unusable:
    if error.filename is None and isinstance(error, FileNotFoundError):
        return Unusable("The current directory does not exist any more.", hint="Change to another one (cd).")
    # Files have names. Standard output has none.
    return Unusable(f"{error.filename or 'Standard output'}: {error.strerror or error}.")


@cache
def _root() -> Any:
    from lback_cli.cli.app import app

    return typer.main.get_command(app)


def _name_json_errors(arguments: Sequence[str]) -> bool:
    """Return whether the *arguments*, which may not parse, name an output format whose errors are JSON."""
    text = f" {' '.join(arguments)} "
    return any(map(has_json_errors, re.findall(r" (?:-o ?|--output[ =])(\S+)(?= )", text)))


def _usage(error: typer.TyperException) -> UsageError:
    """Return the usage error. Its message is empty if Typer has shown the help of a group."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "lback"
    # Messages of pydantic have a prefix, choices have lines of their own, and not all messages end with a full stop.
    message = error.format_message().replace(": Value error, ", ": ").replace("\n\t", " ")
    if message and message[-1] not in ".?":
        message += "."
    option = getattr(error, "option_name", None)
    if context is not None and option is not None and hasattr(error, "possibilities"):
        from lback_cli.cli.guesses import option_instead

        if hint := option_instead(command, option, _option_names(context)):
            return UsageError(f"No such option: {option}.", hint=hint)
    message = _plainer(message)
    if message in _NO_EVENT_NUMBER:
        last = " '--import last' undoes the last import." if command.endswith(" undo") else ""
        return UsageError(message, hint=f"'lback events list' shows the numbers of events.{last}")
    if match := _ONE_ARGUMENT.fullmatch(message):
        from lback_cli.cli.guesses import argument_instead

        if hint := argument_instead(match[1], _option_names(context)):
            return UsageError(message, hint=hint)
    return UsageError(message, hint=f"{command} --help shows the usage.")


def _option_names(context: Any) -> set[str]:
    """Return the names of the options of the command of *context*."""
    parameters = context.command.get_params(context) if context is not None else ()
    return {name for parameter in parameters for name in (*parameter.opts, *parameter.secondary_opts)}


def _plainer(message: str) -> str:
    """Return *message* of Typer in plain words, without those that pydantic uses for types and ranges."""
    for pattern, words in _PLAINER.items():
        message = pattern.sub(words, message)
    return message
