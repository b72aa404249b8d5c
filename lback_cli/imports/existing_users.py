"""What is done about a row whose user exists: skip the row, or update the user."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from lback_cli.errors import UserExists, ValidationError
from lback_cli.imports.chunks import Chunk
from lback_cli.imports.options import ImportOptions
from lback_cli.imports.results import RowOutcome, failed, obstacles
from lback_cli.imports.row import ImportRow
from lback_cli.managers.bulk_row_update import BulkRowUpdate, RowUpdate
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_lookup import find_group_records
from lback_cli.managers.user_manager import UserManager
from lback_cli.repositories.group_reader import GroupRecord
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.repositories.user_reader import UserRecord
from lback_cli.security.stored_hashes import is_unusable
from lback_cli.text.times import timestamp

_COMPARED = ("id", "username", "email", "password_hash", "is_active", "is_email_verified")
"""What a plan compares of a user, besides groups and time of change. The order is that of existing plan files."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The moment before an import: the users up to *last_id* exist, and were last changed before *moment*."""

    moment: datetime
    last_id: int

    def state(self, user: UserRecord) -> str:
        """Return a digest of all that an import can change of *user*, apart from changes by this import."""
        if user.id > self.last_id:
            return "new"
        changed_at = timestamp(user.updated_at) if user.updated_at < self.moment else None
        known = [getattr(user, name) for name in _COMPARED]
        known += [changed_at, sorted(user.groups)]
        if attributes := user.attributes:
            known.append(sorted(attributes.items()))
        return hashlib.sha256(json.dumps(known).encode()).hexdigest()


class PendingUpdate(NamedTuple):
    """The update of a user, which a row asks for.

    Attributes:
        row: The index of the row in its chunk.
        data: The new values, as `UserManager.update_user` takes them.
        state: The state of the user before, for a plan.
    """

    row: int
    data: Mapping[str, Any]
    state: str | None


