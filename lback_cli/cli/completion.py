"""Shell completion of names."""

from collections.abc import Iterable, Sequence

import typer

from lback_cli.attributes import UserAttributes
from lback_cli.cli.context import CliContext
from lback_cli.errors import LbackError
from lback_cli.text.escaping import first_unsafe_character

MAX_USERS = 50
"""Maximum number of users that are offered."""


def complete_signal(incomplete: str) -> list[str]:
    """Return names of signals."""
    from lback_cli.signals import CATALOGUE

    return [name for name in CATALOGUE if name.startswith(incomplete)]


def complete_event(incomplete: str) -> list[str]:
    """Return names of signals and of the other events."""
    from lback_cli.events.kinds import ADMINISTRATIVE

    return complete_signal(incomplete) + [name for name in ADMINISTRATIVE if name.startswith(incomplete)]


def complete_source(incomplete: str) -> list[tuple[str, str]]:
    """Return the source formats of lback, each with the program and the file."""
    from lback_cli.imports.sources.registry import built_in_sources

    return [(source.name, source.description) for source in built_in_sources() if source.name.startswith(incomplete)]


def complete_group(ctx: typer.Context, incomplete: str) -> Iterable[str]:
    """Return names of groups in the configured database, or nothing if it cannot be read."""
    try:
        groups = _context(ctx).directory.list_groups()
    except LbackError:
        return []
    return [group.name for group, _ in groups if group.name.startswith(incomplete) and _is_plain(group.name)]


def complete_user(ctx: typer.Context, incomplete: str) -> Iterable[str]:
    """Return user names in the configured database, or nothing if it cannot be read."""
    return _usernames(ctx, incomplete)


def complete_member(ctx: typer.Context, incomplete: str) -> Iterable[str]:
    """Return user names of members of the group that the command line names."""
    name = ctx.params.get("name")
    return _usernames(ctx, incomplete, groups=() if name is None else (name,))


def _usernames(ctx: typer.Context, incomplete: str, *, groups: Sequence[str] = ()) -> Iterable[str]:
    from lback_cli.repositories.user_query import UserQuery

    query = UserQuery(prefix=incomplete.lower(), groups=groups, sort="username", limit=MAX_USERS)
    try:
        with _context(ctx).directory.select_users(query) as users:
            return [user.username for user in users if _is_plain(user.username)]
    except LbackError:
        return []


def complete_condition(ctx: typer.Context, incomplete: str) -> Iterable[str]:
    """Return words for conditions on users, and the groups after ``group=``."""
    from lback_cli.managers.user_conditions import WORDS

    name, separator, value = incomplete.partition("=")
    if separator and name == "group":
        return [f"group={group}" for group in complete_group(ctx, value)]
    try:
        names = [f"{attribute.name}=" for attribute in _context(ctx).attributes.rows]
    except LbackError:
        names = []
    return [word for word in (*WORDS, *names) if word.startswith(incomplete)]


def user_fields(ctx: typer.Context) -> Sequence[str]:
    """Return the fields of users; only the built-in ones if the configuration cannot be read."""
    from lback_cli.cli.output.serializers import user_columns

    try:
        return user_columns(_context(ctx).attributes)
    except LbackError:
        return user_columns(UserAttributes())


def _is_plain(name: str) -> bool:
    """Return whether *name*, which another program may have stored, is safe on a command line."""
    return first_unsafe_character(name) is None


def _context(ctx: typer.Context) -> CliContext:
    # Completion runs no command, so there may be no context yet.
    return ctx.obj or CliContext()
