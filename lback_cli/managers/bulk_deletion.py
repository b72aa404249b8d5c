"""Deletion of many users in one transaction, with the rules, signals and events of single deletions.

If no receiver and no trace is connected to a signal of deletion, users are deleted with a few statements, because
nothing outside can observe how they are deleted. Otherwise each user is deleted by an operation of its own, under a
savepoint.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy.exc import IntegrityError

from lback_cli import signals
from lback_cli.errors import LbackError
from lback_cli.events.record import event_from_signal, random_ids
from lback_cli.managers.application import Application
from lback_cli.managers.changes import user_changes
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.kept_users import keep
from lback_cli.managers.user_lookup import group_name_variants
from lback_cli.managers.user_manager import UserManager
from lback_cli.operations.attempts import AttemptState, aborts_transaction
from lback_cli.operations.kinds import DELETE_USER
from lback_cli.repositories.unit_of_work import UnitOfWork

OBSERVABLE_SIGNALS = (
    signals.user_deletion_started,
    signals.user_deleted,
    signals.user_deletion_failed,
    signals.delivered,
)
"""A receiver of any of these signals can observe how users are deleted."""


class BulkDeletion:
    """Deletes many users.

    Args:
        users: The sender of the signals.
        services: The dependencies of *users*.
    """

    def __init__(self, users: UserManager, services: Dependencies) -> None:
        self._users = users
        self._services = services
        self._application = Application(services)

    def delete(
        self, uow: UnitOfWork, ids: Sequence[int], effects: Mapping[int, AttemptState]
    ) -> dict[int, LbackError | None]:
        """Delete the users with these *ids*; the caller has locked them, and commits.

        Args:
            uow: The transaction.
            ids: The ids of the users, in the order in which they are deleted.
            effects: The state of each operation, by user id, which all attempts share.

        Returns:
            Why a user was not deleted, or None, by id.

        Raises:
            LbackError: An error that aborts the transaction.
        """
        is_observed = self._application.is_present or any(signal.receivers for signal in OBSERVABLE_SIGNALS)
        results: dict[int, LbackError | None] = {}
        at_once: list[int] = []
        administrators = {*group_name_variants(self._services, self._services.settings.users.admin_group)}
        found = uow.users.find_all(ids)
        for user_id in ids:
            user = found.get(user_id)
            if user is None or is_observed or effects[user_id].sent or not administrators.isdisjoint(user.groups):
                results[user_id] = self._delete_one(uow, user_id, effects[user_id])
            else:
                at_once.append(user_id)
        try:
            with uow.session.begin_nested():
                self._delete_at_once(uow, at_once, effects)
        except IntegrityError:  # rows of the application refer to one of them
            results |= {user_id: self._delete_one(uow, user_id, effects[user_id]) for user_id in at_once}
        return {user_id: results.get(user_id) for user_id in ids}

    def _delete_one(self, uow: UnitOfWork, user_id: int, effects: AttemptState) -> LbackError | None:
        try:
            self._users.delete_user(user_id, session=uow.session, effects=effects)
        except LbackError as error:
            if aborts_transaction(error):
                raise
            return error
        return None

    def _delete_at_once(self, uow: UnitOfWork, ids: Sequence[int], effects: Mapping[int, AttemptState]) -> None:
        if not ids:
            return
        users = uow.users.find_all(ids)
        keep(uow, self._services, [*users.values()])
        uow.users.delete_all(ids)
        events = [
            event_from_signal(
                DELETE_USER.succeeded.name,
                DELETE_USER.name,
                operation_id,
                {"user_id": user.id, "username": user.username},
                user_changes(user, None, self._services.attributes),
                undoes=effects[user.id].undoes,
            )
            for user, operation_id in zip(map(users.__getitem__, ids), random_ids(len(ids)), strict=True)
        ]
        uow.events.append(events)
