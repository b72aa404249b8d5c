"""`lback doctor`: whether everything that lback stands on is as it should be."""

from dataclasses import asdict

import typer

from lback_cli.cli.commands import Noun
from lback_cli.cli.options import runtime
from lback_cli.doctor.doctor import Doctor, require_health

app = Noun()

COLUMNS = ("check", "status", "message", "hint")
STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red", "skipped": "dim"}


@app.verb("doctor", examples=("lback doctor", "lback doctor -o json", "lback doctor --trace-file trace.jsonl"))
def doctor(ctx: typer.Context) -> None:
    """Check configuration, files, packages, hashing, mail, the database and its event log; exit 9 if a check fails.

    Nothing is changed, and no mail is sent.
    """
    run = runtime(ctx)
    trace_file, receivers = run.options.get("trace_file"), not run.options.get("no_receivers")
    findings = list(Doctor(lambda: run.settings, trace_file=trace_file, receivers=receivers).examine())
    run.any_output.records(map(asdict, findings), COLUMNS, styles=STYLES)
    require_health(findings)
