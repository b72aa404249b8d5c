"""Deletion of many users in one transaction."""

from collections.abc import Mapping, Sequence

from lback_cli import signals
from lback_cli.events.record import deleted_event, random_ids
from lback_cli.managers.bulk_operation import BulkOperation
from lback_cli.managers.changes import DeletionChanges
from lback_cli.managers.kept_users import keep
from lback_cli.operations.attempts import AttemptState
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.repositories.user_reader import UserRecord


class BulkDeletion(BulkOperation):
    """Deletes many users."""

    signals = (signals.user_deletion_started, signals.user_deleted, signals.user_deletion_failed)

    def _is_special(self, user: UserRecord) -> bool:
        return self._is_administrator(user)

    def _run_one(self, uow: UnitOfWork, user_id: int, effects: AttemptState) -> None:
        self._users.delete_user(user_id, session=uow.session, effects=effects)

    def _run_together(self, uow: UnitOfWork, users: Sequence[UserRecord], effects: Mapping[int, AttemptState]) -> None:
        keep(uow, self._services, users)
        uow.users.delete_all([user.id for user in users])
        changes = DeletionChanges(self._services.attributes)
        events = [
            deleted_event(operation_id, user.id, user.username, changes.data(user, effects[user.id].undoes))
            for user, operation_id in zip(users, random_ids(len(users)), strict=True)
        ]
        uow.events.append(events)
