"""What becomes of a row whose user is there already: skip, update or refuse."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lback_cli.errors import GroupNotFound, LbackError, ValidationError
from lback_cli.imports.options import ImportOptions
from lback_cli.imports.pending_row import PendingRow
from lback_cli.imports.results import RowOutcome, failed
from lback_cli.imports.row import Row
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_lookup import find_group
from lback_cli.managers.user_manager import UserManager
from lback_cli.models import User
from lback_cli.operations.attempts import AttemptState, aborts_transaction
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.text.times import timestamp


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was there before an import: users up to *last_id*, none of them changed since *moment*."""

    moment: datetime
    last_id: int

    def state(self, user: User) -> str:
        """A digest of all that an import can change of *user*, but for what this import did itself."""
        if user.id > self.last_id:
            return "new"
        changed_at = timestamp(user.updated_at) if user.updated_at < self.moment else None
        known = [user.id, user.username, user.email, user.password_hash, user.is_active, user.is_email_verified]
        known += [changed_at, sorted(group.name for group in user.groups)]
        return hashlib.sha256(json.dumps(known).encode()).hexdigest()


class ExistingUserHandler:
    """Meets rows whose users are there, by *options*, through the operations of *users*.

    With *before*, outcomes tell the state in which a user was found, for a plan to be held against.
    """

    def __init__(
        self, users: UserManager, services: Dependencies, options: ImportOptions, before: Baseline | None = None
    ) -> None:
        self._users = users
        self._services = services
        self._options = options
        self._before = before
        self._group_names: dict[str, str] = {}

    @property
    def updates(self) -> bool:
        """Whether they are changed."""
        return self._options.if_exists == "update"

    def apply(self, work: UnitOfWork, draft: PendingRow, user_id: int) -> RowOutcome | None:
        """What becomes of a row whose user is there; None if it is there no more."""
        update, row = self.updates, draft.row
        user = work.users.get(user_id) if update or self._before else None
        if user is None:
            if update:
                return None
            return RowOutcome(row, "skipped", user_id, "exists", f"The user name {row.username!r} is taken.")
        state = self._before.state(user) if self._before else None
        if not update:
            message = f"The user name {row.username!r} is taken."
            return RowOutcome(row, "skipped", user_id, "exists", message, state=state)
        changes = self._changes(work, row, user)
        if not changes:
            return RowOutcome(row, "skipped", user_id, "unchanged", "There is nothing to change.", state=state)
        hashed = draft.prepared.password_hash if draft.prepared is not None and "password" in changes else None
        effects = draft.updates.setdefault(user_id, AttemptState())
        try:
            self._users.update_user(
                user_id, changes, mail=self._options.mail, hashed=hashed, session=work.session, effects=effects
            )
        except LbackError as error:
            if aborts_transaction(error):
                raise
            outcome = failed(row, error)
            outcome.id, outcome.state = user_id, state
            draft.refused = (outcome, effects.refusal) if effects.refusal is not None else None
            return outcome
        return RowOutcome(row, "updated", user_id, state=state)

    def _changes(self, work: UnitOfWork, row: Row, user: User) -> dict[str, Any]:
        """What of *row* the user does not have yet, as `UserManager.update_user` takes it."""
        changes: dict[str, Any] = {}
        if row.email and self._canonical_email(row.email) != user.email:
            changes["email"] = row.email
        if row.is_active is not None and row.is_active != user.is_active:
            changes["is_active"] = row.is_active
        verified = row.is_email_verified
        if verified is not None and (verified != user.is_email_verified or (verified and "email" in changes)):
            changes["is_email_verified"] = verified
        if row.groups is not None:
            changes |= self._group_changes(work, row.groups, user)
        if self._options.overwrite_passwords:
            if row.password is not None:
                changes["password"] = row.password
            if row.password_hash is not None and row.password_hash != user.password_hash:
                changes["password_hash"] = row.password_hash
        return changes

    def _group_changes(self, work: UnitOfWork, names: Sequence[str], user: User) -> dict[str, Any]:
        """A row that names groups names all of them, but for the default group, in which everybody is."""
        current = {group.name for group in user.groups}
        wanted = {self._stored_group(work, name) for name in (self._services.settings.users.default_group, *names)}
        added, removed = sorted(wanted - current), sorted(current - wanted)
        return {key: value for key, value in (("add_groups", added), ("remove_groups", removed)) if value}

    def _stored_group(self, work: UnitOfWork, name: str) -> str:
        """How the group called *name* is spelled; as it is where there is none, so that the update says so."""
        stored = self._group_names.get(name)
        if stored is None:
            try:
                stored = self._group_names[name] = find_group(work.groups, self._services, name).name
            except GroupNotFound:
                return name
        return stored

    def _canonical_email(self, email: str) -> str:
        try:
            return self._services.canonical_email(email)
        except ValidationError:
            return ""  # the update says why
