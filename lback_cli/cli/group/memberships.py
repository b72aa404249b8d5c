"""The result of `lback group add` and `lback group remove`: a record for each user, and a line for people."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lback_cli.cli.completion import complete_member, complete_user
from lback_cli.cli.context import CliContext
from lback_cli.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from lback_cli.managers.memberships import MembershipResult

COLUMNS = ("user", "id", "username", "outcome", "error_code", "error")
TABLE = ("user", "outcome", "error")

Users = Annotated[
    list[str],
    typer.Argument(metavar="USER...", help="User names, e-mail addresses or id:N.", autocompletion=complete_user),
]
Members = Annotated[
    list[str],
    typer.Argument(metavar="USER...", help="User names, e-mail addresses or id:N.", autocompletion=complete_member),
]


def show_memberships(context: CliContext, results: "Iterator[MembershipResult]", *, done: str, already: str) -> None:
    """Write the result of each user, and exit with 8 if some failed.

    Args:
        context: The parts of the command.
        results: The results.
        done: What happened to the users that were updated.
        already: Why others were not.
    """
    counts: Counter[str] = Counter()

    def views() -> Iterator[dict[str, Any]]:
        for result in results:
            counts[result.outcome] += 1
            yield _view(result)

    context.output.records(views(), COLUMNS, brief=TABLE)
    words = {"updated": done, "unchanged": already, "failed": "failed"}
    phrases = [f"{counts[outcome]} {phrase}" for outcome, phrase in words.items() if counts[outcome]]
    context.output.message(f"{', '.join(phrases)}.")
    if counts["failed"]:
        raise typer.Exit(ExitCode.PARTLY_FAILED)


def _view(result: "MembershipResult") -> dict[str, Any]:
    return {
        "user": result.user,
        "id": result.id,
        "username": result.username,
        "outcome": result.outcome,
        "error_code": None if result.error is None else result.error.code,
        "error": None if result.error is None else result.error.message,
    }
