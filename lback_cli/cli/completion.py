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


def complete_user(ctx: typer.Context, incomplete: str) -> Iterable[str | tuple[str, str]]:
    """Return user names in the configured database, or ids once ``id:`` is there; nothing if it cannot be read."""
    return _users(ctx, incomplete)


def complete_member(ctx: typer.Context, incomplete: str) -> Iterable[str | tuple[str, str]]:
    """Return the same for members of the group that the command line names."""
    return _users(ctx, incomplete, group=ctx.params.get("name"))


def complete_assignment(ctx: typer.Context, incomplete: str) -> Iterable[str | tuple[str, str]]:
    """Return names of attributes, each with ``=``; after that the values that an attribute of few values may have."""
    return _assignments(ctx, incomplete, stored=False)


def complete_condition(ctx: typer.Context, incomplete: str) -> Iterable[str | tuple[str, str]]:
    """Return words for conditions on users, and names of attributes with ``=``; after that the values of users."""
    from lback_cli.managers.user_conditions import MEANINGS, WORDS

    name, separator, value = incomplete.partition("=")
    if separator and name == "group":
        return [f"group={group}" for group in complete_group(ctx, value)]
    meanings = {condition.partition("=")[0]: meaning for condition, meaning in MEANINGS.items()}
    words = [(word, meanings[word.rstrip("=")]) for word in WORDS if word.startswith(incomplete)]
    return [*words, *_assignments(ctx, incomplete, stored=True)]


def complete_outcome(incomplete: str) -> list[str]:
    """Return the outcomes of events."""
    from lback_cli.managers.event_words import OUTCOMES

    return [word for word in OUTCOMES if word.startswith(incomplete)]


def complete_changed(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the fields that events say changes of."""
    from lback_cli.managers.event_words import changed_fields

    try:
        known = _context(ctx).attributes
    except LbackError:
        known = UserAttributes()
    return [name for name in changed_fields(known) if name.startswith(incomplete)]


def _users(ctx: typer.Context, incomplete: str, *, group: str | None = None) -> Iterable[str | tuple[str, str]]:
    digits = incomplete.removeprefix("id:")
    try:
        directory = _context(ctx).directory
        if digits != incomplete:
            users = directory.users_by_id(digits, limit=MAX_USERS, group=group)
            return [(f"id:{user.id}", user.username) for user in users if _is_plain(user.username)]
        users = directory.users_by_name(incomplete.lower(), limit=MAX_USERS, group=group)
        return [user.username for user in users if _is_plain(user.username)]
    except LbackError:
        return []


def _assignments(ctx: typer.Context, incomplete: str, *, stored: bool) -> Iterable[str | tuple[str, str]]:
    name, separator, value = incomplete.partition("=")
    try:
        context = _context(ctx)
        known = context.dependencies.attributes
        if not separator:
            return [(f"{each.name}=", each.about) for each in known.rows if each.name.startswith(name)]
        attribute = known.find(name)
        if attribute is None or attribute.storage != "row":
            return []
        values: Sequence[str] = ("true", "false") if attribute.type == "boolean" else ()
        if stored and not values:
            values = context.directory.attribute_values(name, value, limit=MAX_USERS)
        return [f"{name}={each}" for each in values if each.startswith(value) and _is_plain(each)]
    except LbackError:
        return []


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
