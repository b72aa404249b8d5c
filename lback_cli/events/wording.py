"""Events in words: what changed, and what happened to a user."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from lback_cli.events.grants import group_changes
from lback_cli.events.kinds import OK

Changes = Mapping[str, Any]
Event = Mapping[str, Any]

_UNSET = "(none)"
_FLAGS = {
    ("is_active", True): "activated",
    ("is_active", False): "deactivated",
    ("is_email_verified", True): "address verified",
    ("is_email_verified", False): "address unverified",
}
_GROUP_SIGNS = {"group_created": "+", "group_updated": "~", "group_deleted": "-"}
_PASSWORD = {
    "set": "password set",
    "changed": "password changed",
    "removed": "password removed",
    "rehashed": "password hashed anew",
}


def change_phrases(changes: Changes) -> list[str]:
    """Return what *changes* of a user says, one phrase a field: ``email a@x.org → b@x.org``, ``+staff``."""
    return list(_phrases(changes))


def change_line(username: str, changes: Changes) -> str:
    """Return the change of a user in a line: ``~ ann  email a@x.org → b@x.org, +staff``."""
    return f"~ {username}  {', '.join(change_phrases(changes))}"


def new_line(username: str, email: str, groups: Iterable[str] = ()) -> str:
    """Return a new user in a line: ``+ ann  ann@x.org, +staff``."""
    return f"+ {username}  {', '.join([email, *(f'+{group}' for group in groups)])}"


def group_line(sign: str, name: str, changes: Changes) -> str:
    """Return a change of a group in a line, such as ``+ group staff`` or ``~ group staff  name staff → crew``."""
    shown = {
        field: change
        for field, change in changes.items()
        if sign == "~" or (sign == "+" and field != "name" and change["to"])
    }
    return f"{sign} group {name}  {', '.join(change_phrases(shown))}".rstrip()


def planned_line(event: Event) -> str | None:
    """Return what *event*, which is only planned, does to a user or group in a line; None if it does nothing to one.

    Args:
        event: The event as `event_view` returns it.
    """
    changes = event["data"].get("changes")
    if changes is None:
        return None
    if event["signal"] in _GROUP_SIGNS:
        name = changes.get("name", {}).get("from", event["data"]["group"]["name"])
        return group_line(_GROUP_SIGNS[event["signal"]], name, changes) if changes else None
    if event["subject"] is None:
        return None
    match event["signal"]:
        case "user_registered" | "user_restored":
            return new_line(changes["username"]["to"], changes["email"]["to"], changes["groups"]["added"])
        case "user_deleted":
            return f"- {event['subject']}"
    name = changes.get("username", {}).get("from", event["subject"])
    return change_line(name, changes) if changes else f"= {name}  unchanged"


def sentence(event: Event) -> str:
    """Return what *event* says, such as ``joined admin`` or ``deactivated``, without who did it and when.

    Args:
        event: The event as `event_view` returns it.
    """
    data, name = event["data"], _plain(str(event["signal"]))
    if data is None:
        return f"{_with_reason(name, event['outcome'])} (erased)"
    wording = _SENTENCES.get(event["signal"], name)
    try:
        words = wording(data) if callable(wording) else _with_reason(wording, event["outcome"])
    except (LookupError, TypeError, AttributeError):
        words = _with_reason(name, event["outcome"])  # it was edited, which 'lback events verify' reports
    return f"{words} (undoes event {data['undoes']})" if "undoes" in data else words


def with_present_groups(event: Event, present: Callable[[str, int], str | None]) -> Event:
    """Return *event* with the present names of groups that were renamed since: ``staff (now crew)``.

    Args:
        event: The event as `event_view` returns it.
        present: Returns the present name of the group that had a name at an event, or None if it has none.
    """
    data = event["data"] or {}
    added, removed = group_changes(data)
    if not added and not removed:
        return event

    def named(name: str) -> str:
        now = present(name, event["seq"])
        return name if now is None or now == name else f"{name} (now {now})"

    shown = {"added": list(map(named, added)), "removed": list(map(named, removed))}
    return {**event, "data": {**data, "changes": {**data["changes"], "groups": shown}}}


def listed(event: Event) -> Event:
    """Return *event* as a table shows it: a group or a file is a subject, and erased ones are marked."""
    if event["subject"] is not None:
        return event
    data = event["data"]
    return {**event, "subject": "(erased)" if data is None else data.get("group", data).get("name", data.get("file"))}


def with_repetitions_folded(events: Iterable[Event]) -> Iterator[Event]:
    """Yield *events*, newest first, which have their sentence as ``what``; equal failed logins in a row become one."""
    for repeats, run in groupby(events, key=_failed_login):
        if repeats is None:
            yield from run
            continue
        newest, *others = run
        logins = f"{len(others) + 1} failed logins" if others else "failed login"
        yield {**newest, "what": _with_reason(logins, newest["outcome"])}


def _failed_login(event: Event) -> tuple[Any, ...] | None:
    """Return what equal failed logins share, or None for another event."""
    if event["signal"] != "user_authentication_failed" or event["data"] is None:
        return None
    return event["outcome"], event["actor"]


def _phrases(changes: Changes) -> Iterator[str]:
    for name, change in changes.items():
        if name == "groups":
            yield from (f"+{group}" for group in change["added"])
            yield from (f"-{group}" for group in change["removed"])
        elif name == "password":
            yield _PASSWORD.get(change, f"password {change}")
        elif flag := _FLAGS.get((name, change.get("to"))):
            yield flag
        elif name != "created_at":
            yield f"{name} {_difference(change)}"


def _difference(change: Mapping[str, Any]) -> str:
    return " → ".join(_value(change[side]) for side in ("from", "to") if side in change)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _UNSET if value is None else str(value)


def _with_reason(words: str, outcome: str | None) -> str:
    return words if outcome is None or outcome == OK else f"{words}: {_plain(outcome)}"


def _plain(code: str) -> str:
    """Return a code, such as ``incorrect_password``, as words."""
    return code.replace("_", " ")


def _registered(data: Event) -> str:
    user, changes = data["user"], data.get("changes", {})
    groups = changes.get("groups", {}).get("added", [])
    joined = f", in {', '.join(groups)}" if groups else ""
    return f"registered as {user['username']} with {user['email']}{joined}"


def _restored(data: Event) -> str:
    groups = data["changes"].get("groups", {}).get("added", [])
    return f"restored as {data['user']['username']}" + (f", in {', '.join(groups)}" if groups else "")


def _updated(data: Event) -> str:
    changes = data.get("changes")
    if changes is None:
        return "updated"  # the event of a version that recorded no changes
    groups = changes.get("groups", {"added": [], "removed": []})
    others = {name: change for name, change in changes.items() if name != "groups"}
    phrases = [
        *(phrase.removeprefix("email ") for phrase in _phrases(others)),
        *(f"joined {group}" for group in groups["added"]),
        *(f"left {group}" for group in groups["removed"]),
    ]
    return ", ".join(phrases) or "updated without a change"


def _logged_in(data: Event) -> str:
    return "logged in" if not data.get("changes") else f"logged in, {', '.join(_phrases(data['changes']))}"


def _verified(data: Event) -> str:
    return _with_reason("address verified", data.get("reason"))


def _reset(data: Event) -> str:
    return ", ".join(_phrases(data.get("changes", {}))) or "password reset"


def _group(verb: str) -> Callable[[Event], str]:
    def words(data: Event) -> str:
        members = data.get("members")
        count = f" with {members['count']} member{'' if members['count'] == 1 else 's'}" if members else ""
        renamed = data.get("changes", {}).get("name", {}) if verb == "changed" else {}
        return f"group {data['group']['name']} {verb}{count}" + (f", name {_difference(renamed)}" if renamed else "")

    return words


def _import_started(data: Event) -> str:
    words = f"resumed after row {data['rows_done']}" if data["rows_done"] else "started"
    return f"{_import(data)} {words}"


def _import_finished(data: Event) -> str:
    counts = ", ".join(f"{count} {outcome}" for outcome, count in data["counts"].items() if count) or "no rows"
    state = "finished" if data["state"] == "done" else _plain(data["state"])
    return f"{_import(data)} {state}: {counts}"


def _import(data: Event) -> str:
    """Return what identifies an import to people: the beginning of its job, and the name of its file."""
    return f"import {str(data['job'])[:8]} of {str(data['file']).rpartition('/')[2]}"


def _exported(data: Event) -> str:
    return f"{data['users']} users exported" + (" with password hashes" if data["with_hashes"] else "")


def _adopted(data: Event) -> str:
    return f"database with {data['users']} users adopted"


def _upgraded(data: Event) -> str:
    return f"schema upgraded from {data['from']} to {data['to']}"


_SENTENCES: dict[str, str | Callable[[Event], str]] = {
    "user_registered": _registered,
    "user_registration_failed": "registration failed",
    "user_authenticated": _logged_in,
    "user_authentication_failed": "failed login",
    "user_email_verification_initiated": "verification link issued",
    "user_email_verification_successful": _verified,
    "user_email_verification_failed": "verification failed",
    "user_updated": _updated,
    "user_update_failed": "update failed",
    "user_deleted": "deleted",
    "user_restored": _restored,
    "user_deletion_failed": "deletion failed",
    "password_reset_request_processed": "reset link issued",
    "password_reset_request_failed": "request for a reset link failed",
    "password_reset_successful": _reset,
    "password_reset_failed": "password reset failed",
    "user_unlocked": "unlocked",
    "user_erased": "erased",
    "import_started": _import_started,
    "import_finished": _import_finished,
    "users_exported": _exported,
    "database_adopted": _adopted,
    "schema_upgraded": _upgraded,
    "group_created": _group("created"),
    "group_updated": _group("changed"),
    "group_deleted": _group("deleted"),
}
"""What each event says: words to which the outcome is added, or a function of its data."""
