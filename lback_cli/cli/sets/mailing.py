"""What the commands that mail a link to one user, or to several, share."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from lback_cli.cli.context import CliContext
from lback_cli.cli.sets.confirmation import confirm_change
from lback_cli.cli.sets.options import is_skipped, select_users, single_user
from lback_cli.cli.sets.results import show_results

if TYPE_CHECKING:
    from lback_cli.managers.user_sets import Results, UserSet


def mail_link(
    context: CliContext,
    users: list[str] | None,
    where: list[str] | None,
    *,
    link: str,
    to_one: Callable[[CliContext, str], None],
    to_several: "Callable[[UserSet], Iterable[Results]]",
    words: Mapping[str, str],
    if_missing: Literal["fail", "skip"],
    plan: bool,
    yes: bool,
) -> None:
    """Mail a link to the user that the command line names, or ask first and mail it to each of several.

    Args:
        context: The parts of the command.
        users: The arguments of the command.
        where: The conditions that select users instead.
        link: The link as messages name it, such as "a reset link".
        to_one: Mails it to one user, and shows the result.
        to_several: Mails it to each user of a set.
        words: What a message says about further outcomes.
        if_missing: What to do about a user who does not exist.
        plan: Whether to show what would be done instead.
        yes: Whether the question is answered already.
    """
    user = single_user(users, where)
    if user is not None:
        if not is_skipped(context, user, if_missing):
            with context.planned(plan):
                to_one(context, user)
        return
    chosen = select_users(context, users, where)
    confirm_change(chosen, f"Mail {link} to", yes=yes or plan)
    phrases = {"updated": f"got {link}", **words, "skipped": "skipped", "failed": "failed"}
    with context.planned(plan):
        show_results(context, chosen, to_several(chosen), phrases)
