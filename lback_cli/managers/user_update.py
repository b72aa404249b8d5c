"""Updating a user: the possible changes, their rules, and the notifications."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any

from lback_cli.attributes import Attribute, UserAttributes, Value
from lback_cli.errors import LastAdministrator, ValidationError
from lback_cli.managers.application import Application
from lback_cli.managers.arguments import require_id
from lback_cli.managers.changes import track_user
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.kept_users import keep
from lback_cli.managers.link_mail import LinkMail, announce_verified_by_admin
from lback_cli.managers.notification_mail import NotificationMail
from lback_cli.managers.registration import check_password_hash
from lback_cli.managers.registration_mail import RegistrationMail
from lback_cli.managers.user_lookup import find_group, group_name_variants, not_found
from lback_cli.models import Group, User
from lback_cli.operations.operation import Operation
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.repositories.user_reader import UserRecord
from lback_cli.security.stored_hashes import is_unusable


class Mask:
    """Takes the place of a password; its str and repr are ``********``."""

    def __str__(self) -> str:
        return "********"

    __repr__ = __str__


MASK = Mask()

_SECRET = frozenset({"password", "password_hash"})


@dataclass(frozen=True, slots=True)
class UserUpdate:
    """The changes by name; None and empty tuples change nothing.

    Attributes:
        username: The new user name.
        email: The new e-mail address. It is unverified unless *is_email_verified* says otherwise.
        password: The new password.
        password_hash: A hash of the new password, from another system, instead of *password*.
        is_active: Whether the user may log in.
        is_email_verified: Whether the address counts as verified.
        add_groups: Names of groups to join.
        remove_groups: Names of groups to leave.
        attributes: New values of attributes in lback's own table; None unsets one.
    """

    username: str | None = None
    email: str | None = None
    password: str | None = None
    password_hash: str | None = None
    is_active: bool | None = None
    is_email_verified: bool | None = None
    add_groups: tuple[str, ...] = ()
    remove_groups: tuple[str, ...] = ()
    attributes: Mapping[str, Value | None] = field(default_factory=dict)

    @classmethod
    def parse(cls, update_data: Mapping[str, Any], known: UserAttributes) -> "UserUpdate":
        """Read *update_data*, whose keys are fields of this class or names of *known* attributes.

        Raises:
            ValidationError: A name is unknown, or a value has the wrong type.
        """
        if not isinstance(update_data, Mapping):
            raise ValidationError("update_data", "What to update must be a mapping of names to values.")
        values: dict[str, Any] = {}
        rows: dict[str, Any] = {}
        for name, value in update_data.items():
            if name in _FIELDS:
                values[name] = _groups(name, value) if name.endswith("_groups") else _typed(name, value)
            elif _is_row(known, name):
                rows[name] = value
            else:
                names = ", ".join([*_FIELDS, *(attribute.name for attribute in known.rows)])
                raise ValidationError(str(name), f"There is no {name!r} to update.", hint=f"Known names are {names}.")
        return cls(**values, attributes=known.parse_rows(rows))


_FIELDS = tuple(declared.name for declared in fields(UserUpdate) if declared.name != "attributes")


def masked(update_data: Mapping[str, Any], known: UserAttributes) -> dict[str, Any]:
    """Return a copy of *update_data* that signals may carry: without the values of passwords and unknown names.

    The value of an unknown name such as ``passwd`` may be a password. The operation refuses unknown names later, and
    data that is not a mapping too.
    """
    if not isinstance(update_data, Mapping):
        return {}
    shown = set(_FIELDS) - _SECRET
    return {name: value if name in shown or _is_row(known, name) else MASK for name, value in update_data.items()}


class UserUpdater:
    """Updates and deletes users, within the operations of a `UserManager`."""

    def __init__(self, services: Dependencies, links: LinkMail, notices: NotificationMail) -> None:
        self._services = services
        self._links = links
        self._notices = notices
        self._application = Application(services)

    def update(
        self,
        operation: Operation,
        user_id: int,
        update_data: Mapping[str, Any],
        *,
        mail: RegistrationMail,
        password_hash: str | None,
    ) -> User:
        """Apply *update_data*; the arguments and errors are those of `UserManager.update_user`."""
        require_id(user_id)
        with operation.read_only() as uow:
            user = operation.user = uow.users.get(user_id)
        if user is None:
            raise not_found(f"id:{user_id}")
        update = self._check(user, UserUpdate.parse(update_data, self._services.attributes))
        password = update.password
        if password is not None:
            password_hash = password_hash or operation.once_per_operation(
                "hash", lambda: self._services.hasher.hash(password)
            )
        with operation.transaction() as uow:
            user = operation.user = uow.users.get(user_id, lock=True)
            if user is None:
                raise not_found(f"id:{user_id}")
            track_user(operation, uow, self._services.attributes, UserRecord.of(user), lambda: user_id)
            self._apply(operation, uow, user, update, password_hash or update.password_hash, mail=mail)
        return user

    def delete(self, operation: Operation, user_id: int) -> bool:
        """Delete a user; the errors are those of `UserManager.delete_user`."""
        require_id(user_id)
        with operation.transaction() as uow:
            user = operation.user = uow.users.get(user_id, lock=True)
            if user is None:
                raise not_found(f"id:{user_id}")
            track_user(operation, uow, self._services.attributes, UserRecord.of(user), lambda: user_id)
            self._require_remaining_admin(uow, user, leaves=True)
            uow.tokens.delete_all(user)
            self._application.end_sessions(uow, user)
            keep(uow, self._services, [UserRecord.of(user)])
            uow.users.delete(user)
        return True

    def _check(self, user: User, update: UserUpdate) -> UserUpdate:
        """Return *update* in canonical form, without a name or address that *user* already has."""
        services = self._services
        username = None if update.username is None else services.canonical_username(update.username)
        email = None if update.email is None else services.canonical_email(update.email)
        password, password_hash = update.password, update.password_hash
        if password is not None:
            if password_hash is not None:
                raise ValidationError("password", "Give either a password or its hash, not both.")
            password = services.policy.check(password, username=username or user.username, email=email or user.email)
        elif password_hash is not None:
            password_hash = services.hasher.storable(password_hash)
            check_password_hash(services, password_hash, user.username)
            password_hash = services.hasher.unusable if is_unusable(password_hash) else password_hash
        return UserUpdate(
            username=username if username != user.username else None,
            email=email if email != user.email else None,
            password=password,
            password_hash=password_hash,
            is_active=update.is_active,
            is_email_verified=update.is_email_verified,
            add_groups=update.add_groups,
            remove_groups=update.remove_groups,
            attributes=update.attributes,
        )

    def _apply(
        self,
        operation: Operation,
        uow: UnitOfWork,
        user: User,
        update: UserUpdate,
        password_hash: str | None,
        *,
        mail: RegistrationMail,
    ) -> None:
        """Write *update*, which `_check` returned, to the locked *user*, and notify the user."""
        added = [find_group(uow.groups, self._services, name, joins=True) for name in update.add_groups]
        removed = [find_group(uow.groups, self._services, name) for name in update.remove_groups]
        administrators = group_name_variants(self._services, self._services.settings.users.admin_group)
        leaves = any(group.name in administrators for group in removed)
        self._require_remaining_admin(uow, user, leaves=leaves or update.is_active is False)
        if conflict := self._application.taken(
            uow, username=update.username, email=update.email, by_other_than=user.id
        ):
            raise conflict
        old_email, was_verified = user.email, user.is_email_verified
        verified = update.is_email_verified
        if verified is None and update.email is not None:
            verified = False
        values = {
            "username": update.username,
            "email": update.email,
            "password_hash": password_hash,
            "is_active": update.is_active,
            "is_email_verified": verified,
        }
        groups = _by_name({group for group in [*user.groups, *added] if group not in removed})
        changed: dict[str, object] = {
            name: value for name, value in values.items() if value not in {None, getattr(user, name)}
        }
        rows = self._changed_rows(user, update.attributes)
        joined = [group for group in groups if group not in user.groups]
        left = [group for group in user.groups if group not in groups]
        if joined or left:
            self._application.check_new_member(uow, user, joined)
            changed["groups"] = groups
        if (
            changed.get("is_active") is False
            or "password_hash" in changed
            or self._application.has_administrators(group.name for group in (*joined, *left))
        ):
            self._application.end_sessions(uow, user)
        if changed or rows:
            uow.users.change(user, **changed, updated_at=self._services.now())
            uow.attributes.set(user, rows)
        if update.email is not None or password_hash is not None:
            self._links.tokens.revoke_all(uow, user)
        if mail != "none":
            self._notify(operation, uow, user, old_email, update, link=mail == "verify")
        if user.is_email_verified and not (was_verified and update.email is None):
            announce_verified_by_admin(operation, user)

    def _changed_rows(self, user: User, values: Mapping[str, Value | None]) -> dict[Attribute, Value | None]:
        current = user.attributes
        changed = {name: value for name, value in values.items() if value != current.get(name)}
        return {
            attribute: changed[attribute.name]
            for attribute in self._services.attributes.rows
            if attribute.name in changed
        }

    def _require_remaining_admin(self, uow: UnitOfWork, user: User, *, leaves: bool) -> None:
        """Raise `LastAdministrator` if *user* is the last active administrator and *leaves*."""
        name = self._services.settings.users.admin_group
        variants = group_name_variants(self._services, name)
        held = [group.name for group in user.groups if group.name in variants]
        if not leaves or not user.is_active or not held:
            return
        group = uow.groups.find(held[0], lock=True)
        if group is not None:
            # A lock holds on one node of a Galera cluster only, but no two nodes can change the same row.
            uow.groups.touch(group, now=self._services.now())
        # Beside one who can log in, those who were only invited do not count.
        can_log_in = not is_unusable(user.password_hash)
        if group is not None and uow.users.count_active(group, with_password=can_log_in) <= 1:
            others = " with a password" if uow.users.count_active(group) > 1 else ""
            raise LastAdministrator(
                f"{user.username} is the last active member of {name!r}{others}.",
                hint="See docs/adoption.md about the group admin before another user joins it."
                if self._application.has_administrators([name])
                else f"First: lback user update SOMEONE --add-group {name}",
            )

    def _notify(
        self, operation: Operation, uow: UnitOfWork, user: User, old_email: str, update: UserUpdate, *, link: bool
    ) -> None:
        if update.password is not None or update.password_hash is not None:
            self._notices.send_password_changed(operation, uow, user, email=old_email)
        if update.email is not None:
            self._notices.send_email_changed(operation, uow, user, old_email=old_email)
            if link and not user.is_email_verified:
                self._links.initiate_verification(operation, uow, user)


def _is_row(known: UserAttributes, name: object) -> bool:
    attribute = known.find(name) if isinstance(name, str) else None
    return attribute is not None and attribute.storage == "row"


def _typed(name: str, value: Any) -> Any:
    wanted = bool if name.startswith("is_") else str
    if value is not None and not isinstance(value, wanted):
        raise ValidationError(name, f"{name} must be {'true or false' if wanted is bool else 'text'}.")
    return value


def _groups(name: str, value: Any) -> tuple[str, ...]:
    names = () if value is None else tuple(value) if isinstance(value, list | tuple | set | frozenset) else (value,)
    if not all(isinstance(group, str) for group in names):
        raise ValidationError(name, f"{name} must be names of groups.")
    return names


def _by_name(groups: Iterable[Group]) -> list[Group]:
    """Return *groups* in the order in which they are read from the database."""
    return sorted(groups, key=attrgetter("name"))
