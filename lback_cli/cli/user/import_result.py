"""What `lback user import` shows of an import, a plan or a file."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from lback_cli.cli.context import CliContext
from lback_cli.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from lback_cli.imports.dry_run import DryRunResult
    from lback_cli.imports.inspection import Inspection
    from lback_cli.imports.options import ImportOptions
    from lback_cli.imports.plan import PlanWriter
    from lback_cli.imports.results import Counts, ImportResult, Tally


_OBSTACLES = {"no_password": "without a password"}
"""Words for what keeps users from logging in, where they differ."""

_JOB = 8
"""Characters of a job that identify an import, as a rule."""

_NAMES = 5
"""Names of users or groups that a person is shown; the other formats have all groups."""

_SHOWN = frozenset({"cannot_log_in", "mails", "password_hashes", "weak_password_hashes", "signals"})
"""The parts of a plan that are shown even if there is nothing."""


def show_result(context: CliContext, result: "ImportResult", options: "ImportOptions") -> None:
    """Show the result of an import, and exit with its code."""
    counts, tally = result.counts, result.tally
    messages = {
        "done": _message(counts),
        "rolled_back": "Nothing was imported, because rows were refused.",
        "finished": "This import is already finished.",
    }
    if result.state in messages:
        context.output.message(messages[result.state])
    if tally.first_mail is not None:
        from lback_cli.cli.user.mail_wording import mails_of_many

        context.output.message(mails_of_many(tally.mails, tally.first_mail))
    _warn_of_misread_text(context, tally)
    if tally.to_vouch_for and options.mail != "verify":
        users = "1 user" if tally.to_vouch_for == 1 else f"{tally.to_vouch_for:,} users"
        context.output.message(
            f"{users} cannot log in until the address is verified. If you vouch for the addresses, import the file "
            "again with --if-exists update --assume-verified."
        )
    if result.state == "done" and counts.created + counts.updated:
        context.output.message(f"'lback undo --import {result.job[:_JOB]}' undoes this import.")
    more: dict[str, Any] = {
        "cannot_log_in": dict(tally.cannot_log_in),
        "left_out": tally.left_out,
        "created_groups": tally.created_groups,
    }
    context.output.record(
        {
            "created": counts.created,
            "updated": counts.updated,
            "skipped": counts.skipped,
            "failed": counts.failed,
            "total": counts.total,
            **(_phrased(more, tally) if context.output.format.for_people else more),
            "job": result.job,
        }
    )
    if counts.failed:
        raise typer.Exit(ExitCode.PARTLY_FAILED)


def show_plan(context: CliContext, result: "DryRunResult", writer: "PlanWriter", options: "ImportOptions") -> None:
    """Show a plan, and exit with the code that its import would have."""
    output, counts = context.output, result.counts
    output.message("This is what would change. Nothing was changed.")
    if options.atomic and counts.failed:
        output.notice("Because rows are refused, --atomic will import nothing.")
    _warn_of_misread_text(context, result.tally)
    if output.format.for_people:
        for line in writer.lines:
            output.message(line)
        if more := counts.created + counts.updated - len(writer.lines):
            output.message(f"... and {more:,} more; --plan-file FILE lists all.")
    output.record(_phrased(writer.summary, result.tally, "none") if output.format.for_people else writer.summary)
    if counts.failed:
        raise typer.Exit(ExitCode.PARTLY_FAILED)


def show_inspection(context: CliContext, inspection: "Inspection") -> None:
    """Show what an import would read of a file, and the command to run."""
    output = context.output
    columns = [column.record for column in inspection.columns]
    if output.format.for_people:
        output.message(f"{inspection.words}.")
        output.records(columns, ("column", "becomes", "sample"))
        for note in inspection.notes:
            output.message(note)
        output.message(f"Run: {inspection.command}")
    else:
        found = {"columns": columns, "problem": inspection.problem, "notes": inspection.notes}
        output.record({**inspection.description, **found, "command": inspection.command})
    if inspection.problem is not None:
        output.notice(f"With these options it cannot be imported yet. {inspection.problem}")


def _warn_of_misread_text(context: CliContext, tally: "Tally") -> None:
    if tally.misread:
        context.output.warning(tally.misread.message, hint=tally.misread.hint)


def _phrased(summary: Mapping[str, Any], tally: "Tally", nothing: str | None = None) -> dict[str, Any]:
    """Return *summary* for a person: counts by kind become a phrase for each kind; none at all become *nothing*."""
    phrased = {}
    for name, value in summary.items():
        if name == "cannot_log_in":
            phrased[name] = _hindered(tally) or nothing
        elif name == "created_groups":
            phrased[name] = _first_names(value, len(value)) if value else nothing
        elif isinstance(value, dict):
            phrased[name] = tuple(f"{kind} {count}" for kind, count in value.items()) or nothing
        else:
            phrased[name] = (tuple(value) or nothing) if isinstance(value, list) else value
    return {
        name: value for name, value in phrased.items() if value is not None and (value != nothing or name in _SHOWN)
    }


def _hindered(tally: "Tally") -> tuple[str, ...]:
    """Return who cannot log in: a phrase for each obstacle, with the first names."""
    phrases = []
    for obstacle, count in sorted(tally.cannot_log_in.items()):
        phrases.append(f"{_OBSTACLES.get(obstacle, obstacle)} {_first_names(tally.examples[obstacle], count)}")
    return tuple(phrases)


def _first_names(names: Sequence[str], count: int) -> str:
    """Return a count, and the first of the names: ``8 (ann, bob, ...)``."""
    first = names[:_NAMES]
    return f"{count} ({', '.join(first)}{', ...' if count > len(first) else ''})"


def _message(counts: "Counts") -> str:
    imported = counts.created + counts.updated
    if not imported:
        return "Nothing was imported."
    return f"Imported {imported} of {counts.total} rows." if counts.failed else "Imported."
