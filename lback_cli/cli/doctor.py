"""`lback doctor`: whether everything that lback stands on is as it should be."""

from collections.abc import Iterator
from dataclasses import asdict

import typer

from lback_cli.cli.command_group import CommandGroup
from lback_cli.cli.global_options import runtime
from lback_cli.doctor.result import CheckResult
from lback_cli.doctor.runner import Doctor, require_all_passed

app = CommandGroup()

COLUMNS = ("check", "status", "message", "hint")


@app.command("doctor", examples=("lback doctor", "lback doctor -o json", "lback doctor --trace-file trace.jsonl"))
def doctor(ctx: typer.Context) -> None:
    """Check configuration, files, hashing, mail, receivers, the database and its log; exit 9 if a check fails.

    Nothing is changed, and no mail is sent.
    """
    run = runtime(ctx)
    trace_file, receivers = run.options.get("trace_file"), not run.options.get("no_receivers")
    examiner = Doctor(lambda: run.settings, trace_file=trace_file, receivers=receivers)
    findings: list[CheckResult] = []

    def told() -> Iterator[dict[str, object]]:
        for finding in examiner.run_checks():
            findings.append(finding)
            yield asdict(finding)

    run.any_output.findings(told(), COLUMNS)
    require_all_passed(findings)
