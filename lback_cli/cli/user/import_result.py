"""What `lback user import` shows of an import, a plan or a file."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from lback_cli.cli.context import CliContext
from lback_cli.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from lback_cli.imports.dry_run import DryRunResult
    from lback_cli.imports.inspection import Inspection
    from lback_cli.imports.options import ImportOptions
    from lback_cli.imports.plan import PlanWriter
    from lback_cli.imports.results import Counts, ImportResult


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
    unverified = tally.cannot_log_in["unverified"]
    if unverified and options.mail != "verify":
        context.output.message(
            f"{_users(unverified)} cannot log in until the address is verified. If you vouch for the addresses, import "
            "the file again with --if-exists update --assume-verified."
        )
    more = {
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
            **(_phrased(more, empty=None) if context.output.format.for_people else more),
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
    for line in writer.lines:
        output.message(line)
    if more := counts.created + counts.updated - len(writer.lines):
        output.message(f"... and {more:,} more, which --plan-file FILE would list.")
    output.record(_phrased(writer.summary) if output.format.for_people else writer.summary)
    if counts.failed:
        raise typer.Exit(ExitCode.PARTLY_FAILED)


def show_inspection(context: CliContext, inspection: "Inspection") -> None:
    """Show what an import would read of a file, and the command to run."""
    output = context.output
    columns = [column.record for column in inspection.columns]
    if output.format.for_people:
        described = (f"{name} {value!r}" for name, value in inspection.description.items() if value)
        output.message(", ".join(described))
        output.records(columns, ("column", "becomes", "sample"))
        output.message(f"Run: {inspection.command}")
    else:
        output.record(
            {**inspection.description, "columns": columns, "problem": inspection.problem, "command": inspection.command}
        )
    if inspection.problem is not None:
        output.notice(f"With these options it cannot be imported yet. {inspection.problem}")


def _phrased(summary: Mapping[str, Any], empty: str | None = "none") -> dict[str, Any]:
    """Return *summary* for a person: counts by kind become a phrase for each kind, and nothing becomes *empty*."""
    return {
        name: (_phrases(value) or empty) if isinstance(value, dict | list) else value
        for name, value in summary.items()
        if value is not None
    }


def _phrases(value: Mapping[str, int] | list[str]) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(value)
    return tuple(f"{kind.replace('_', ' ')} {count}" for kind, count in value.items())


def _users(count: int) -> str:
    return "A user" if count == 1 else f"{count:,} users"


def _message(counts: "Counts") -> str:
    imported = counts.created + counts.updated
    if not imported:
        return "Nothing was imported."
    return f"Imported {imported} of {counts.total} rows." if counts.failed else "Imported."
