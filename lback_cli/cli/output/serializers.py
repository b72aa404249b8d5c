"""Users, groups and signals as results show them: the documented JSON fields, in their order."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from lback_cli.security.stored_hashes import is_unusable
from lback_cli.text.times import timestamp

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


def user_columns(known: "UserAttributes") -> tuple[str, ...]:
    """Return the fields of users in a table of rows: each attribute has a column."""
    return ("id", *(attribute.name for attribute in known if attribute.storage != "password"), *_STATE)


def user_view(user: "UserRecord", known: "UserAttributes", now: datetime, **extra: Any) -> dict[str, Any]:
    """Return the fields of a user.

    Args:
        user: The user.
        known: The attributes of users.
        now: The current time, which decides whether a lock or an invitation is over.
        extra: More fields, which replace those of the same name.
    """
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
        "created_at": timestamp(user.created_at),
        "updated_at": timestamp(user.updated_at),
        "last_login": None if user.last_login is None else timestamp(user.last_login),
        "locked_until": None if locked_until is None else timestamp(locked_until),
        "password": _password_state(user, now),
        **extra,
    }


def _password_state(user: "UserRecord", now: datetime) -> str:
    if not is_unusable(user.password_hash):
        return "set"
    return "invited" if user.invited_until is not None and user.invited_until > now else "none"


def group_view(group: "Group | GroupRecord", members: int) -> dict[str, Any]:
    """Return the fields of a group."""
    return {
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "members": members,
        "created_at": timestamp(group.created_at),
        "updated_at": timestamp(group.updated_at),
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
