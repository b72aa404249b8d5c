"""What a person must know about a change of a user that an application of the lback framework reads."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lback_cli.cli.context import CliContext

if TYPE_CHECKING:
    from lback_cli.models import User


def announce_administrators(context: CliContext, groups: Sequence[str]) -> None:
    """Warn if the application makes more of one of *groups* than lback does."""
    if not groups or not context.settings.compat.lback_framework:
        return
    from lback_cli.managers.application import Application

    if Application(context.dependencies).has_administrators(groups):
        context.output.warning(
            "The application loads a member of 'admin' from admin_users by id. Without a row of the same id"
            " there, the user cannot use it: see docs/adoption.md."
        )


def announce_spelling(context: CliContext, user: "User", username: str | None, email: str | None) -> None:
    """Warn if *username* or *email*, as a person gave them, are stored in another spelling."""
    if not context.settings.compat.lback_framework:
        return
    given = {user.username: username, user.email: email}
    changed = [stored for stored, typed in given.items() if typed not in {None, stored}]
    if changed:
        context.output.warning(f"The application accepts only this spelling: {' and '.join(changed)}.")
