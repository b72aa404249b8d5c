"""Running a script: one command after the other, and an answer to each."""

import io
import json
import os
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout, suppress
from typing import Any, TextIO

from lback_cli.cli.context import CliContext
from lback_cli.cli.exit_codes import ExitCode, TerminatedBySignal, exit_code
from lback_cli.cli.invocation import as_lback_error, run_command, show_failure, show_traceback
from lback_cli.cli.output.problems import error_view, show_text, write_stderr
from lback_cli.cli.script.line_context import LineContext
from lback_cli.cli.script.lines import ScriptLine
from lback_cli.cli.script.standard_input import STDIN
from lback_cli.events.erasure import format_ranges
from lback_cli.interruption import last_interruption
from lback_cli.text.shell_quoting import command_line


class ScriptRunner:
    """Runs the lines of a script, each like a command of its own.

    With ``-o jsonl`` the answer to a line is one JSON object. Otherwise it is what the command writes.
    """

    def __init__(self, script: CliContext, *, path: str, keep_going: bool) -> None:
        """Prepare the run.

        Args:
            script: The context of the script.
            path: The file that has the script; ``-`` for standard input.
            keep_going: Whether to continue after a line that fails.
        """
        self._script = script
        self._path = path
        self._keep_going = keep_going
        self._answers_json = script.output.name == "jsonl"
        self._out = sys.stdout
        self._running: int | None = None
        self._last = 0
        self._failed: list[int] = []
        _ = script.actor  # all lines belong to one invocation

    def run(self, lines: Iterable[ScriptLine]) -> int:
        """Run *lines* and return the exit code: that of the first failure, or 8 if the run went on after one."""
        try:
            for line in lines:
                self._running = line.number
                status = (self._answer_as_json if self._answers_json else self._answer)(line)
                self._out.flush()
                self._running, self._last = None, line.number
                if status == ExitCode.DONE:
                    continue
                self._failed.append(line.number)
                if not self._keep_going:
                    self._show(f"Stopped at line {line.number} with exit {status}. {self._done(before=line.number)}")
                    return status
        except KeyboardInterrupt:
            self._show_interruption()
            raise
        if not self._failed:
            return ExitCode.DONE
        self._show(f"Commands that failed: {len(self._failed)}, in the lines {format_ranges(self._failed)}.")
        return ExitCode.PARTLY_FAILED

    def _answer(self, line: ScriptLine) -> int:
        """Run the command, which writes its answer, and return its exit code."""
        context = LineContext(self._script, output=self._script.output.name, out=self._out)
        try:
            return self._run(context, line, self._out)
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001 - the script may go on
            return show_failure(context, error, line.words, line=line.number)

    def _answer_as_json(self, line: ScriptLine) -> int:
        """Run the command, write one object, and return the exit code of the command."""
        written = io.StringIO()
        context = LineContext(self._script, output="json", out=written)
        status: int = ExitCode.DONE
        answer: dict[str, Any] = {}
        try:
            status = self._run(context, line, written)
            answer = {"result": _result(written.getvalue())}
        except KeyboardInterrupt:
            ending = last_interruption()
            status = ending.code if isinstance(ending, TerminatedBySignal) else ExitCode.INTERRUPTED
            answer = {"error": {"code": "interrupted", "message": "The command was interrupted."}}
            raise
        except Exception as error:  # noqa: BLE001 - the script may go on
            failure = as_lback_error(error, context)
            show_traceback(context, error)
            status, answer = exit_code(failure), {"error": error_view(failure)}
        finally:
            self._out.write(json.dumps({"line": line.number, "exit": int(status), **answer}) + "\n")
        return status

    @staticmethod
    def _run(context: LineContext, line: ScriptLine, out: TextIO) -> int:
        """Run the command, whose help also goes to *out*, and return its exit code."""
        if line.error is not None:
            raise line.error
        colors = {name: os.environ[name] for name in ("NO_COLOR",) if name in os.environ}
        try:
            with redirect_stdout(out):
                return run_command(context, line.words[1:] if line.words[0] == "lback" else line.words)
        finally:
            context.close()
            os.environ.pop("NO_COLOR", None)  # which --no-color sets
            os.environ.update(colors)

    def _show_interruption(self) -> None:
        """Show which lines are done, and how to go on."""
        if self._running is not None:
            said = f"Line {self._running} was interrupted. {self._done(before=self._running)}"
        else:
            said = self._done(before=self._last + 1)
        write_stderr("\n")
        show_text(said)
        if self._path != STDIN:
            begin = f"+{self._running or self._last + 1}"
            rest = command_line(["lback", *self._script.options_to_repeat, "run", "-"])
            show_text(f"Continue with: {command_line(['tail', '-n', begin, self._path])} | {rest}")

    def _done(self, *, before: int) -> str:
        """Return a sentence about the lines that were run."""
        failed = [number for number in self._failed if number < before]
        if self._last == 0 or before == 1:
            return "Nothing was done before it."
        without = f", except {format_ranges(failed)}, which failed" if failed else ""
        return f"The lines before it are done{without}."

    def _show(self, text: str) -> None:
        if not self._answers_json:  # the answers say it
            self._script.output.message(text)


def _result(written: str) -> Any:
    """Return the JSON document that a command wrote, or a list of JSON Lines; other text as it is; None if none."""
    for text in (written, f"[{','.join(written.splitlines())}]"):
        with suppress(ValueError):
            return json.loads(text) if written else None
    return written
