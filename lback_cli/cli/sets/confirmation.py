"""The question before several users are changed."""

from typing import TYPE_CHECKING, Annotated

import typer

from lback_cli.cli.output.prompts import confirm, confirm_severe

if TYPE_CHECKING:
    from lback_cli.managers.user_sets import UserSet

Count = Annotated[
    str | None,
    typer.Option(
        "--confirm", help="Confirm with the number of users. Deleting several users needs this.", metavar="COUNT"
    ),
]


def confirm_change(users: "UserSet", what: str, *, yes: bool) -> None:
    """Ask whether to do *what*, such as "Deactivate" or "Add to staff:", to *users*, unless *yes* is the answer.

    Raises:
        UsageError: There is no terminal.
        Declined: The answer is no.
    """
    if users.count:
        confirm(f"{what} {_described(users)}?", yes=yes)


def confirm_deletion(users: "UserSet", *, given: str | None, yes: bool, is_final: bool) -> None:
    """Ask for the number of *users* to delete, unless it is *given* already.

    Args:
        users: The users to delete.
        given: The value of ``--confirm``.
        yes: Whether the command line has ``--yes``, which is not enough.
        is_final: Whether no user can be restored.

    Raises:
        UsageError: There is no terminal.
        Declined: The number is another one.
    """
    if users.count:
        question = f"Delete {_described(users)}?" + (" This cannot be undone." if is_final else "")
        if yes and given is None:
            question = f"{question} Several users need more than --yes."
        confirm_severe(question, "the number of users", (str(users.count),), given=given)


def _described(users: "UserSet") -> str:
    """Return the users as a question names them: ``40 users (ann, ben, cid and 37 more)``."""
    names = list(users.first_names)
    if others := users.count - len(names):
        names.append(f"{others} more")
    *first, last = names
    listed = f"{', '.join(first)} and {last}" if first else last
    return f"{users.count} {'user' if users.count == 1 else 'users'} ({listed})"
