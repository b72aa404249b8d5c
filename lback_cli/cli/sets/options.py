"""The arguments and options that name one user or several."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lback_cli.cli.completion import complete_condition, complete_member, complete_user
from lback_cli.cli.context import CliContext
from lback_cli.cli.output.prompts import announce_input
from lback_cli.errors import UsageError

if TYPE_CHECKING:
    from lback_cli.managers.user_sets import UserSet

STDIN = "-"
"""As the only USER: read names from standard input."""

_HELP = "User names, e-mail addresses or id:N; - reads names from standard input, one on each line."

Users = Annotated[list[str] | None, typer.Argument(metavar="[USER]...", help=_HELP, autocompletion=complete_user)]
Members = Annotated[
    list[str] | None,
    typer.Argument(metavar="[USER]...", help=_HELP, autocompletion=complete_member),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        help="Instead of USER: all users that meet this condition, as in 'lback user list'. Repeatable: all must hold.",
        metavar="CONDITION",
        autocompletion=complete_condition,
    ),
]
MaxShare = Annotated[
    float | None,
    typer.Option(
        "--max-share",
        help="How much of all users the command may delete or deactivate. The default is 10.",
        metavar="PERCENT",
        min=0,
        max=100,
    ),
]


def single_user(users: list[str] | None, where: list[str] | None) -> str | None:
    """Return the user that the command line names, or None if it selects a set.

    Raises:
        UsageError: It names no users, or in two ways.
    """
    users = users or []
    if not users and not where:
        raise UsageError("No user is named.", hint="Name a USER, or give a condition with --where.")
    if users and where:
        raise UsageError("Give either USERs or --where, not both.")
    if STDIN in users and len(users) > 1:
        raise UsageError("Names come either from the command line or with '-' from standard input, not from both.")
    return users[0] if len(users) == 1 and users != [STDIN] else None


def select_users(context: CliContext, users: list[str] | None, where: list[str] | None) -> "UserSet":
    """Return the set of users that the command line selects; the arguments and errors are those of `single_user`."""
    single_user(users, where)
    if not where:
        if users == [STDIN]:
            announce_input(context.output, "a user name on each line")
        return context.user_sets.named(_names_on_input() if users == [STDIN] else users or ())
    from lback_cli.managers.user_conditions import with_conditions
    from lback_cli.repositories.user_query import UserQuery

    query = with_conditions(UserQuery(), where, context.attributes, context.dependencies.now())
    return context.user_sets.matching(query)


def refuse_for_sets(options: dict[str, Any]) -> None:
    """Raise `UsageError` if one of *options*, by name, is given although it is for one user."""
    for name, value in options.items():
        if value:
            raise UsageError(f"{name} is for one user.", hint="Name one USER, or use 'lback run' for different values.")


def is_skipped(context: CliContext, user: str, if_missing: Literal["fail", "skip"]) -> bool:
    """Return whether *user* is missing and may be, and show that."""
    if if_missing == "fail" or context.may_exist(user):
        return False
    context.output.message(f"There is no user {user}: skipped.")
    if not context.output.format.for_people:
        context.show_outcome({"user": user, "id": None}, "skipped")
    return True


def _names_on_input() -> Iterator[str]:
    if sys.stdin is None:
        raise UsageError("Standard input is closed.")
    for line in sys.stdin.buffer:
        if name := line.decode("utf-8", "surrogateescape").strip():
            yield name
