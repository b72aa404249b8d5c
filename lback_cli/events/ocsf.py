"""Events in the Open Cybersecurity Schema Framework (OCSF 1.8.0), for systems that watch many programs.

Logins are events of the class Authentication, changes of users of Account Change, and all others Base Events. What the
schema has no attribute for is in ``unmapped``.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from lback_cli.events.export import event_view
from lback_cli.events.kinds import FAILURE_EVENTS, OK
from lback_cli.events.wording import sentence

VERSION = "1.8.0"
"""The version of the schema."""

_IS_EMAIL = re.compile(r"[a-zA-Z0-9!#$%&'*+-/=?^_`{|}~.]+@[a-zA-Z0-9-]+\.[a-zA-Z0-9-.]+").fullmatch
"""The addresses that the schema accepts. Those with other letters are only in ``unmapped``."""


class _Class(NamedTuple):
    """A class of events, with its category."""

    uid: int
    name: str
    category_uid: int
    category_name: str


_IAM = (3, "Identity & Access Management")
_ACCOUNT_CHANGE = _Class(3001, "Account Change", *_IAM)
_AUTHENTICATION = _Class(3002, "Authentication", *_IAM)
_BASE_EVENT = _Class(0, "Base Event", 0, "Uncategorized")

_OTHER = 99
_ACTIVITIES = {
    "user_registered": (1, "Create"),
    "user_registration_failed": (1, "Create"),
    "user_deleted": (6, "Delete"),
    "user_deletion_failed": (6, "Delete"),
    "password_reset_successful": (4, "Password Reset"),
    "password_reset_failed": (4, "Password Reset"),
    "user_unlocked": (12, "Unlock"),
}
"""The activities of Account Change, by event. Of the others, the name is that of the event."""

_PASSWORD_CHANGE, _ENABLE, _DISABLE = (3, "Password Change"), (2, "Enable"), (5, "Disable")
_KEPT = ("actor", "host", "invocation_id", "operation", "pid", "previous_hash", "hash", "data")
"""Fields of an event that are kept in ``unmapped``."""


def ocsf_event(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored event as an event of OCSF."""
    view = event_view(row)
    signal, data = view["signal"], view["data"] or {}
    kind = _class_of(signal)
    activity_id, activity = _activity(signal, kind, data)
    failed = signal in FAILURE_EVENTS
    event: dict[str, Any] = {
        "activity_id": activity_id,
        "activity_name": activity,
        "category_uid": kind.category_uid,
        "category_name": kind.category_name,
        "class_uid": kind.uid,
        "class_name": kind.name,
        "type_uid": kind.uid * 100 + activity_id,
        "type_name": f"{kind.name}: {activity}",
        "time": _milliseconds(view["time"]),
        "severity_id": 2 if failed else 1,
        "severity": "Low" if failed else "Informational",
        "status_id": 2 if failed else 1,
        "status": "Failure" if failed else "Success",
        "message": sentence({**view, "outcome": view["outcome"] or (None if failed else OK)}),
        "metadata": {
            "version": VERSION,
            "product": {"name": "lback", "vendor_name": "lback", "version": view["version"]},
            "uid": view["id"],
            "event_code": signal,
            "correlation_uid": view["operation_id"],
            "log_name": "lback_events",
            "original_time": view["time"],
        },
        "unmapped": {name: view[name] for name in _KEPT},
    }
    if view["seq"] is not None:  # None: an event that is not in the log
        event["metadata"]["sequence"] = view["seq"]
    if view["outcome"] is not None:
        event |= {"status_code": view["outcome"], "status_detail": view["outcome"].replace("_", " ")}
    if kind is _BASE_EVENT:
        return event
    event |= {"actor": {"user": {"name": view["actor"]}, "app_name": "lback"}, "user": _user(view, data)}
    if kind is _AUTHENTICATION:
        event["service"] = {"name": "lback"}
    elif result := _result(data.get("changes", {})):
        event["user_result"] = {**event["user"], **result}
    return event


def _class_of(signal: str) -> _Class:
    if signal in {"user_authenticated", "user_authentication_failed"}:
        return _AUTHENTICATION
    return _ACCOUNT_CHANGE if signal.startswith(("user_", "password_")) else _BASE_EVENT


def _activity(signal: str, kind: _Class, data: Mapping[str, Any]) -> tuple[int, str]:
    if kind is _AUTHENTICATION:
        return 1, "Logon"
    if signal == "user_updated":
        changes = data.get("changes", {})
        if "is_active" in changes:
            return _ENABLE if changes["is_active"].get("to") else _DISABLE
        if "password" in changes:
            return _PASSWORD_CHANGE
    return _ACTIVITIES.get(signal, (_OTHER, signal.removesuffix("_failed").replace("_", " ").title()))


def _user(view: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the user that an event is about. An erased person has only an id."""
    stated = data.get("user") or {}
    name = stated.get("username") or data.get("username") or view["subject"]
    email = stated.get("email") or data.get("email")
    user: dict[str, Any] = {}
    if name is not None or view["subject_id"] is None:
        user["name"] = str(name or email or "(unknown)")
    if view["subject_id"] is not None:
        user["uid"] = str(view["subject_id"])
    return user | _address(email)


def _result(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what *changes* made of a user: the new values, and the groups that the user joined."""
    after = {name: change["to"] for name, change in changes.items() if isinstance(change, Mapping) and "to" in change}
    result: dict[str, Any] = {}
    if isinstance(after.get("username"), str):
        result["name"] = after["username"]
    if isinstance(after.get("display_name"), str):
        result["display_name"] = after["display_name"]
    result |= _address(after.get("email"))
    if joined := changes.get("groups", {}).get("added"):
        result["groups"] = [{"name": name} for name in joined]
    return result


def _address(email: Any) -> dict[str, str]:
    return {"email_addr": email} if isinstance(email, str) and _IS_EMAIL(email) else {}


def _milliseconds(time: str) -> int:
    """Return an RFC 3339 time as milliseconds since 1970, as OCSF writes it."""
    return int(datetime.fromisoformat(time).timestamp() * 1000)
