"""The changes of a user in the event log: the difference between the records before and after an operation."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from lback_cli.attributes import UserAttributes, Value
from lback_cli.events.hash_chain import canonical, quoted
from lback_cli.repositories.user_reader import UserRecord
from lback_cli.security.stored_hashes import is_unusable
from lback_cli.text.times import timestamp

if TYPE_CHECKING:
    from lback_cli.operations.operation import Operation
    from lback_cli.repositories.unit_of_work import UnitOfWork


def track_user(
    operation: "Operation",
    uow: "UnitOfWork",
    known: UserAttributes,
    before: UserRecord | None,
    user_id: Callable[[], int],
    *,
    rehashes: bool = False,
) -> None:
    """Make *operation* record, at the end of its transaction, how the user differs from *before*.

    Args:
        operation: The operation.
        uow: Its transaction.
        known: The attributes to compare.
        before: The user before the operation; None if the operation creates the user.
        user_id: Returns the id of the user, as soon as the user exists.
        rehashes: Whether the operation replaces the hash, but not the password.
    """

    def compute() -> dict[str, Any]:
        uow.session.flush()
        return user_changes(before, uow.users.find_by_id(user_id()), known, rehashes=rehashes)

    operation.track_changes(compute)


def user_changes(
    before: UserRecord | None, after: UserRecord | None, known: UserAttributes, *, rehashes: bool = False
) -> dict[str, Any]:
    """Return the difference of a user before and after an operation.

    For a new user, each attribute has only the new value, and for a deleted user only the old one; both have all
    attributes and ``created_at``. Otherwise the result has only what differs. Of a password, it has only a word.

    Args:
        before: The user before; None for a new one.
        after: The user after; None for a deleted one.
        known: The attributes to compare.
        rehashes: Whether a changed hash is that of the same password.
    """
    changes: dict[str, Any] = {}
    old, new = attribute_values(before, known), attribute_values(after, known)
    for name in {**old, **new}:
        if before is None:
            changes[name] = {"to": new[name]}
        elif after is None:
            changes[name] = {"from": old[name]}
        elif old.get(name) != new.get(name):
            changes[name] = {"from": old.get(name), "to": new.get(name)}
    groups = _group_changes(before, after)
    if before is None or after is None or groups["added"] or groups["removed"]:
        changes["groups"] = groups
    if (password := _password_change(before, after, rehashes=rehashes)) is not None:
        changes["password"] = password
    return changes


Kind = tuple[bool, bool, bool, str]
"""Whether a user is active, is verified and has a password, and the names of the groups as JSON."""


class _Templates:
    """The event data of many users who are created or deleted: as with `user_changes`, in a fraction of the time.

    For most users it differs only in names, addresses, times and ids. So the canonical form of one is a template.

    Args:
        known: The attributes of users.
        word: What events call a value: ``to`` if the users are created, ``from`` if they are deleted.
        end: The end of the template, after the changes. It has places for the values that follow.
    """

    def __init__(self, known: UserAttributes, word: Literal["to", "from"], end: str) -> None:
        self._values = {attribute.name: "null" for attribute in (*known.columns, *known.rows)}
        self._word = word
        self._end = end
        self._templates: dict[Kind, str] = {}

    def template(self, kind: Kind, attributes: Mapping[str, Value]) -> str:
        """Return the data with places for the time of creation, the address, the user name and those of the end."""
        if attributes:
            return self._template(kind, attributes)
        if (template := self._templates.get(kind, "")) == "":
            template = self._templates[kind] = self._template(kind, {})
        return template

    def _template(self, kind: Kind, attributes: Mapping[str, Value]) -> str:
        is_active, is_email_verified, has_password, groups = kind
        values = self._values | {name: canonical(value) for name, value in attributes.items()}
        values |= {"is_active": canonical(is_active), "is_email_verified": canonical(is_email_verified)}
        changes = {name: f'{{"{self._word}":{value}}}'.replace("%", "%%") for name, value in values.items()}
        changes |= dict.fromkeys(("created_at", "email", "username"), f'{{"{self._word}":%s}}')
        added, removed = (groups, "[]") if self._word == "to" else ("[]", groups)
        changes["groups"] = f'{{"added":{added},"removed":{removed}}}'.replace("%", "%%")
        if has_password:
            changes["password"] = '"set"' if self._word == "to" else '"removed"'
        # In the order of the names, as in canonical JSON.
        listed = ",".join(f'"{name}":{value}' for name, value in sorted(changes.items()))
        return f'{{"changes":{{{listed}}},{self._end}}}'


class RegistrationChanges:
    """The event data of users who are registered at one time.

    Attributes:
        created_at: The time.
    """

    def __init__(self, known: UserAttributes, created_at: datetime) -> None:
        self.created_at = created_at
        self._time = quoted(timestamp(created_at))
        self._templates = _Templates(known, "to", '"user":{"email":%s,"id":%d,"username":%s}')

    def data(
        self,
        user_id: int,
        username: str,
        email: str,
        kind: Kind,
        attributes: Mapping[str, Value] = MappingProxyType({}),
    ) -> str:
        """Return the event data of a user with these *attributes* in lback's own table."""
        email, username = quoted(email), quoted(username)
        template = self._templates.template(kind, attributes)
        return template % (self._time, email, username, email, user_id, username)


class DeletionChanges:
    """The event data of users who are deleted."""

    def __init__(self, known: UserAttributes) -> None:
        end = '"user_id":%d,"username":%s'
        self._templates = _Templates(known, "from", end)
        self._undoing = _Templates(known, "from", f'"undoes":%d,{end}')

    def data(self, user: UserRecord, undoes: int | None) -> str:
        """Return the event data of *user*; *undoes* is the number of the event that the deletion undoes."""
        kind = kind_of(user)
        username = quoted(user.username)
        values = (quoted(timestamp(user.created_at)), quoted(user.email), username)
        if undoes is None:
            return self._templates.template(kind, user.attributes) % (*values, user.id, username)
        return self._undoing.template(kind, user.attributes) % (*values, undoes, user.id, username)


def kind_of(user: UserRecord) -> Kind:
    """Return what the event data of *user* has beside names, times and ids."""
    has_password = not is_unusable(user.password_hash)
    return user.is_active, user.is_email_verified, has_password, canonical(sorted(user.groups))


def attribute_values(user: UserRecord | None, known: UserAttributes) -> dict[str, Any]:
    """Return what events record of *user*, by the name of the attribute, without groups and password."""
    if user is None:
        return {}
    values = {attribute.name: getattr(user, attribute.column) for attribute in known.columns}
    # An attribute that the configuration no longer declares still has rows.
    values |= dict.fromkeys((attribute.name for attribute in known.rows), None) | dict(user.attributes)
    return values | {"created_at": timestamp(user.created_at)}


def _group_changes(before: UserRecord | None, after: UserRecord | None) -> dict[str, list[str]]:
    old = set() if before is None else set(before.groups)
    new = set() if after is None else set(after.groups)
    return {"added": sorted(new - old), "removed": sorted(old - new)}


def _password_change(before: UserRecord | None, after: UserRecord | None, *, rehashes: bool) -> str | None:
    old, new = _usable_hash(before), _usable_hash(after)
    if old == new:
        return None
    if old is None:
        return "set"
    if new is None:
        return "removed"
    return "rehashed" if rehashes else "changed"


def _usable_hash(user: UserRecord | None) -> str | None:
    return None if user is None or is_unusable(user.password_hash) else user.password_hash
