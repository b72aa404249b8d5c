"""`lback undo`."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import CliContext, cli_context
from lback_cli.cli.exit_codes import ExitCode
from lback_cli.cli.output.prompts import Yes, confirm
from lback_cli.cli.sets.options import MaxShare
from lback_cli.errors import UsageError

if TYPE_CHECKING:
    from lback_cli.undo.planner import Summary
    from lback_cli.undo.selection import Request
    from lback_cli.undo.verdicts import EventPlan

_BRIEF = ("event", "subject", "verdict", "change", "reason", "by")

_ALL = 100
"""A share of the users, in percent, that nothing exceeds."""

_MANY = 50
"""Events above which a person sees only those that were not reversed."""


@command(
    examples={
        "Undo one event": "lback undo 4711",
        "Show what undoing the last import would change": "lback undo --import last --plan",
        "Undo an import by the beginning of its job": "lback undo --import 5f3a9c0e",
        "Write a plan that undoes a command, to be reviewed": (
            "lback undo --invocation 0c9d1e2f3a4b5c6d --plan-file undo.plan"
        ),
        "Make exactly the changes of the plan": "lback undo --apply undo.plan --yes",
    },
)
def undo(
    ctx: typer.Context,
    events: Annotated[
        list[int] | None, typer.Argument(metavar="[SEQ]...", help="Numbers of the events to undo.", min=1)
    ] = None,
    operation: Annotated[
        str | None, typer.Option("--operation", help="Undo the events of this operation.", metavar="ID")
    ] = None,
    invocation: Annotated[
        str | None, typer.Option("--invocation", help="Undo the events of this run of a command.", metavar="ID")
    ] = None,
    job: Annotated[
        str | None,
        typer.Option(
            "--import",
            help="Undo this import: its job, the beginning of it, event:N of the import, or last.",
            metavar="JOB",
        ),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would change, and change nothing.")] = False,
    plan_file: Annotated[
        Path | None, typer.Option("--plan-file", help="Write what would change to this file.", metavar="FILE")
    ] = None,
    apply: Annotated[
        Path | None,
        typer.Option("--apply", help="Do what this plan says, unless that would differ now.", metavar="FILE"),
    ] = None,
    mail: Annotated[
        Literal["none", "notify"], typer.Option("--mail", help="Whether to notify users whose address changes.")
    ] = "none",
    including_active: Annotated[
        bool,
        typer.Option(
            "--including-active", help="Undo an import also for users who have logged in or set a password since."
        ),
    ] = False,
    max_share: MaxShare = None,
    yes: Yes = False,
) -> None:
    """Undo what events did, newest first. What was changed since is kept, and the result says by which event.

    To undo an undo, name its events.
    """
    from lback_cli.undo.selection import LAST, Request, Selection

    context = cli_context(ctx)
    selection = Selection(events=events or (), operation=operation, invocation=invocation, import_job=job)
    _require_one([bool(events), operation is not None, invocation is not None, job is not None, apply is not None])
    if apply is not None:
        if plan or plan_file is not None or mail != "none" or including_active:
            raise UsageError("--apply takes the events and the options from the plan.", hint="Leave them out.")
        request = _checked_plan(context, apply)
    else:
        if job is not None:
            selection = context.undo.resolved(selection)
        if job == LAST:
            context.output.message(f"The last import is {(selection.import_job or '')[:8]}.")
        request = Request(selection=selection, mail=mail, including_active=including_active)
    if plan or plan_file is not None:
        summary = _plan(context, request, plan_file)
        context.undo.check_share(summary, max_share=max_share)
    else:
        # What would change takes long to compute. It is not needed if there is nothing to ask or to refuse.
        if not yes or max_share != _ALL:
            expected = context.undo.summary(request, max_share=max_share)
            if expected.actions:
                confirm(_question(expected), yes=yes)
        summary = _run(context, request)
    if not summary.is_complete:
        raise typer.Exit(ExitCode.PARTLY_FAILED)


def _require_one(given: list[bool]) -> None:
    if given.count(True) != 1:
        raise UsageError(
            "Name the events by exactly one of SEQ, --operation, --invocation, --import and --apply.",
            hint="'lback events list' shows the numbers of events and the jobs of imports.",
        )


def _checked_plan(context: CliContext, path: Path) -> "Request":
    from lback_cli.undo.plan_file import PlanFile

    file = PlanFile(path)
    with context.undo.plan(file.request) as plans:
        file.require(plans)
    return file.request


def _plan(context: CliContext, request: "Request", path: Path | None) -> "Summary":
    from lback_cli.undo.plan_file import write_plan
    from lback_cli.undo.planner import Summary

    summary = Summary()
    with context.undo.plan(request) as plans:
        _show(context, plans if path is None else write_plan(path, request, plans), summary, is_done=False)
    context.output.message(_result(summary, is_done=False))
    return summary


def _run(context: CliContext, request: "Request") -> "Summary":
    from lback_cli.undo.planner import Summary

    summary = Summary()
    is_brief = context.output.format.for_people and context.undo.count(request) > _MANY
    try:
        _show(context, context.undo.run(request), summary, is_done=True, is_brief=is_brief)
    except BaseException:
        number = summary.counts["reversed"]
        context.output.notice(f"{number} changes are reversed. The same command continues.")
        raise
    context.output.message(_result(summary, is_done=True))
    return summary


def _show(
    context: CliContext, plans: "Iterable[EventPlan]", summary: "Summary", *, is_done: bool, is_brief: bool = False
) -> None:
    from lback_cli.undo.verdicts import COLUMNS

    def records() -> Iterator[dict[str, object]]:
        for plan in plans:
            summary.add(plan)
            for record in plan.records(is_done=is_done):
                if not is_brief or record["verdict"] in {"kept", "cannot"}:
                    yield record

    context.output.records(records(), COLUMNS, brief=_BRIEF, asked=not is_done)


_ACTIONS = {
    "delete": ("delete", "user"),
    "restore": ("restore", "user"),
    "update": ("change", "user"),
    "create_group": ("create", "group"),
    "rename_group": ("rename", "group"),
    "describe_group": ("describe", "group"),
    "delete_group": ("delete", "group"),
    "add_members": ("fill", "group"),
}
"""What each action does to how many of what, for the question."""


def _question(summary: "Summary") -> str:
    phrases = []
    for action, (verb, noun) in _ACTIONS.items():
        if count := summary.actions[action]:
            phrases.append(f"{verb} {count} {noun}{'' if count == 1 else 's'}")
    others = sum(summary.actions.values()) - len(summary.names)
    names = ", ".join(summary.names) + (", ..." if others > 0 else "")
    return f"Undo: {' and '.join(filter(None, [', '.join(phrases[:-1]), phrases[-1]]))} ({names})?"


def _result(summary: "Summary", *, is_done: bool) -> str:
    counts = summary.counts
    if not counts:
        return "There is nothing to undo."
    number = counts["reversed"]
    changes = f"{number} change{'' if number == 1 else 's'}"
    if is_done and not number and counts.keys() <= {"done"}:
        return "Everything was undone before."
    parts = [f"Reversed {changes}" if is_done else f"This would reverse {changes}"]
    parts += [f"{counts['kept']} kept"] if counts["kept"] else []
    parts += [f"{counts['cannot']} cannot be reversed"] if counts["cannot"] else []
    parts += [f"{counts['done']} done already"] if counts["done"] else []
    sentence = "; ".join(parts) + "."
    if not is_done:
        sentence += " Nothing was changed."
    return f"{sentence} Mail that was sent stays sent." if summary.may_have_mailed and number else sentence
