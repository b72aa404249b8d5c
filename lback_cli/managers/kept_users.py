"""Keeping the records of deleted users for a while, and finding them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from lback_cli.database.engine import Database
from lback_cli.errors import AmbiguousUser, UserNotFound
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_lookup import PLAIN_WORD, identifier_variants, parse_id
from lback_cli.repositories.snapshot import Snapshot, snapshot
from lback_cli.security.stored_hashes import is_unusable
from lback_cli.text.escaping import safe

if TYPE_CHECKING:
    from lback_cli.managers.restoration import DeletedUser
    from lback_cli.repositories.deleted_user_repository import KeptUser
    from lback_cli.repositories.unit_of_work import UnitOfWork
    from lback_cli.repositories.user_reader import UserRecord


def keep(uow: "UnitOfWork", services: Dependencies, users: "Sequence[UserRecord]") -> None:
    """Keep the records of *users*, who are being deleted, for as long as the configuration says; purge expired ones."""
    now, lifetime = services.now(), services.settings.users.keep_deleted
    uow.deleted_users.purge(now)
    if lifetime > timedelta():
        uow.deleted_users.keep(users, now=now, until=now + lifetime)


def restoration_hint(found: Snapshot, services: Dependencies, identifier: str) -> str | None:
    """Return how to restore the deleted users whom *identifier* meant, or None if no record of one is kept."""
    users = _kept(found, services, identifier)
    if not users:
        return None
    name = identifier if len(users) == 1 and PLAIN_WORD.fullmatch(identifier) else f"id:{users[0].id}"
    return (
        f"A deleted user was called that. 'lback user restore {name}' restores the user, and 'lback user list "
        "--deleted' shows all."
    )


def _kept(found: Snapshot, services: Dependencies, identifier: str) -> "Sequence[KeptUser]":
    """Return the deleted users whom *identifier* meant, those deleted last first."""
    now, user_id = services.now(), parse_id(identifier)
    if user_id is not None:
        return [*found.deleted_users.find_all([user_id], now).values()]
    return found.deleted_users.named(identifier_variants(services, identifier), now)


@dataclass(frozen=True, slots=True)
class Restorable:
    """A deleted user, ready to be restored, and the names of the groups that no longer exist."""

    user: "DeletedUser"
    missing_groups: Sequence[str]


class KeptUsers:
    """The deleted users whose records are kept."""

    def __init__(self, database: Database, services: Dependencies) -> None:
        self._database = database
        self._services = services

    def select(self, *, after: int = 0, limit: int | None = None) -> "list[KeptUser]":
        """Return deleted users by id, at most *limit*, with ids greater than *after*."""
        with snapshot(self._database) as found:
            return list(found.deleted_users.select(self._services.now(), after=after, limit=limit))

    def find_by_id(self, user_id: int) -> "KeptUser | None":
        """Return the deleted user with that id, or None."""
        with snapshot(self._database) as found:
            return found.deleted_users.find_all([user_id], self._services.now()).get(user_id)

    def restorable(self, identifier: str, *, username: str | None = None, email: str | None = None) -> Restorable:
        """Return the deleted user that a user name, an e-mail address or ``id:N`` meant.

        Args:
            identifier: The user.
            username: Another user name to restore the user with.
            email: Another e-mail address, which is then unverified.

        Raises:
            UserNotFound: There is no such deleted user.
            AmbiguousUser: Several deleted users had that name.
            ValidationError: The other name or address breaks a rule.
        """
        services = self._services
        with snapshot(self._database) as found:
            kept = self._find(found, identifier)
            groups = _surviving_groups(found, kept)
        other_email = None if email is None else services.canonical_email(email)
        from lback_cli.managers.restoration import DeletedUser

        user = DeletedUser(
            id=kept.id,
            username=kept.username if username is None else services.canonical_username(username),
            email=other_email or kept.email,
            password_hash=None if is_unusable(kept.password_hash) else kept.password_hash,
            is_active=kept.is_active,
            is_email_verified=kept.is_email_verified and other_email in {None, kept.email},
            created_at=kept.created_at,
            groups=[*groups.values()],
            attributes=kept.attributes,
        )
        return Restorable(user, sorted(name for number, name in kept.groups.items() if number not in groups))

    def _find(self, found: Snapshot, identifier: str) -> "KeptUser":
        users = _kept(found, self._services, identifier)
        if not users:
            raise UserNotFound(
                f"Nothing is kept of a deleted user '{safe(identifier, limit=80)}'.",
                hint="'lback user list --deleted' shows all.",
            )
        if len(users) > 1:
            ids = ", ".join(f"id:{user.id}" for user in users)
            raise AmbiguousUser(f"Several deleted users were called {users[0].username!r}: {ids}.", hint="Name the id.")
        return users[0]


def _surviving_groups(found: Snapshot, kept: "KeptUser") -> dict[int, str]:
    """Return the names of today of the groups of *kept*, by id. A database may give the id of a deleted group again."""
    return {
        group.id: group.name
        for group in found.groups.all()
        if group.id in kept.groups and group.created_at <= kept.deleted_at
    }
