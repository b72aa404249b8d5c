"""Finding the user or group that a person means: a user name, an e-mail address, ``id:N`` or a group name."""

import re
from collections.abc import Callable, Iterable
from itertools import chain
from typing import TYPE_CHECKING

from lback_cli.errors import AmbiguousUser, GroupNotFound, UserNotFound, ValidationError
from lback_cli.managers.dependencies import Dependencies
from lback_cli.models.tables import USERS
from lback_cli.repositories.group_reader import GroupReader, GroupRecord
from lback_cli.repositories.user_reader import UserReader, UserRecord
from lback_cli.text.escaping import first_unsafe_character, safe
from lback_cli.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from sqlalchemy import Column

    from lback_cli.models import Group
    from lback_cli.repositories.group_repository import GroupRepository

_ID_PREFIX = "id:"
PLAIN_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{2,39}")
"""A name that a hint repeats in a command line: no shell changes it, and most names do not contain it."""

_LONGEST = 320
"""Characters of the longest name or e-mail address that can be stored (RFC 5321: 64 + 1 + 255)."""


def parse_id(identifier: str) -> int | None:
    """Return the number of ``id:N``; None for anything else."""
    digits = identifier.removeprefix(_ID_PREFIX)
    if digits != identifier and digits.isascii() and digits.isdigit():
        # No id is longer, and int() of a very long text of digits is slow.
        return int(digits[:_LONGEST])
    return None


def find_id(users: UserReader, identifier: str) -> int | None:
    """Return the number of ``id:N``; None for anything else.

    Raises:
        AmbiguousUser: Another user is called that. An application allows such a name.
    """
    user_id = parse_id(identifier)
    if user_id is not None and (named := users.find_by_username(identifier)) is not None and named.id != user_id:
        raise AmbiguousUser(
            f"{identifier!r} is the id of one user and the name of another (id:{named.id}).",
            hint=f"Use the user name or the e-mail address of the one, or id:{named.id}.",
        )
    return user_id


def find_by_identifier(users: UserReader, services: Dependencies, identifier: str) -> UserRecord | None:
    """Return the user with that name or e-mail address.

    A name exactly as given comes first, for rows that lback did not write; then its canonical form; then, beside an
    application that writes names as they are typed, one that differs in capital letters.

    Raises:
        AmbiguousUser: Several names of the application differ only in capital letters.
    """
    return (find_by_email if "@" in identifier else find_by_username)(users, services, identifier)


def find_for_login(users: UserReader, services: Dependencies, identifier: str) -> UserRecord | None:
    """Return the user who may log in by that name or e-mail address, in constant time.

    Unlike `find_by_identifier`, it finds no name in other capital letters: neither does the application, and a search
    without an index would show how many users there are.
    """
    if "@" in identifier:
        return users.find_by_email(*_variants(services.canonical_email, identifier))
    return users.find_by_username(*_variants(services.canonical_username, identifier))


def find_by_username(users: UserReader, services: Dependencies, username: str) -> UserRecord | None:
    """Return the user with that name, as `find_by_identifier` finds it. Raises `AmbiguousUser`."""
    variants = _variants(services.canonical_username, username)
    return users.find_by_username(*variants) or _in_other_case(users, services, USERS.c.username, variants)


def find_by_email(users: UserReader, services: Dependencies, email: str) -> UserRecord | None:
    """Return the user with that e-mail address, as `find_by_identifier` finds it. Raises `AmbiguousUser`."""
    variants = _variants(services.canonical_email, email)
    return users.find_by_email(*variants) or _in_other_case(users, services, USERS.c.email, variants)


def _in_other_case(
    users: UserReader, services: Dependencies, column: "Column[str]", variants: tuple[str, ...]
) -> UserRecord | None:
    if not variants or not services.settings.compat.lback_framework:
        return None
    found = users.find_in_any_case(column, variants[-1])
    if len(found) > 1:
        spellings = " and ".join(f"{getattr(user, column.name)!r} (id:{user.id})" for user in found[:2])
        raise AmbiguousUser(f"{variants[0]!r} may be {spellings}.", hint="Spell it as stored, or use the id.")
    return found[0] if found else None


