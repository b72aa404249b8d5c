"""Users, groups and signals as results show them: the documented JSON fields, in their order."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lback_cli.cli.output.cells import cell_text
from lback_cli.cli.output.format import Columns
from lback_cli.text.times import to_the_second

if TYPE_CHECKING:
    from lback_cli.attributes import UserAttributes
    from lback_cli.events.past import PastUser
    from lback_cli.events.past_groups import PastGroup
    from lback_cli.models import Group
    from lback_cli.repositories.deleted_user_repository import KeptUser
    from lback_cli.repositories.group_reader import GroupRecord
    from lback_cli.repositories.user_reader import UserRecord
    from lback_cli.signals import SignalSpec

EVENT_SCREEN = ("seq", "time", "subject", "what", "actor")
EVENT_TABLE = (*EVENT_SCREEN, "signal", "outcome")
HISTORY_TABLE = ("seq", "time", "what", "actor")
USER_TABLE = ("id", "username", "email", "is_active", "is_email_verified", "groups")
GROUP_COLUMNS = ("id", "name", "description", "members", "created_at", "updated_at")
PAST_GROUP_COLUMNS = ("id", "name", "description", "members", "created_at", "marks")
GROUP_TABLE = ("id", "name", "members", "description")

_PAST_STATE = ("created_at", "password", "marks")
_STATE = ("created_at", "updated_at", "last_login", "locked_until", "password")


def user_columns(known: "UserAttributes", *, nested: bool = False) -> tuple[str, ...]:
    """Return the fields of users in a list.

    Args:
        known: The attributes of users.
        nested: Whether those that the configuration declares are in the field ``attributes``, as in `user_view`.
    """
    attributes = [a.name for a in known if a.storage != "password" and not (nested and a.declared)]
    return ("id", *attributes, *(["attributes"] if nested else []), *_STATE)


def past_user_columns(known: "UserAttributes", *, nested: bool = False) -> tuple[str, ...]:
    """Return the fields of users at a moment in a list, as `user_columns` does."""
    return tuple(name for name in user_columns(known, nested=nested) if name not in _STATE) + _PAST_STATE


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


def past_user_view(user: "PastUser", known: "UserAttributes") -> dict[str, Any]:
    """Return the fields of a user at a moment, those of `past_user_columns`."""
    fields = past_user_columns(known, nested=True)
    columns = past_user_values([user], fields, known)
    return {field: column[0] for field, column in zip(fields, columns, strict=True)}


def past_user_values(
    users: "Sequence[PastUser]", fields: Sequence[str], known: "UserAttributes", *, erased: str | None = None
) -> Columns:
    """Return *fields* of users at a moment. Those of a person who was erased are null, with *erased* as the name."""
    values = [user.values or ({"username": erased} if user.is_erased else {}) for user in users]
    built_in = {"created_at", "password", *(attribute.name for attribute in known if not attribute.declared)}

    def attributes(one: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in one.items() if name not in built_in and value is not None}

    # Users share the list of the same groups, and a mapping without marks, because formats then convert it once.
    groups = [one.get("groups", frozenset()) for one in values]
    lists = {some: sorted(some) for some in set(groups)}
    no_marks: dict[str, str] = {}
    words = {None: None, False: "none", True: "set"}
    columns: dict[str, Callable[[], Sequence[Any]]] = {
        "id": lambda: [user.id for user in users],
        "groups": lambda: [lists[some] for some in groups],
        "attributes": lambda: list(map(attributes, values)),
        "created_at": lambda: [_whole_seconds(one.get("created_at")) for one in values],
        "password": lambda: [words[one.get("password")] for one in values],
        "marks": lambda: [{"user": "erased"} if user.is_erased else user.marks or no_marks for user in users],
    }
    return [columns[field]() if field in columns else [one.get(field) for one in values] for field in fields]


def past_group_view(group: "PastGroup", members: int) -> dict[str, Any]:
    """Return the fields of a group at a moment."""
    return {
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "members": members,
        "created_at": _whole_seconds(group.created_at),
        "marks": group.marks,
    }


DELETED_COLUMNS = ("id", "username", "email", "groups", "created_at", "deleted_at", "kept_until")
DELETED_TABLE = ("id", "username", "email", "deleted_at", "kept_until")


def deleted_user_view(user: "KeptUser") -> dict[str, Any]:
    """Return the fields of a deleted user who can be restored."""
    return {
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "groups": sorted(user.groups.values()),
        "created_at": to_the_second(user.created_at),
        "deleted_at": to_the_second(user.deleted_at),
        "kept_until": to_the_second(user.kept_until),
    }


def _whole_seconds(text: str | None) -> str | None:
    return None if text is None else f"{text[: len('2026-01-31T12:00:00')]}Z"


def with_marks_in_place(view: dict[str, Any]) -> dict[str, Any]:
    """Return *view* for people: each mark is beside the value that it is about."""
    marks = dict(view["marks"])
    shown = {
        name: f"{cell_text(value)} ({marks.pop(name)})".lstrip() if name in marks else value
        for name, value in view.items()
        if name != "marks"
    }
    return {**shown, **({"marks": tuple(f"{name}: {mark}" for name, mark in marks.items())} if marks else {})}


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