class ExistingUserHandler:
    """Skips rows whose users exist, or updates those users, as *options* say.

    With a *baseline*, outcomes hold the state in which a user was found, for a plan to be compared with.
    """

    def __init__(
        self, users: UserManager, services: Dependencies, options: ImportOptions, baseline: Baseline | None = None
    ) -> None:
        self._bulk = BulkRowUpdate(users, services, options.mail)
        self._services = services
        self._options = options
        self._baseline = baseline
        self._groups: Mapping[str, GroupRecord] = {}

    @property
    def updates(self) -> bool:
        """Whether existing users are updated."""
        return self._options.if_exists == "update"

    def needs_user(self, row: ImportRow) -> bool:
        """Return whether `decide` needs the user of *row*."""
        return self.updates or self._baseline is not None or row.derived_from is not None

    def look_up_groups(self, uow: UnitOfWork, rows: Sequence[ImportRow]) -> None:
        """Look up the groups that *rows* name, for `decide`."""
        names = {name for row in rows for name in row.groups or ()}
        names.add(self._services.settings.users.default_group)
        self._groups = find_group_records(uow.groups, self._services, names)

    def decide(self, row: ImportRow, index: int, user_id: int, user: UserRecord | None) -> RowOutcome | PendingUpdate:
        """Return the outcome of *row*, at *index* of its chunk, or the update that it asks for.

        Args:
            row: A row whose user name is that of a user.
            index: The index of the row.
            user_id: The id of the user.
            user: The user, if `needs_user`.
        """
        state = self._baseline.state(user) if self._baseline and user is not None else None
        if user is not None and row.derived_from and not self._is_same_person(row, row.derived_from, user):
            return failed(row, UserExists("username", row.username))
        if user is None or not self.updates:
            return _skipped(row, user_id, "exists", f"The user name {row.username!r} is taken.", state)
        changes = self._changes(row, user)
        if not changes:
            return _skipped(row, user_id, "unchanged", "There is nothing to change.", state)
        return PendingUpdate(index, changes, state)

    def update(
        self,
        uow: UnitOfWork,
        chunk: Chunk,
        pending: Mapping[int, PendingUpdate],
        found: Mapping[int, UserRecord],
    ) -> tuple[dict[int, RowOutcome], dict[int, UserRecord]]:
        """Apply the *pending* updates of rows of *chunk*, by user id.

        Args:
            uow: The transaction, in which the users are locked.
            chunk: The chunk.
            pending: The updates.
            found: The users before, by id.

        Returns:
            The outcomes by the index of the row, and the users after.
        """
        effects = {user_id: chunk.update_attempts(one.row, user_id) for user_id, one in pending.items()}
        updates = {user_id: RowUpdate(one.data, _hashed(chunk, one)) for user_id, one in pending.items()}
        errors = self._bulk.update(uow, updates, found, effects)
        after = uow.users.find_all(list(pending))
        outcomes = {}
        for user_id, (index, _, state) in pending.items():
            row, error = chunk.rows[index], errors[user_id]
            if error is not None:
                outcomes[index] = outcome = failed(row, error)
                outcome.id, outcome.state = user_id, state
                chunk.keep_refusal(index, user_id, outcome)
            else:
                outcomes[index] = _updated(row, after[user_id], effects[user_id].changes, state)
        return outcomes, after

    def _is_same_person(self, row: ImportRow, derived_from: str, user: UserRecord) -> bool:
        """Return whether *user*, whose name was made for *row* from an address, has an address of the row."""
        return user.email in {self._canonical_email(row.email), self._canonical_email(derived_from)}

    def _changes(self, row: ImportRow, user: UserRecord) -> dict[str, Any]:
        """Return the values of *row* that *user* does not have yet, as `UserManager.update_user` takes them."""
        changes: dict[str, Any] = {}
        if row.email and self._canonical_email(row.email) != user.email:
            changes["email"] = row.email
        if row.is_active is not None and row.is_active != user.is_active:
            changes["is_active"] = row.is_active
        verified = row.is_email_verified
        if verified is not None and (verified != user.is_email_verified or (verified and "email" in changes)):
            changes["is_email_verified"] = verified
        if row.attributes:
            current = user.attributes
            changes |= {name: value for name, value in row.attributes.items() if value != current.get(name)}
        if row.groups is not None:
            changes |= self._group_changes(row.groups, user)
        if self._options.overwrite_passwords:
            if row.password is not None:
                changes["password"] = row.password
            stored = None if row.password_hash is None else self._services.hasher.storable(row.password_hash)
            if stored is not None and stored != user.password_hash:
                changes["password_hash"] = stored
        return changes

    def _group_changes(self, names: Sequence[str], user: UserRecord) -> dict[str, Any]:
        """Compare the groups of *user* with *names*, which are all of them besides the default group."""
        current = set(user.groups)
        default = self._services.settings.users.default_group
        # The update refuses a group that does not exist.
        wanted = {group.name if (group := self._groups.get(name)) else name for name in (default, *names)}
        added, removed = sorted(wanted - current), sorted(current - wanted)
        return {key: value for key, value in (("add_groups", added), ("remove_groups", removed)) if value}

    def _canonical_email(self, email: str) -> str:
        try:
            return self._services.canonical_email(email)
        except ValidationError:
            return ""  # The update refuses it, and says why.


def _skipped(row: ImportRow, user_id: int, code: str, message: str, state: str | None) -> RowOutcome:
    return RowOutcome(row, "skipped", id=user_id, code=code, message=message, state=state)


def _updated(row: ImportRow, user: UserRecord, changes: Mapping[str, Any], state: str | None) -> RowOutcome:
    hindered = obstacles(
        active=user.is_active,
        has_password=not is_unusable(user.password_hash),
        verified=user.is_email_verified,
    )
    return RowOutcome(
        row, "updated", id=user.id, username=user.username, state=state, changes=changes, obstacles=hindered
    )


def _hashed(chunk: Chunk, pending: PendingUpdate) -> str | None:
    """Return the hash of the plain password that an update sets, if it is computed."""
    prepared = chunk.users[pending.row]
    return prepared.password_hash if prepared is not None and "password" in pending.data else None
