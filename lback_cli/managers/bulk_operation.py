"""One kind of operation on many users in one transaction, with the rules, signals and events of single operations.

If no receiver and no trace is connected to a signal of the operation, users are changed with a few statements, because
nothing outside can observe how they are changed. Otherwise each user is changed by an operation of its own, under a
savepoint.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from blinker import NamedSignal
from sqlalchemy.exc import IntegrityError

from lback_cli import signals
from lback_cli.errors import LbackError
from lback_cli.managers.application import Application
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_lookup import group_name_variants
from lback_cli.managers.user_manager import UserManager
from lback_cli.operations.attempts import AttemptState
from lback_cli.operations.failures import aborts_transaction
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.repositories.user_reader import UserRecord
from lback_cli.signals.dispatch import suppressed_signals


class BulkOperation(ABC):
    """Runs one kind of operation on many users.

    Args:
        users: The sender of the signals.
        services: The dependencies of *users*.
    """

    signals: ClassVar[tuple[NamedSignal, ...]]
    """A receiver of any of these signals can observe how users are changed."""

    counts_signals: ClassVar[bool] = False
    """Whether the signals of a rehearsal are counted for users who are changed together."""

    def __init__(self, users: UserManager, services: Dependencies) -> None:
        self._users = users
        self._services = services
        self._is_shared = Application(services).is_present
        self._administrators = {*group_name_variants(services, services.settings.users.admin_group)}

    def run(
        self,
        uow: UnitOfWork,
        ids: Sequence[int],
        found: Mapping[int, UserRecord],
        effects: Mapping[int, AttemptState],
    ) -> dict[int, LbackError | None]:
        """Run the operation on the users with these *ids*; the caller has locked them, and commits.

        Args:
            uow: The transaction.
            ids: The ids of the users, in the order in which they are changed.
            found: Those of the users who exist, by id, as they were read after they were locked.
            effects: The state of each operation, by user id, which all attempts share.

        Returns:
            Why the operation on a user failed, or None, by id.

        Raises:
            LbackError: An error that aborts the transaction.
        """
        results: dict[int, LbackError | None] = {}
        together: list[UserRecord] = []
        each_alone = (
            self._is_shared
            or (suppressed_signals() is not None and not self.counts_signals)
            or any(signal.receivers for signal in (*self.signals, signals.delivered))
            or not self._can_run_together(uow)
        )
        for user_id in ids:
            user = found.get(user_id)
            if user is None or each_alone or effects[user_id].sent or self._is_special(user):
                results |= self._flush(uow, together, effects)
                results[user_id] = self._run_alone(uow, user_id, effects[user_id])
            else:
                together.append(user)
        return results | self._flush(uow, together, effects)

    def _flush(
        self, uow: UnitOfWork, together: list[UserRecord], effects: Mapping[int, AttemptState]
    ) -> dict[int, LbackError | None]:
        """Change the users in *together*, and empty it, so that events are in the order of the users."""
        users = together.copy()
        together.clear()
        if not users:
            return {}
        try:
            with uow.session.begin_nested():
                self._run_together(uow, users, effects)
        except IntegrityError:  # a row of the application refers to one of them, or a group was deleted meanwhile
            return {user.id: self._run_alone(uow, user.id, effects[user.id]) for user in users}
        return dict.fromkeys(user.id for user in users)

    def _run_alone(self, uow: UnitOfWork, user_id: int, effects: AttemptState) -> LbackError | None:
        try:
            self._run_one(uow, user_id, effects)
        except LbackError as error:
            if aborts_transaction(error):
                raise
            return error
        return None

    def _is_administrator(self, user: UserRecord) -> bool:
        return not self._administrators.isdisjoint(user.groups)

    def _can_run_together(self, uow: UnitOfWork) -> bool:  # noqa: ARG002 - for subclasses
        """Return whether users can be changed together at all."""
        return True

    @abstractmethod
    def _is_special(self, user: UserRecord) -> bool:
        """Return whether a rule of the operation has to be checked for *user*."""

    @abstractmethod
    def _run_one(self, uow: UnitOfWork, user_id: int, effects: AttemptState) -> None:
        """Run the ordinary operation on a user."""

    @abstractmethod
    def _run_together(self, uow: UnitOfWork, users: Sequence[UserRecord], effects: Mapping[int, AttemptState]) -> None:
        """Change *users*, none of whom is special, and append the events."""
