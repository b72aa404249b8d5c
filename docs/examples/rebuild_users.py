"""Rebuild the users from an exported event log alone: python rebuild_users.py events.jsonl"""

import json
import sys
from pathlib import Path


def apply(users, event):
    """Apply an event, with its signal, subject_id and data, to *users*, which has the attributes of users by id."""
    data = event["data"] or {}
    changes = data.get("changes", {})
    if event["signal"] in {"user_deleted", "user_erased"}:
        users.pop(event["subject_id"], None)
    elif event["signal"].startswith("group_"):
        apply_to_members(users, event["signal"], data, changes)
    elif changes:
        user = users.setdefault(event["subject_id"], {"groups": []})
        groups = changes.get("groups", {"added": [], "removed": []})
        user["groups"] = sorted({*user["groups"], *groups["added"]} - {*groups["removed"]})
        user |= {name: change["to"] for name, change in changes.items() if name not in {"groups", "password"}}


def apply_to_members(users, signal, data, changes):
    """Apply the event of a group to its members: a new name, or the end of memberships."""
    old = changes.get("name", {}).get("from", data.get("group", {}).get("name"))
    leaving = members(data.get("members", {}).get("ids", ""))
    for user_id, user in users.items():
        if old in user["groups"]:
            gone = signal == "group_deleted" or user_id in leaving
            names = set() if gone else {changes.get("name", {}).get("to", old)}
            user["groups"] = sorted({*user["groups"]} - {old} | names)


def members(ranges):
    """Return the ids in text such as "3-5,9"."""
    pairs = [part.partition("-") for part in ranges.split(",") if part]
    return {user_id for first, _, last in pairs for user_id in range(int(first), int(last or first) + 1)}


if __name__ == "__main__":
    found = {}
    with Path(sys.argv[1]).open(encoding="utf-8") as lines:
        for line in lines:
            apply(found, json.loads(line))
    for user_id, user in sorted(found.items()):
        print(json.dumps({"id": user_id, **user}))
