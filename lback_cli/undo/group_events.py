"""What undoing an event of a group does."""

from collections.abc import Mapping
from typing import Any

from lback_cli.events.past import Change, members
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_lookup import group_name_variants
from lback_cli.undo.state import NEVER, GroupState, State
from lback_cli.undo.verdicts import EventPlan, Part, shown


class GroupEvents:
    """Plans how to undo events of groups."""

    def __init__(self, state: State, services: Dependencies) -> None:
        self._state = state
        settings = services.settings.users
        self._default = group_name_variants(services, settings.default_group)
        self._configured = (*self._default, *group_name_variants(services, settings.admin_group))

    def plan(self, change: Change) -> EventPlan:
        """Return what undoing *change* does, and apply that to the state."""
        data = change.data
        if data is None:
            part = Part("group", "cannot", "undo", "the event was erased")
            return EventPlan(change.seq, change.signal, None, None, [part])
        about = data["group"]
        plan = EventPlan(change.seq, change.signal, about["id"], about["name"])
        undone = self._state.group_undoer(change.seq)
        if undone is not None and change.signal != "group_deleted":
            plan.parts.append(Part("group", "done", "undo", "is undone already", undone))
        elif change.signal == "group_created":
            self._plan_deletion(plan, data["changes"])
        elif change.signal == "group_deleted":
            self._plan_creation(plan, data)
        elif "name" in data["changes"]:
            self._plan_renaming(plan, data["changes"]["name"])
        elif "description" in data["changes"]:
            self._plan_description(plan, data["changes"]["description"])
        elif members(data):
            self._plan_members(plan, data, self._state.group_since(about["name"], change.seq))
        return plan

    def _plan_deletion(self, plan: EventPlan, changes: Mapping[str, Any]) -> None:
        group = self._state.group_since(plan.subject or "", plan.seq)
        if group is None or plan.subject in self._default:
            reason = "is deleted already" if group is None else "every new user joins it"
            plan.parts.append(Part("group", "done", "delete the group", reason, self._last(plan)))
        elif (group.name, group.description) != (changes["name"]["to"], changes["description"]["to"]):
            plan.parts.append(Part("group", "kept", "delete the group", "changed since", self._last(plan)))
        elif count := self._state.size(group.id):
            reason = "has 1 member" if count == 1 else f"has {count} members"
            plan.parts.append(Part("group", "kept", "delete the group", reason))
        else:
            plan.parts.append(Part("group", "reversed", "delete the group"))
            plan.action, plan.data = "delete_group", {"name": group.name}
            self._state.remove_group(group, plan.seq)

    def _plan_creation(self, plan: EventPlan, data: Mapping[str, Any]) -> None:
        name = data["changes"]["name"]["from"]
        group = self._state.group_since(name, plan.seq)
        if (undone := self._state.group_undoer(plan.seq)) is not None:
            plan.parts.append(Part("group", "done", "create the group", "is created already", undone))
        elif self._state.group_named(name) is not None:
            plan.parts.append(Part("group", "cannot", "create the group", "another group has the name"))
            return
        else:
            plan.parts.append(Part("group", "reversed", "create the group"))
            group = self._state.add_group(name, data["changes"]["description"]["from"], plan.seq)
            plan.action = "create_group"
            plan.data = {"name": name, "description": data["changes"]["description"]["from"]}
        self._plan_members(plan, data, group)

    def _plan_members(self, plan: EventPlan, data: Mapping[str, Any], group: GroupState | None) -> None:
        if group is None and self._state.group_undoer(plan.seq) is not None:
            return  # the group was deleted again
        ids = [user_id for first, last in members(data) for user_id in range(first, last + 1)]
        if not ids:
            return
        if group is None:
            plan.parts.append(Part("members", "cannot", _members(len(ids)), "the group is gone"))
            return
        self._state.load(ids)
        gone = joining = 0
        joined: list[int] = []
        for user_id in ids:
            values = self._state.user(user_id).values
            if values is None:
                gone += 1
            elif group.id in values["groups"] or self._state.undoer(self._state.user(user_id), plan.seq, "groups"):
                joining += 1
            else:
                joined.append(user_id)
                self._state.note_undo(user_id, plan.seq, (), added=[group.name])
                self._state.set_user(user_id, {**values, "groups": {*values["groups"], group.id}})
        if joined:
            plan.parts.append(Part("members", "reversed", _members(len(joined))))
            plan.action = plan.action if plan.action != "none" else "add_members"
            plan.data = {"name": group.name, **plan.data, "members": joined}
        if joining:
            plan.parts.append(Part("members", "done", _members(joining), "have joined already"))
        if gone:
            plan.parts.append(Part("members", "cannot", _members(gone), "are deleted"))

    def _plan_renaming(self, plan: EventPlan, change: Mapping[str, Any]) -> None:
        group, phrase = self._state.group_since(change["to"], plan.seq), f"name {change['to']} → {change['from']}"
        if group is None:
            plan.parts.append(Part("name", "kept", phrase, "deleted since", self._last(plan)))
        elif group.name == change["from"]:
            plan.parts.append(Part("name", "done", phrase, "is so already", self._last(plan)))
        elif group.name != change["to"]:
            plan.parts.append(Part("name", "kept", phrase, "changed since", self._last(plan)))
        elif self._state.group_named(change["from"]) is not None:
            plan.parts.append(Part("name", "cannot", phrase, "another group has the name"))
        elif group.name in self._configured:
            plan.parts.append(Part("name", "cannot", phrase, "the configuration names the group"))
        else:
            plan.parts.append(Part("name", "reversed", phrase))
            plan.action, plan.data = "rename_group", {"name": group.name, "to": change["from"]}
            self._state.rename_group(group, change["from"], plan.seq)

    def _plan_description(self, plan: EventPlan, change: Mapping[str, Any]) -> None:
        group = self._state.group_since(plan.subject or "", plan.seq)
        phrase = f"description {shown(change['to'])} → {shown(change['from'])}"
        if group is None:
            plan.parts.append(Part("description", "kept", phrase, "deleted since", self._last(plan)))
        elif group.description == change["from"]:
            plan.parts.append(Part("description", "done", phrase, "is so already", self._last(plan)))
        elif group.description != change["to"]:
            plan.parts.append(Part("description", "kept", phrase, "changed since", self._last(plan)))
        else:
            plan.parts.append(Part("description", "reversed", phrase))
            plan.action = "describe_group"
            plan.data = {"name": group.name, "description": change["from"] or ""}
            self._state.describe_group(group, change["from"], plan.seq)

    def _last(self, plan: EventPlan) -> int | None:
        """Return the number of the last event of the group after the one to undo."""
        for later in self._state.group_changes[::-1]:
            is_same = later.data["group"]["id"] == plan.id or later.data.get("undoes") == plan.seq
            if plan.seq < later.seq < NEVER and is_same:
                return later.seq
        return None


def _members(count: int) -> str:
    return "+1 member" if count == 1 else f"+{count} members"
