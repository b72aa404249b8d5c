"""`lback doctor`."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context

if TYPE_CHECKING:
    from lback_cli.doctor.result import CheckResult

COLUMNS = ("check", "status", "message", "hint")


@command(
    examples={
        "Run all checks": "lback doctor",
        "Show the findings as JSON": "lback doctor -o json",
        "Check also whether a trace can be written": "lback doctor --trace-file trace.jsonl",
    }
)
def doctor(ctx: typer.Context) -> None:
    """Check the installation; exit 9 if a check fails.

    The checks are about configuration, files, hashing, mail, receivers, sinks, database, event log and delivery.

    Nothing in the database is changed, and no mail is sent.
    """
    from lback_cli.doctor.runner import require_all_passed, run_checks

    context = cli_context(ctx)
    trace_file, receivers = context.options.get("trace_file"), not context.options.get("no_receivers")
    findings: list[CheckResult] = []

    def views() -> Iterator[dict[str, object]]:
        for finding in run_checks(lambda: context.settings, trace_file=trace_file, receivers=receivers):
            findings.append(finding)
            yield asdict(finding)

    context.any_output.findings(views(), COLUMNS)
    require_all_passed(findings)
