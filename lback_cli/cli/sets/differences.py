"""Differences between the database and a desired state, as a person or a program reads them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import typer

from lback_cli.cli.context import CliContext
from lback_cli.cli.exit_codes import ExitCode
from lback_cli.cli.output.prompts import confirm
from lback_cli.cli.sets.plan import show_counts
from lback_cli.cli.user.mail_wording import mail_counts
from lback_cli.events.wording import change_line, group_line, new_line
from lback_cli.text.escaping import safe

if TYPE_CHECKING:
    from lback_cli.apply.applier import Applied, Rehearsed
    from lback_cli.apply.differences import Difference, Differences
    from lback_cli.operations.attempts import PostedMail

COLUMNS = ("kind", "name", "id", "action", "changes", "outcome", "error_code", "error")

_NOTHING = "Nothing differs."


def show_drift(context: CliContext, differences: "Differences") -> None:
    """Show *differences*, and exit with 8 if there are some."""
    _show(context, (_record(difference) for difference in differences.found), map(_line, differences.found))
    if not differences.found:
        context.output.message(_NOTHING)
        return
    context.output.message(f"Differences: {len(differences.found)}.")
    raise typer.Exit(ExitCode.PARTLY_FAILED)


def show_plan(context: CliContext, differences: "Differences", rehearsal: "Rehearsed") -> None:
    """Show what would be done, with the signals and mails, and exit as the run would."""
    _show(context, map(_result, rehearsal.results), (line for done in rehearsal.results for line in _lines(done)))
    counts: Counter[str] = Counter(done.outcome for done in rehearsal.results)
    context.output.message(_summary(differences, counts))
    show_counts(context.output, rehearsal.signals, rehearsal.mails)
    _exit_with(counts)


def apply_differences(context: CliContext, differences: "Differences", *, yes: bool) -> None:
    """Remove *differences* after a question, and show the results."""
    if not differences.found:
        _show(context, (), ())
        context.output.message(_NOTHING)
        return
    if not yes:
        for difference in differences.found:
            context.output.message(_line(difference))
        confirm(f"{_question(differences)}?", yes=yes)
    counts: Counter[str] = Counter()
    mails: list[PostedMail] = []
    results = _counted(context.declarations.apply(differences), counts, mails)
    asked = not yes
    try:
        if context.output.format.for_people:
            # Who has confirmed the lines needs to see only what failed.
            context.output.text(
                f"{safe(line)}\n"
                for done in results
                for line in _lines(done)
                if not (asked or context.output.quiet) or done.outcome == "failed"
            )
        else:
            context.output.records(map(_result, results), COLUMNS, asked=False)
    except BaseException:
        context.output.notice(f"{counts.total()} of {len(differences.found)} changes are done.")
        raise
    context.output.message(_summary(differences, counts))
    context.output.message(mail_counts(mails))
    _exit_with(counts)


def _counted(
    results: "Iterable[Sequence[Applied]]", counts: Counter[str], mails: "list[PostedMail]"
) -> "Iterator[Applied]":
    for committed in results:
        counts.update(done.outcome for done in committed)
        mails += chain.from_iterable(done.mails for done in committed)
        yield from committed


def _show(context: CliContext, records: Iterable[dict[str, Any]], lines: Iterable[str]) -> None:
    if context.output.format.for_people:
        context.output.text(f"{safe(line)}\n" for line in lines)
    else:
        context.output.records(records, COLUMNS, asked=False)


def _exit_with(counts: Counter[str]) -> None:
    if counts["failed"]:
        raise typer.Exit(ExitCode.PARTLY_FAILED)


def _question(differences: "Differences") -> str:
    counts: Counter[str] = Counter(difference.action for difference in differences.found)
    parts = [f"{verb} {counts[verb]}" for verb in ("create", "update", "delete") if counts[verb]]
    found = len(differences.found)
    return f"Apply {found} {'change' if found == 1 else 'changes'} ({', '.join(parts)})"


def _summary(differences: "Differences", counts: Counter[str]) -> str:
    words = ("created", "updated", "deleted", "failed")
    found = [f"{counts[word]} {word}" for word in words if counts[word]]
    if differences.unchanged:
        found.append(f"{differences.unchanged} unchanged")
    return f"{', '.join(found)}." if found else _NOTHING


def _lines(done: "Applied") -> Iterator[str]:
    if done.error is None:
        yield _line(done.difference)
    else:
        yield f"! {_named(done.difference)}  {done.error.message}"


def _line(difference: "Difference") -> str:
    changes = difference.changes
    if difference.kind == "group":
        sign = {"create": "+", "update": "~", "delete": "-"}[difference.action]
        return group_line(sign, difference.name, changes)
    if difference.action == "delete":
        return f"- {difference.name}"
    if difference.action == "create":
        return new_line(difference.name, changes["email"]["to"], changes["groups"]["added"])
    return change_line(difference.name, changes)


def _named(difference: "Difference") -> str:
    return f"group {difference.name}" if difference.kind == "group" else difference.name


def _result(done: "Applied") -> dict[str, Any]:
    error = done.error
    return _record(done.difference) | {
        "id": done.id,
        "outcome": done.outcome,
        "error_code": None if error is None else error.code,
        "error": None if error is None else error.message,
    }


def _record(difference: "Difference") -> dict[str, Any]:
    return {
        "kind": difference.kind,
        "name": difference.name,
        "id": difference.id,
        "action": difference.action,
        "changes": dict(difference.changes),
        "outcome": None,
        "error_code": None,
        "error": None,
    }
