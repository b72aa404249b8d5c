"""Users, groups and signals as results show them: the documented JSON fields, in their order."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from lback_cli.text.times import to_the_second

if TYPE_CHECKING:
    from lback_cli.attributes import UserAttributes
    from lback_cli.models import Group
    from lback_cli.repositories.group_reader import GroupRecord
    from lback_cli.repositories.user_reader import UserRecord
    from lback_cli.signals import SignalSpec

EVENT_TABLE = ("seq", "time", "signal", "outcome", "subject", "actor")
HISTORY_TABLE = ("seq", "time", "what", "actor")
USER_TABLE = ("id", "username", "email", "is_active", "is_email_verified", "groups")
GROUP_COLUMNS = ("id", "name", "description", "members", "created_at", "updated_at")
GROUP_TABLE = ("id", "name", "members", "description")

_STATE = ("created_at", "updated_at", "last_login", "locked_until", "password")


def user_columns(known: "UserAttributes", *, nested: bool = False) -> tuple[str, ...]:
    """Return the fields of users in a list.

    Args:
        known: The attributes of users.
        nested: Whether those that the configuration declares are in the field ``attributes``, as in `user_view`.
    """
    attributes = [a.name for a in known if a.storage != "password" and not (nested and a.declared)]
    return ("id", *attributes, *(["attributes"] if nested else []), *_STATE)


def user_view(user: "UserRecord", known: "UserAttributes", now: datetime, **extra: Any) -> dict[str, Any]:
    """Return the fields of a user, those of `user_columns`.

    Args:
        user: The user.
        known: The attributes of users.
        now: The current time, which decides whether a lock or an invitation is over.
        extra: More fields, which replace those of the same name.
    """
    from lback_cli.repositories.user_reader import password_state

    view: dict[str, Any] = {"id": user.id}
    declared = dict(user.attributes)
    for attribute in known:
        if attribute.storage == "column":
            view[attribute.name] = getattr(user, attribute.column)
        elif attribute.storage == "memberships":
            view[attribute.name] = list(user.groups)
        elif attribute.storage == "row" and not attribute.declared:
            view[attribute.name] = declared.pop(attribute.name, None)
    locked_until = user.locked_until if user.locked_until is not None and user.locked_until > now else None
    return {
        **view,
        "attributes": declared,
        "created_at": to_the_second(user.created_at),
        "updated_at": to_the_second(user.updated_at),
        "last_login": None if user.last_login is None else to_the_second(user.last_login),
        "locked_until": None if locked_until is None else to_the_second(locked_until),
        "password": password_state(user.password_hash, user.invited_until, now),
        **extra,
    }


def group_view(group: "Group | GroupRecord", members: int) -> dict[str, Any]:
    """Return the fields of a group."""
    return {
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "members": members,
        "created_at": to_the_second(group.created_at),
        "updated_at": to_the_second(group.updated_at),
    }


def signal_view(spec: "SignalSpec") -> dict[str, Any]:
    """Return the fields of a signal."""
    return {
        "name": spec.name,
        "phase": spec.phase,
        "can_veto": spec.can_veto,
        "when": spec.when,
        "arguments": [
            {"name": a.name, "type": a.type, "optional": a.optional, "meaning": a.meaning} for a in spec.all_arguments
        ],
        "words": dict(spec.reasons),
    }
