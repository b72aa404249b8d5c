"""The results of a command on several users: a record for each, and a line for people."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import typer

from lback_cli.cli.context import CliContext
from lback_cli.cli.exit_codes import ExitCode
from lback_cli.cli.output.format import Record
from lback_cli.errors import UserNotFound

if TYPE_CHECKING:
    from lback_cli.managers.user_sets import Results, SetResult, UserSet

COLUMNS = ("user", "id", "username", "outcome", "error_code", "error")
TABLE = ("user", "outcome", "error")

SHOWN = 20
"""How many results a terminal shows. Of more, it shows only the failures."""


def show_results(context: CliContext, users: "UserSet", results: "Iterable[Results]", words: Mapping[str, str]) -> None:
    """Run the operations, write the result of each, and exit with 8 if some failed.

    Args:
        context: The parts of the command.
        users: The users.
        results: The results, which come as the operations are run.
        words: What a message says about each outcome, beside "failed".
    """
    output = context.output
    run = _Run(context, users, results)
    try:
        is_brief = output.quiet or output.terse  # a message counts the others
        if output.format.for_people and (is_brief or output.format.out.isatty()):
            shows_all = not is_brief and len(users.members) <= SHOWN
            shown = [result for result in run if shows_all or result["outcome"] == "failed"]
            if shown:
                output.records(shown, COLUMNS, brief=TABLE if run.counts["failed"] else TABLE[:-1])
        else:
            output.records(run, COLUMNS, brief=TABLE, asked=False)
    except BaseException:
        output.notice(f"{run.done} of {len(users.members)} users are done.")
        raise
    phrases = [f"{run.counts[outcome]} {phrase}" for outcome, phrase in words.items() if run.counts[outcome]]
    output.message(f"{', '.join(phrases)}." if phrases else "No users match.")
    if run.missing_number is not None and output.format.for_people:
        output.message(f"To name users by their ids, write id:{run.missing_number}.")
    if run.counts["failed"]:
        raise typer.Exit(ExitCode.PARTLY_FAILED)


class _Run:
    """The records of the results, counted, with a progress bar on a terminal."""

    def __init__(self, context: CliContext, users: "UserSet", results: "Iterable[Results]") -> None:
        self.counts: Counter[str] = Counter()
        self.missing_number: str | None = None
        self._results = results
        self._marked = context.output.marked
        self._total = len(users.members)
        output = context.output
        to_terminal = output.format.out.isatty()
        shows_bar = context.can_show_progress and (output.format.for_people or not to_terminal)
        self._shows_bar = shows_bar and self._total > SHOWN

    @property
    def done(self) -> int:
        """How many operations have ended."""
        return self.counts.total()

    def __iter__(self) -> Iterator[Record]:
        return self._with_bar() if self._shows_bar else self._records()

    def _records(self) -> Iterator[Record]:
        for committed in self._results:
            self.counts.update(result.outcome for result in committed)
            for result in committed if self.missing_number is None else ():
                if isinstance(result.error, UserNotFound) and result.user.isdecimal():
                    self.missing_number = result.user[:20]
                    break
            yield from (self._marked(_record(result)) for result in committed)

    def _with_bar(self) -> Iterator[Record]:
        from lback_cli.cli.output.progress import bar

        began = time.monotonic()
        with bar("users") as progress:
            task = progress.add_task("", total=self._total, rows=0, rate=0)
            for record in self._records():
                rate = self.done / max(time.monotonic() - began, 0.001)
                progress.update(task, completed=self.done, rows=f"{self.done:,}", rate=f"{rate:,.0f}")
                yield record


def _record(result: "SetResult") -> dict[str, Any]:
    return {
        "user": result.user,
        "id": result.id,
        "username": result.username,
        "outcome": result.outcome,
        "error_code": None if result.error is None else result.error.code,
        "error": None if result.error is None else result.error.message,
    }