def username_variants(services: Dependencies, username: str) -> tuple[str, ...]:
    """Return the stored user names that `find_by_identifier` would find for *username*, the preferred first."""
    return () if "@" in username else _variants(services.canonical_username, username)


def identifier_variants(services: Dependencies, identifier: str) -> tuple[str, ...]:
    """Return the stored names or addresses that `find_by_identifier` would find for *identifier*."""
    return _variants(services.canonical_email if "@" in identifier else services.canonical_username, identifier)


def find_user(users: UserReader, services: Dependencies, identifier: str) -> UserRecord:
    """Return the user whom *identifier* identifies.

    Raises:
        UserNotFound: There is none.
        AmbiguousUser: Several may be meant.
    """
    user_id = find_id(users, identifier)
    user = find_by_identifier(users, services, identifier) if user_id is None else users.find_by_id(user_id)
    if user is None:
        raise _not_found_as_name(users, identifier) if identifier.isdecimal() else not_found(identifier)
    return user


def find_group_record(groups: GroupReader, services: Dependencies, name: str, *, joins: bool = False) -> GroupRecord:
    """Return the group called *name*, as `find_group` finds it; *joins* as there.

    Raises:
        GroupNotFound: There is none.
    """
    for variant in group_name_variants(services, name):
        if group := groups.find_by_name(variant):
            return group
    raise no_such_group(name, groups.names(), joins=joins)


def find_group_records(groups: GroupReader, services: Dependencies, names: Iterable[str]) -> dict[str, GroupRecord]:
    """Return those groups called *names* that exist, by the name as given, as `find_group` finds them."""
    variants = {name: group_name_variants(services, name) for name in names}
    stored = groups.find_by_names(chain.from_iterable(variants.values()))
    found = {}
    for name, candidates in variants.items():
        if (group := next((stored[one] for one in candidates if one in stored), None)) is not None:
            found[name] = group
    return found


def find_group(
    groups: "GroupRepository", services: Dependencies, name: str, *, lock: bool = False, joins: bool = False
) -> "Group":
    """Return the group called *name*: exactly as given, for rows that lback did not write, else in canonical form.

    Args:
        groups: The groups of a transaction.
        services: The rules for names.
        name: The name as a person gives it.
        lock: Whether to keep other transactions from locking the group until this one ends.
        joins: Whether users are to join the group. The error then says how to create it.

    Raises:
        GroupNotFound: There is none.
    """
    for variant in group_name_variants(services, name):
        if group := groups.find(variant, lock=lock):
            return group
    raise no_such_group(name, groups.names(), joins=joins)


def group_name_variants(services: Dependencies, name: str) -> tuple[str, ...]:
    """Return the stored names that `find_group` would find for *name*, the preferred first."""
    return _variants(services.canonical_group_name, name)


def not_found(identifier: str) -> UserNotFound:
    """Return the error that there is no user called *identifier*."""
    hint, part = "'lback user list' shows all users.", identifier.partition("@")[0]
    if PLAIN_WORD.fullmatch(part):
        hint = f"'lback user list --search {part}' finds users by a part of the name or the address."
    return UserNotFound(f"There is no user '{safe(identifier, limit=80)}'.", hint=hint)


def _not_found_as_name(users: UserReader, digits: str) -> UserNotFound:
    """Return the error that no user is called *digits*, with the user who has that id, if there is one."""
    user_id = parse_id(_ID_PREFIX + digits)
    user = None if user_id is None else users.find_by_id(user_id)
    if user is None:
        return not_found(digits)
    return UserNotFound(
        f"There is no user {safe(digits, limit=80)!r}.", hint=f"The user with that id is {user.username}: id:{user.id}"
    )


def no_such_group(name: str, known: Iterable[str], *, joins: bool = False) -> GroupNotFound:
    """Return the error that there is no group called *name*, with the one among *known* that may be meant.

    If *joins* and there is no such group, it says how to create the group.
    """
    near = did_you_mean(name, map(safe, known))
    hint = f"{near} 'lback group list' shows all groups.".lstrip()
    if joins and not near and PLAIN_WORD.fullmatch(name):
        hint = f"'lback group list' shows all groups, and 'lback group create {name}' creates this one."
    return GroupNotFound(f"There is no group '{safe(name, limit=80)}'.", hint=hint, name=name)


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
