"""Who is meant: a user name, an e-mail address or ``id:N`` as a person types it."""

from collections.abc import Callable

from lback_cli.errors import GroupNotFound, UserNotFound, ValidationError
from lback_cli.managers.dependencies import Dependencies
from lback_cli.models import Group, User
from lback_cli.repositories.group_repository import GroupRepository
from lback_cli.repositories.user_repository import UserRepository
from lback_cli.text.escaping import first_unsafe_character, safe

_ID_PREFIX = "id:"
_LONGEST = 320
"""No stored name or address is longer (RFC 5321: 64 + 1 + 255)."""


def parse_id(identifier: str) -> int | None:
    """The number of ``id:N``; None for anything else."""
    digits = identifier.removeprefix(_ID_PREFIX)
    if digits != identifier and digits.isascii() and digits.isdigit():
        # Longer than any id; int() of an endless string of digits would take its time, too.
        return int(digits[:_LONGEST])
    return None


def find_by_identifier(users: UserRepository, services: Dependencies, login: str) -> User | None:
    """The user with that name or address: exactly as given, for rows lback did not write, else in canonical form."""
    if len(login) > _LONGEST or first_unsafe_character(login) is not None:
        return None
    if "@" in login:
        return users.find_by_email(login, _canonical(services.canonical_email, login))
    return users.find_by_username(login, _canonical(services.canonical_username, login))


def username_variants(services: Dependencies, username: str) -> tuple[str, ...]:
    """The stored names that `find_by_identifier` would take *username* for, the first found first."""
    if len(username) > _LONGEST or "@" in username or first_unsafe_character(username) is not None:
        return ()
    return tuple(dict.fromkeys((username, _canonical(services.canonical_username, username))))


def find_user(users: UserRepository, services: Dependencies, identifier: str) -> User:
    """The user that *identifier* means. Raises `UserNotFound`."""
    user_id = parse_id(identifier)
    user = find_by_identifier(users, services, identifier) if user_id is None else users.get(user_id)
    if user is None:
        raise not_found(identifier)
    return user


def find_group(groups: GroupRepository, services: Dependencies, name: str, *, lock: bool = False) -> Group:
    """The group called *name*: exactly as given, for rows lback did not write, else in canonical form.

    *lock* keeps others from locking it until the transaction ends. Raises `GroupNotFound`.
    """
    if len(name) <= _LONGEST and first_unsafe_character(name) is None:
        for spelling in group_name_variants(services, name):
            if group := groups.find(spelling, lock=lock):
                return group
    raise no_such_group(name)


def group_name_variants(services: Dependencies, name: str) -> tuple[str, ...]:
    """The stored names that `find_group` would take *name* for, the first found first."""
    return tuple(dict.fromkeys((name, _canonical(services.canonical_group_name, name))))


def not_found(identifier: str) -> UserNotFound:
    """Nobody is called *identifier*."""
    return UserNotFound(
        f"There is no user '{safe(identifier, limit=80)}'.", hint="'lback user list' shows who there is."
    )


def no_such_group(name: str) -> GroupNotFound:
    """No group is called *name*."""
    return GroupNotFound(f"There is no group '{safe(name, limit=80)}'.", hint="'lback group list' shows them all.")


def _canonical(canonical: Callable[[str], str], login: str) -> str:
    if login.isascii():
        return login.lower()
    try:
        return canonical(login)
    except ValidationError:
        return login
