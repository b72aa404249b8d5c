"""What is shown of users and groups: the documented JSON fields, in their order."""

from typing import TYPE_CHECKING, Any

from lback_cli.text.times import timestamp

if TYPE_CHECKING:
    from lback_cli.models import Group, User

EVENT_TABLE = ("seq", "time", "signal", "outcome", "subject", "actor")
USER_COLUMNS = ("id", "username", "email", "is_active", "is_email_verified", "groups", "created_at", "updated_at")
USER_TABLE = ("id", "username", "email", "is_active", "is_email_verified", "groups")
GROUP_COLUMNS = ("id", "name", "description", "members", "created_at", "updated_at")
GROUP_TABLE = ("id", "name", "members", "description")


def user_view(user: "User", **extra: Any) -> dict[str, Any]:
    """A user as results show it, with *extra* fields at the end."""
    return {
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "is_active": user.is_active,
        "is_email_verified": user.is_email_verified,
        "groups": [group.name for group in user.groups],
        "created_at": timestamp(user.created_at),
        "updated_at": timestamp(user.updated_at),
        **extra,
    }


def group_view(group: "Group", members: int) -> dict[str, Any]:
    """A group as results show it."""
    return {
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "members": members,
        "created_at": timestamp(group.created_at),
        "updated_at": timestamp(group.updated_at),
    }
