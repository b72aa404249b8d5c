"""What the event log says about groups."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lback_cli.events.erasure import format_ranges
from lback_cli.models import Group
from lback_cli.repositories.group_reader import GroupRecord

MEMBERS_IN_ONE_EVENT = 10_000
"""Members whose ids one event holds at most."""


def created(group: Group | GroupRecord, *, undoes: int | None = None) -> dict[str, Any]:
    """Return the data of ``group_created``; *undoes* is the number of the event that this undoes."""
    changes = {"name": {"to": group.name}, "description": {"to": group.description}}
    return _about(group, undoes) | {"changes": changes}


def updated(group: Group, before: Mapping[str, Any], *, undoes: int | None = None) -> dict[str, Any]:
    """Return the data of ``group_updated`` for a change of the values in *before*; *undoes* is as for `created`."""
    changes = {
        name: {"from": value, "to": getattr(group, name)}
        for name, value in before.items()
        if value != getattr(group, name)
    }
    return _about(group, undoes) | {"changes": changes}


def deleted(
    group: Group, member_ids: Sequence[int], *, undoes: int | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the events of a deletion with their data.

    A large group loses its members in ``group_updated`` events before, so that no event becomes too large.

    Args:
        group: The group.
        member_ids: The ids of its members, ascending.
        undoes: As for `created`.
    """
    rest = list(member_ids)
    while len(rest) > MEMBERS_IN_ONE_EVENT:
        leaving, rest = rest[:MEMBERS_IN_ONE_EVENT], rest[MEMBERS_IN_ONE_EVENT:]
        yield "group_updated", _about(group, undoes) | {"changes": {}, "members": _members(leaving)}
    changes = {"name": {"from": group.name}, "description": {"from": group.description}}
    yield "group_deleted", _about(group, undoes) | {"changes": changes, "members": _members(rest)}


def _about(group: Group | GroupRecord, undoes: int | None) -> dict[str, Any]:
    about: dict[str, Any] = {"group": {"id": group.id, "name": group.name}}
    return about if undoes is None else about | {"undoes": undoes}


def _members(ids: Sequence[int]) -> dict[str, Any]:
    """Return how many members left, and their ids in a short form."""
    return {"count": len(ids), "ids": format_ranges(ids)}
