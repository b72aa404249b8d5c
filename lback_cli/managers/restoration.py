"""Restoring a deleted user with the earlier id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

from lback_cli import signals
from lback_cli.attributes import Attribute, Value
from lback_cli.errors import GroupNotFound, UserExists
from lback_cli.managers.application import Application
from lback_cli.managers.changes import track_user
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.link_mail import announce_verified_by_admin
from lback_cli.managers.user_lookup import find_group
from lback_cli.models import Group, User
from lback_cli.operations.operation import Operation
from lback_cli.repositories.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedUser:
    """A user who was deleted, with the values from before.

    Attributes:
        password_hash: The stored hash; None if the user had no password, or the hash is gone.
        groups: The names of the groups. Those that no longer exist are left out.
        attributes: The values of attributes in lback's own table, by name.
    """

    id: int
    username: str
    email: str
    password_hash: str | None = None
    is_active: bool
    is_email_verified: bool
    created_at: datetime
    groups: Sequence[str] = ()
    attributes: Mapping[str, Value] = field(default_factory=dict)


class Restoration:
    """Restores deleted users, within the operations of a `UserManager`."""

    def __init__(self, services: Dependencies) -> None:
        self._services = services
        self._application = Application(services)

    def restore(self, operation: Operation, deleted: DeletedUser) -> User:
        """Insert *deleted* again; the errors are those of `UserManager.restore_user`."""
        attributes = self._attributes(deleted)
        with operation.read_only() as uow:
            self._require_free(uow, deleted, attributes)
        operation.emit(signals.user_pre_register, username=deleted.username, email=deleted.email)
        with operation.transaction() as uow:
            self._require_free(uow, deleted, attributes)
            groups = self._groups(uow, deleted.groups)
            user = User(
                id=deleted.id,
                username=deleted.username,
                email=deleted.email,
                password_hash=deleted.password_hash or self._services.hasher.unusable,
                is_active=deleted.is_active,
                is_email_verified=deleted.is_email_verified,
                created_at=deleted.created_at,
                updated_at=self._services.now(),
                groups=groups,
            )
            operation.user = user
            track_user(operation, uow, self._services.attributes, None, lambda: deleted.id)
            uow.users.delete_leftovers(deleted.id)
            uow.users.add(user)
            self._application.check_new_member(uow, user, groups)
            uow.attributes.set(user, attributes)
            uow.deleted_users.forget([deleted.id])
            if deleted.is_email_verified:
                announce_verified_by_admin(operation, user)
        return user

    def _attributes(self, deleted: DeletedUser) -> dict[Attribute, Value | None]:
        """Return the values of attributes that are still declared."""
        known = {attribute.name: attribute for attribute in self._services.attributes.rows}
        return {known[name]: value for name, value in deleted.attributes.items() if name in known}

    def _require_free(
        self, uow: UnitOfWork, deleted: DeletedUser, attributes: Mapping[Attribute, Value | None]
    ) -> None:
        holder = uow.users.find_by_id(deleted.id)
        if holder is not None:
            conflict: UserExists | None = UserExists("id", str(deleted.id))
        else:
            values = {attribute: value for attribute, value in attributes.items() if value is not None}
            taken = uow.users.taken(username=deleted.username, email=deleted.email)
            conflict = taken or uow.attributes.conflict(values)
            holder = uow.users.find_by_username(deleted.username) or uow.users.find_by_email(deleted.email)
        if conflict is None:
            return
        if holder is not None:
            conflict.hint = f"{holder.username} (id:{holder.id}) has it."
            if conflict.field in {"username", "email"}:
                conflict.hint += f" Choose another one with --{conflict.field}."
        raise conflict

    def _groups(self, uow: UnitOfWork, names: Sequence[str]) -> list[Group]:
        found = set()
        for name in names:
            try:
                found.add(find_group(uow.groups, self._services, name))
            except GroupNotFound:
                continue
        return sorted(found, key=attrgetter("name"))
