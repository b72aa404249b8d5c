"""What joining the application's group of administrators means, said before it is done."""

from collections.abc import Sequence

from lback_cli.cli.context import CliContext


def announce_administrators(context: CliContext, groups: Sequence[str]) -> None:
    """Warn if the application makes more of one of *groups* than lback does."""
    if not groups or not context.settings.compat.lback_framework:
        return
    from lback_cli.managers.application import Application

    if Application(context.dependencies).has_administrators(groups):
        context.output.warning(
            "The application loads a member of 'admin' from admin_users by id. Without a row of the same id there, the "
            "user cannot use it: see docs/adoption.md."
        )
