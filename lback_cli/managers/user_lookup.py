"""Finding the user or group that a person means: a user name, an e-mail address, ``id:N`` or a group name."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from lback_cli.errors import GroupNotFound, UserNotFound, ValidationError
from lback_cli.managers.dependencies import Dependencies
from lback_cli.repositories.group_reader import GroupReader, GroupRecord
from lback_cli.repositories.user_reader import UserReader, UserRecord
from lback_cli.text.escaping import first_unsafe_character, safe

if TYPE_CHECKING:
    from lback_cli.models import Group
    from lback_cli.repositories.group_repository import GroupRepository

_ID_PREFIX = "id:"
_LONGEST = 320
"""Characters of the longest name or e-mail address that can be stored (RFC 5321: 64 + 1 + 255)."""


def parse_id(identifier: str) -> int | None:
    """Return the number of ``id:N``; None for anything else."""
    digits = identifier.removeprefix(_ID_PREFIX)
    if digits != identifier and digits.isascii() and digits.isdigit():
        # No id is longer, and int() of a very long text of digits is slow.
        return int(digits[:_LONGEST])
    return None


def find_by_identifier(users: UserReader, services: Dependencies, identifier: str) -> UserRecord | None:
    """Return the user with that name or e-mail address.

    A name exactly as given comes first, for rows that lback did not write; then its canonical form.
    """
    return (find_by_email if "@" in identifier else find_by_username)(users, services, identifier)


def find_by_username(users: UserReader, services: Dependencies, username: str) -> UserRecord | None:
    """Return the user with that name, as `find_by_identifier` finds it."""
    return users.find_by_username(*_variants(services.canonical_username, username))


def find_by_email(users: UserReader, services: Dependencies, email: str) -> UserRecord | None:
    """Return the user with that e-mail address, as `find_by_identifier` finds it."""
    return users.find_by_email(*_variants(services.canonical_email, email))


def username_variants(services: Dependencies, username: str) -> tuple[str, ...]:
    """Return the stored user names that `find_by_identifier` would find for *username*, the preferred first."""
    return () if "@" in username else _variants(services.canonical_username, username)


def identifier_variants(services: Dependencies, identifier: str) -> tuple[str, ...]:
    """Return the stored names or addresses that `find_by_identifier` would find for *identifier*."""
    return _variants(services.canonical_email if "@" in identifier else services.canonical_username, identifier)


def find_user(users: UserReader, services: Dependencies, identifier: str) -> UserRecord:
    """Return the user that *identifier* means.

    Raises:
        UserNotFound: There is none.
    """
    user_id = parse_id(identifier)
    user = find_by_identifier(users, services, identifier) if user_id is None else users.find_by_id(user_id)
    if user is None:
        raise not_found(identifier)
    return user


def find_group_record(groups: GroupReader, services: Dependencies, name: str) -> GroupRecord:
    """Return the group called *name*, as `find_group` finds it.

    Raises:
        GroupNotFound: There is none.
    """
    for variant in group_name_variants(services, name):
        if group := groups.find_by_name(variant):
            return group
    raise no_such_group(name)


def find_group(groups: "GroupRepository", services: Dependencies, name: str, *, lock: bool = False) -> "Group":
    """Return the group called *name*: exactly as given, for rows that lback did not write, else in canonical form.

    Args:
        groups: The groups of a transaction.
        services: The rules for names.
        name: The name as a person gives it.
        lock: Whether to keep other transactions from locking the group until this one ends.

    Raises:
        GroupNotFound: There is none.
    """
    for variant in group_name_variants(services, name):
        if group := groups.find(variant, lock=lock):
            return group
    raise no_such_group(name)


def group_name_variants(services: Dependencies, name: str) -> tuple[str, ...]:
    """Return the stored names that `find_group` would find for *name*, the preferred first."""
    return _variants(services.canonical_group_name, name)


def not_found(identifier: str) -> UserNotFound:
    """Return the error that there is no user called *identifier*."""
    return UserNotFound(f"There is no user '{safe(identifier, limit=80)}'.", hint="'lback user list' shows all users.")


def no_such_group(name: str) -> GroupNotFound:
    """Return the error that there is no group called *name*."""
    return GroupNotFound(f"There is no group '{safe(name, limit=80)}'.", hint="'lback group list' shows all groups.")


def _variants(canonical: Callable[[str], str], name: str) -> tuple[str, ...]:
    """Return *name* and its canonical form, or nothing if no stored text can be equal to either."""
    if len(name) > _LONGEST or first_unsafe_character(name) is not None:
        return ()
    return tuple(dict.fromkeys((name, _canonical(canonical, name))))


def _canonical(canonical: Callable[[str], str], identifier: str) -> str:
    if identifier.isascii():
        return identifier.lower()
    try:
        return canonical(identifier)
    except ValidationError:
        return identifier
