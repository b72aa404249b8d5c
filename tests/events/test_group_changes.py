"""Of the changes of groups, a user is compared with those that matter."""

import json
from typing import Any

import pytest

from lback_cli.events.group_changes import GroupChanges, names_of_groups
from lback_cli.events.past import Change


def _change(seq: int, name: str, *, old: str | None = None, members: str | None = None) -> Change:
    data: dict[str, Any] = {"changes": {} if old is None else {"name": {"from": old, "to": name}}}
    data["group"] = {"id": 1, "name": name}
    if members is not None:
        data["members"] = {"count": 2, "ids": members}
    return Change(seq, "group_updated", None, json.dumps(data))


CHANGES = GroupChanges(
    [
        _change(1, "staff"),
        _change(2, "admin"),
        _change(3, "team", old="staff"),
        _change(4, "editors", members="7-8"),
        _change(5, "crew", old="team"),
        _change(6, "staff", old="crew"),
        Change(7, "group_deleted", None, None),
    ]
)


@pytest.mark.parametrize(
    ("user_id", "names", "numbers"),
    [
        (1, [], []),
        (1, ["admin"], [2]),
        (1, ["crew"], [1, 3, 5, 6]),
        (1, ["staff", "unknown"], [1, 3, 5, 6]),
        (7, [], [4]),
        (8, ["admin"], [2, 4]),
    ],
)
def test_changes_about_the_groups_of_a_user(user_id: int, names: list[str], numbers: list[int]) -> None:
    assert sorted(change.seq for change in CHANGES.about(user_id, names)) == numbers


def test_changes_before_a_user_began_do_not_matter() -> None:
    assert sorted(change.seq for change in CHANGES.about(7, ["crew"], after=3)) == [4, 5, 6]
    assert CHANGES.about(7, ["crew"], after=CHANGES.last) == []


def test_groups_of_a_user_are_those_joined_or_left() -> None:
    texts = (
        '{"changes":{"groups":{"added":["staff"],"removed":["admin"]}}}',
        '{"changes":{"email":{"from":"a","to":"b"}}}',
        '{"user":{"id":1}}',
        None,
    )
    assert names_of_groups(Change(1, "user_updated", 1, text) for text in texts) == {"staff", "admin"}
