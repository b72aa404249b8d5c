"""The same update of many users in one transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from lback_cli import signals
from lback_cli.errors import LbackError
from lback_cli.events.record import event_from_signal, random_ids
from lback_cli.managers.bulk_operation import BulkOperation
from lback_cli.managers.changes import user_changes
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_lookup import find_group_record
from lback_cli.managers.user_manager import UserManager
from lback_cli.managers.user_update import UserUpdate
from lback_cli.operations.attempts import AttemptState
from lback_cli.operations.kinds import UPDATE_USER
from lback_cli.repositories.group_reader import GroupRecord
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.repositories.user_reader import UserRecord


class BulkUpdate(BulkOperation):
    """Applies *update_data* to many users.

    Values that only one user can have, and passwords, whose change is mailed, are left to the ordinary operation. So is
    data that is not valid, as each operation has to announce its failure.
    """

    signals = (
        signals.user_update_started,
        signals.user_updated,
        signals.user_update_failed,
        signals.user_email_verification_successful,
    )

    def __init__(self, users: UserManager, services: Dependencies, update_data: Mapping[str, Any]) -> None:
        super().__init__(users, services)
        self._update_data = update_data
        self._update = UserUpdate()
        self._joined: list[GroupRecord] = []
        self._left: list[GroupRecord] = []

    def _can_run_together(self, uow: UnitOfWork) -> bool:
        known = self._services.attributes
        try:
            self._update = update = UserUpdate.parse(self._update_data, known)
            added, self._left = (self._groups(uow, names) for names in (update.add_groups, update.remove_groups))
        except LbackError:
            return False
        self._joined = [group for group in added if group not in self._left]
        personal = (update.username, update.email, update.password, update.password_hash)
        unique = {attribute.name for attribute in known.rows if attribute.unique}
        return all(value is None for value in personal) and unique.isdisjoint(update.attributes)

    def _is_special(self, user: UserRecord) -> bool:
        leaves = self._update.is_active is False or bool(self._left)
        return leaves and self._is_administrator(user)

    def _run_one(self, uow: UnitOfWork, user_id: int, effects: AttemptState) -> None:
        self._users.update_user(user_id, self._update_data, session=uow.session, effects=effects)

    def _run_together(self, uow: UnitOfWork, users: Sequence[UserRecord], effects: Mapping[int, AttemptState]) -> None:
        events, changed = [], []
        for user, operation_id in zip(users, random_ids(len(users)), strict=True):
            changes = user_changes(user, self._after(user), self._services.attributes)
            effects[user.id].changes = changes
            if changes:
                changed.append(user)
            known = {"id": user.id, "username": user.username, "email": user.email}
            name, operation = UPDATE_USER.succeeded.name, UPDATE_USER.name
            events.append(event_from_signal(name, operation, operation_id, {"user": known}, changes))
        if changed:
            self._write(uow, changed)
        uow.events.append(events)

    def _after(self, user: UserRecord) -> UserRecord:
        """Return *user* with the changes."""
        update = self._update
        joined, left = ({group.name for group in groups} for groups in (self._joined, self._left))
        attributes = {name: value for name, value in update.attributes.items() if value is not None}
        kept = {name: value for name, value in user.attributes.items() if name not in update.attributes}
        return user._replace(
            is_active=self._flags.get("is_active", user.is_active),
            is_email_verified=self._flags.get("is_email_verified", user.is_email_verified),
            groups=sorted({*user.groups, *joined} - left),
            attributes=kept | attributes,
        )

    @property
    def _flags(self) -> dict[str, bool]:
        flags = {"is_active": self._update.is_active, "is_email_verified": self._update.is_email_verified}
        return {name: value for name, value in flags.items() if value is not None}

    def _write(self, uow: UnitOfWork, users: Sequence[UserRecord]) -> None:
        ids = [user.id for user in users]
        uow.users.change_all(ids, **self._flags, updated_at=self._services.now())
        uow.groups.remove_members([group.id for group in self._left], ids)
        joining = [(user.id, group.id) for group in self._joined for user in users if group.name not in user.groups]
        uow.groups.add_members(joining)
        values = self._update.attributes
        rows = [attribute for attribute in self._services.attributes.rows if attribute.name in values]
        uow.attributes.set_for_all(ids, {attribute: values[attribute.name] for attribute in rows})

    def _groups(self, uow: UnitOfWork, names: Sequence[str]) -> list[GroupRecord]:
        return [find_group_record(uow.groups, self._services, name) for name in dict.fromkeys(names)]
