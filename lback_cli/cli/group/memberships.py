"""What `lback group add` and `lback group remove` share."""

from typing import Literal

from lback_cli.cli.context import CliContext
from lback_cli.cli.sets.confirmation import confirm_change
from lback_cli.cli.sets.options import STDIN, select_users
from lback_cli.cli.sets.results import show_results

_WORDS = {
    "add_groups": ("Add to {}:", "added to {}", "already a member"),
    "remove_groups": ("Remove from {}:", "removed from {}", "not a member"),
}


def change_members(
    context: CliContext,
    group: str,
    users: list[str] | None,
    where: list[str] | None,
    *,
    change: Literal["add_groups", "remove_groups"],
    if_missing: Literal["fail", "skip"],
    plan: bool,
    yes: bool,
) -> None:
    """Add the users to *group*, or remove them, and show the result of each. Users who are named need no question."""
    what, done, already = _WORDS[change]
    chosen = select_users(context, users, where)
    found, _ = context.directory.find_group(group, joins=change == "add_groups")
    if not plan and (where or users == [STDIN]):
        confirm_change(chosen, what.format(found.name), yes=yes)
    words = {"updated": done.format(group), "unchanged": already, "skipped": "skipped", "failed": "failed"}
    with context.planned(plan):
        results = context.user_sets.update(chosen, {change: [found.name]}, if_missing=if_missing)
        show_results(context, chosen, results, words)
