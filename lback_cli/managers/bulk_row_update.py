"""A different update of each of many users in one transaction."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from lback_cli import signals
from lback_cli.attributes import Attribute, Value
from lback_cli.errors import LbackError
from lback_cli.events.record import event_from_signal, random_ids
from lback_cli.managers.bulk_operation import BulkOperation
from lback_cli.managers.bulk_update import BulkUpdate
from lback_cli.managers.changes import user_changes
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.registration import check_password_hash
from lback_cli.managers.registration_mail import RegistrationMail
from lback_cli.managers.user_lookup import find_group_records
from lback_cli.managers.user_manager import UserManager
from lback_cli.managers.user_update import UserUpdate
from lback_cli.operations.attempts import AttemptState
from lback_cli.operations.kinds import UPDATE_USER
from lback_cli.repositories.group_reader import GroupRecord
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.repositories.user_reader import UserRecord
from lback_cli.security.stored_hashes import is_unusable
from lback_cli.signals.dispatch import suppressed_signals


class RowUpdate(NamedTuple):
    """The update of one user.

    Attributes:
        data: The new values, as `UserManager.update_user` takes them.
        hashed: The hash of a new plain password, if it is computed.
    """

    data: Mapping[str, Any]
    hashed: str | None = None


class _Change(NamedTuple):
    """An update after validation: the user after it, and what has to be written besides columns of the user."""

    after: UserRecord
    attributes: Mapping[Attribute, Value | None]
    joined: Sequence[int]
    left: Sequence[int]
    sets_password: bool


class BulkRowUpdate(BulkOperation):
    """Updates many users, each with data of its own.

    What is mailed, and what an operation would refuse, is left to the ordinary operation. A dry run only counts mail.
    """

    signals = BulkUpdate.signals
    counts_signals = True

    def __init__(self, users: UserManager, services: Dependencies, mail: RegistrationMail) -> None:
        super().__init__(users, services)
        self._mail = mail
        self._updates: Mapping[int, RowUpdate] = {}
        self._changes: dict[int, _Change] = {}
        self._groups: dict[str, GroupRecord] = {}

    def update(
        self,
        uow: UnitOfWork,
        updates: Mapping[int, RowUpdate],
        found: Mapping[int, UserRecord],
        effects: Mapping[int, AttemptState],
    ) -> dict[int, LbackError | None]:
        """Apply *updates*, by user id; the other arguments and the result are those of `BulkOperation.run`."""
        self._updates = updates
        self._changes = {}
        return self.run(uow, list(updates), found, effects)

    def _can_run_together(self, uow: UnitOfWork) -> bool:
        names = {
            name
            for update in self._updates.values()
            for key in ("add_groups", "remove_groups")
            for name in update.data.get(key, ())
        }
        self._groups = find_group_records(uow.groups, self._services, names)
        return True

    def _is_special(self, user: UserRecord) -> bool:
        try:
            change = self._change(user, UserUpdate.parse(self._updates[user.id].data, self._services.attributes))
        except LbackError:
            change = None
        if change is not None:
            self._changes[user.id] = change
        return change is None

    def _change(self, user: UserRecord, update: UserUpdate) -> _Change | None:
        """Return what *update* does to *user*, or None if only the ordinary operation can do it."""
        services = self._services
        email = None if update.email is None else services.canonical_email(update.email)
        is_personal = email is not None or update.password_hash is not None
        if update.username is not None or update.password is not None:
            return None
        mails = self._mail != "none" and services.sends_mail
        if is_personal and (mails or services.settings.compat.lback_framework):
            return None
        added, left = (self._records(names) for names in (update.add_groups, update.remove_groups))
        if added is None or left is None:
            return None
        if (update.is_active is False or left) and self._is_administrator(user):
            return None
        stored = None if update.password_hash is None else services.hasher.storable(update.password_hash)
        if stored is not None:
            check_password_hash(services, stored, user.username)
            stored = services.hasher.unusable if is_unusable(stored) else stored
        known = {attribute.name: attribute for attribute in services.attributes.rows}
        attributes = {name: value for name, value in update.attributes.items() if value != user.attributes.get(name)}
        kept = {name: value for name, value in user.attributes.items() if name not in attributes}
        verified = update.is_email_verified
        if verified is None:
            verified = user.is_email_verified if email in {None, user.email} else False
        groups = {*user.groups, *(group.name for group in added)} - {group.name for group in left}
        after = user._replace(
            email=email or user.email,
            password_hash=stored or user.password_hash,
            is_active=user.is_active if update.is_active is None else update.is_active,
            is_email_verified=verified,
            groups=sorted(groups),
            attributes=kept | {name: value for name, value in attributes.items() if value is not None},
        )
        return _Change(
            after,
            {known[name]: value for name, value in attributes.items()},
            [group.id for group in added if group.name in groups and group.name not in user.groups],
            [group.id for group in left if group.name in user.groups],
            stored is not None,
        )

    def _records(self, names: Sequence[str]) -> list[GroupRecord] | None:
        found = [group for name in dict.fromkeys(names) if (group := self._groups.get(name)) is not None]
        return found if len(found) == len(set(names)) else None

    def _run_one(self, uow: UnitOfWork, user_id: int, effects: AttemptState) -> None:
        data, hashed = self._updates[user_id]
        self._users.update_user(user_id, data, mail=self._mail, hashed=hashed, session=uow.session, effects=effects)

    def _run_together(self, uow: UnitOfWork, users: Sequence[UserRecord], effects: Mapping[int, AttemptState]) -> None:
        events, changed, verified = [], [], 0
        name, operation = UPDATE_USER.succeeded.name, UPDATE_USER.name
        for user, operation_id in zip(users, random_ids(len(users)), strict=True):
            change = self._changes[user.id]
            changes = user_changes(user, change.after, self._services.attributes)
            effects[user.id].changes = changes
            if changes:
                changed.append(user)
            is_new = not user.is_email_verified or change.after.email != user.email
            verified += change.after.is_email_verified and is_new
            known = {"id": user.id, "username": user.username, "email": change.after.email}
            events.append(event_from_signal(name, operation, operation_id, {"user": known}, changes))
        if changed:
            self._write(uow, changed)
        uow.events.append(events)
        if (counter := suppressed_signals()) is not None:
            counter.update({signals.user_update_started.name: len(users), name: len(users)})
            if verified:
                counter[signals.user_email_verification_successful.name] += verified
            if linked := sum(map(self._count_mail, users)):
                counter[signals.user_email_verification_initiated.name] += linked

    def _count_mail(self, user: UserRecord) -> bool:
        """Count the mail to *user* in a dry run, and return whether there is a verification link among it."""
        change, mailer = self._changes[user.id], self._services.mailer
        has_new_address = change.after.email != user.email
        is_linked = self._mail == "verify" and has_new_address and not change.after.is_email_verified
        if self._mail != "none" and change.sets_password:
            mailer.send_password_changed(username=user.username, email=user.email, key="")
        if self._mail != "none" and has_new_address:
            mailer.send_email_changed(
                username=user.username, old_email=user.email, new_email=change.after.email, key=""
            )
        if is_linked:
            mailer.send_link(
                "verify_email",
                username=user.username,
                email=change.after.email,
                token="",
                expires_at=self._services.now(),
            )
        return is_linked

    def _write(self, uow: UnitOfWork, users: Sequence[UserRecord]) -> None:
        pairs = [(user, self._changes[user.id]) for user in users]
        uow.users.change_each([change.after for _, change in pairs], updated_at=self._services.now())
        leaving: dict[int, list[int]] = {}
        for user, change in pairs:
            for group_id in change.left:
                leaving.setdefault(group_id, []).append(user.id)
        for group_id, ids in leaving.items():
            uow.groups.remove_members([group_id], ids)
        uow.groups.add_members([(user.id, group_id) for user, change in pairs for group_id in change.joined])
        uow.attributes.set_each({user.id: change.attributes for user, change in pairs if change.attributes})
        revoked = [user.id for user, change in pairs if change.sets_password or change.after.email != user.email]
        if revoked:
            uow.tokens.revoke_all_of(revoked)
        # Mapped users of this transaction would keep their old values.
        uow.session.expire_all()
