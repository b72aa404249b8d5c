"""The command of a report. Its options are those that the report takes, and those of every report."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lback_cli.cli.as_of import AsOf
from lback_cli.cli.command_group import command
from lback_cli.cli.completion import complete_group
from lback_cli.cli.context import CliContext, cli_context
from lback_cli.errors import UsageError
from lback_cli.text.times import parse_moment, timestamp, to_the_second

if TYPE_CHECKING:
    from lback_cli.cli.global_options import LbackCommand
    from lback_cli.reports.base import Report, Request
    from lback_cli.reports.page.proof import Proof

_CHOICES = {"as_of", "group", "since", "until"}

Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        help="Only events from this time on: ISO 8601, yesterday, or an age such as 2h or 7d.",
        metavar="TIME",
    ),
]
Until = Annotated[str | None, typer.Option("--until", help="Only events before this time.", metavar="TIME")]
Group = Annotated[
    str | None,
    typer.Option("--group", help="Only this group.", metavar="NAME", autocompletion=complete_group),
]
Form = Annotated[
    Literal["data", "html"],
    typer.Option("--format", help="data: the rows, as -o says. html: a page with charts, for a file."),
]
Verify = Annotated[
    bool,
    typer.Option(
        "--verify/--no-verify", help="Verify the event log first, which takes some seconds for a million events."
    ),
]


def report_command(name: str, report: "type[Report]") -> "LbackCommand":
    """Return the command of *report*, which is called *name*."""

    def run(
        ctx: typer.Context,
        as_of: AsOf = None,
        group: Group = None,
        since: Since = report.default_since,
        until: Until = None,
        form: Form = "data",
        verify: Verify = True,
    ) -> None:
        from lback_cli.events.moment import Moment
        from lback_cli.reports.base import Request

        context = cli_context(ctx)
        now = context.dependencies.now()
        request = Request(
            as_of=None if as_of is None else Moment.parse(as_of, now),
            since=None if since is None else timestamp(parse_moment(since, now)),
            until=None if until is None else timestamp(parse_moment(until, now)),
            group=group,
        )
        _write(context, report, request, form, verify=verify)

    run.__doc__ = report.description
    declared = command(examples=report.examples, fields=report.columns)(run)
    declared.params = [p for p in declared.params if p.name not in _CHOICES or p.name in report.takes]
    declared.name = name
    return declared


def _write(context: CliContext, kind: "type[Report]", request: "Request", form: str, *, verify: bool) -> None:
    from lback_cli.reports.base import Source
    from lback_cli.reports.page.proof import prove
    from lback_cli.repositories.snapshot import snapshot

    if form == "html" and context.output.format.out.isatty():
        raise UsageError("A page is not shown on a terminal.", hint="Write it to a file: add '> report.html'.")
    with snapshot(context.database) as found:
        proof = prove(context.database, found, verify=verify)
        report = kind(Source(found, context.dependencies, request))
        if form == "html":
            _write_page(context, report, proof)
        else:
            fields = context.output.choose(report.columns, brief=report.brief)
            context.output.pages(report.pages(fields), fields, empty="No rows.")
            for note in report.notes:
                context.output.notice(note)
    if proof.error is not None:
        raise proof.error


def _write_page(context: CliContext, report: "Report", proof: "Proof") -> None:
    from lback_cli.database.url import without_password
    from lback_cli.reports.page.writer import Head, PageWriter

    request = report.source.request
    facts = {
        "database": without_password(context.database.url),
        "made at (UTC)": to_the_second(context.dependencies.now()).replace("T", " ").removesuffix("Z"),
        "made by": context.actor.name,
    }
    asked = {
        "as of": None if request.as_of is None else request.as_of.text,
        "only the group": request.group,
        "from (UTC)": _seconds(request.since),
        "until (UTC)": _seconds(request.until),
    }
    facts |= {name: value for name, value in asked.items() if value is not None}
    context.output.text(PageWriter().pieces(report, Head(facts, proof)))


def _seconds(time: str | None) -> str | None:
    return None if time is None else f"{time[:10]} {time[11:19]}"
