"""What the shell offers when Tab is pressed."""

from collections.abc import Iterable

import typer

from lback_cli.cli.context import CliContext
from lback_cli.errors import LbackError
from lback_cli.text.escaping import first_unsafe_character

MOST = 50
"""Users that are offered at most."""


def complete_signal(incomplete: str) -> list[str]:
    """Names of signals."""
    from lback_cli.signals import CATALOGUE

    return [name for name in CATALOGUE if name.startswith(incomplete)]


def complete_group(ctx: typer.Context, incomplete: str) -> Iterable[str]:
    """Names of groups in the configured database; nothing where that cannot be read."""
    try:
        groups = _runtime(ctx).groups.list_groups()
    except LbackError:
        return []
    return [group.name for group, _ in groups if group.name.startswith(incomplete) and _is_plain(group.name)]


def complete_user(ctx: typer.Context, incomplete: str) -> Iterable[str]:
    """User names in the configured database; nothing where that cannot be read."""
    from lback_cli.repositories.user_repository import UserQuery

    query = UserQuery(prefix=incomplete.lower(), sort="username", limit=MOST)
    try:
        with _runtime(ctx).directory.select_users(query) as users:
            return [user.username for user in users if _is_plain(user.username)]
    except LbackError:
        return []


def _is_plain(name: str) -> bool:
    """Whether *name*, which another program may have stored, can be put on a command line."""
    return first_unsafe_character(name) is None


def _runtime(ctx: typer.Context) -> CliContext:
    # While completing, no command has run that could have put one there.
    return ctx.obj or CliContext()
