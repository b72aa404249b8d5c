"""Each membership is granted by the event in which it began."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from lback_cli.errors import BrokenEventLog
from lback_cli.events.grants import GroupTimeline, MembershipEvent, grants_of, group_changes, group_changes_in
from lback_cli.events.hash_chain import canonical
from lback_cli.events.moment import Moment
from lback_cli.events.past import Change
from lback_cli.managers.access import Access, AccessListing
from lback_cli.models.tables import GROUPS, MEMBERSHIPS, USERS
from lback_cli.repositories.snapshot import snapshot

from .random_history import RandomHistory, WideInstallation

STEPS = 150

Membership = tuple[int, Any, int, Any]


def _memberships(installation: WideInstallation) -> dict[Membership, tuple[int, str]]:
    """Return the id of the user and the name of the group, by what identifies the two even if ids are reused."""
    columns = (USERS.c.id, USERS.c.created_at, GROUPS.c.id, GROUPS.c.created_at, GROUPS.c.name)
    statement = select(*columns).select_from(MEMBERSHIPS.join(USERS).join(GROUPS))
    with installation.database.read_connection() as connection:
        return {tuple(row[:4]): (row[0], row[4]) for row in connection.execute(statement)}


def _access(installation: WideInstallation, moment: Moment | None = None) -> list[Access]:
    with snapshot(installation.database) as found:
        return list(AccessListing(found, installation.services, moment=moment))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_event_of_a_membership_is_the_one_in_which_it_began(
    kind: str, seed: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place: AbstractContextManager[str] = nullcontext(f"sqlite:///{tmp_path}/lback.db")
    if kind != "sqlite":
        database_on: Callable[..., AbstractContextManager[str]] = request.getfixturevalue("database_on")
        place = database_on(kind)
    with place as url:
        installation = WideInstallation(url, tmp_path)
        try:
            history = RandomHistory(installation, seed)
            began: dict[Membership, tuple[int, int]] = {}
            past: dict[int, list[Access]] = {}
            before, last = 0, 0
            for step in range(STEPS):
                history.step()
                before, last = last, installation.log.checkpoint().seq
                today = _memberships(installation)
                began = {key: began.get(key, (before, last)) for key in today}
                if step % 30 == 20:
                    past[last] = _access(installation)
            found = {(row.id, row.group): row for row in _access(installation) if row.group is not None}
            assert found.keys() == set(today.values())
            assert found
            erased = installation.incomplete()
            for key, named in today.items():
                event = found[named].event
                first, until = began[key]
                assert (event is None and named[0] in erased) or first < (event or 0) <= until, found[named]
            for seq, rows in past.items():
                then = {(row.id, row.group): row for row in _access(installation, Moment("then", event=seq))}
                for row in rows:
                    if row.id not in erased:
                        assert _granted(then[row.id, row.group]) == _granted(row)
        finally:
            installation.database.dispose()


def _granted(row: Access) -> tuple[Any, ...]:
    return row.username, row.is_active, row.since, row.granted_by, row.event


def _change(seq: int, signal: str, name: str, **changes: str) -> Change:
    changed = f'{{"name":{{"from":"{changes["old"]}","to":"{name}"}}}}' if changes else "{}"
    return Change(seq, signal, None, f'{{"changes":{changed},"group":{{"id":1,"name":"{name}"}}}}')


def _joined(seq: int, *added: str, removed: str = "", signal: str = "user_updated") -> MembershipEvent:
    names = ",".join(f'"{name}"' for name in added)
    gone = f'"{removed}"' if removed else ""
    text = f'{{"changes":{{"groups":{{"added":[{names}],"removed":[{gone}]}}}}}}'
    return MembershipEvent(seq, f"time {seq}", "ann", signal, 7, text)


@pytest.mark.parametrize(
    ("changes", "events", "granted"),
    [
        ([], [_joined(3, "staff")], 3),
        ([], [_joined(3, "staff"), _joined(5, removed="staff")], None),
        ([], [_joined(3, "staff"), _joined(5, removed="staff"), _joined(8, "staff")], 8),
        ([], [_joined(3, "staff"), _joined(5, signal="user_deleted", removed="staff")], None),
        # A group is renamed, and another one gets its name.
        ([_change(6, "group_updated", "staff", old="team")], [_joined(3, "team"), _joined(4, "staff")], 3),
        # A group is deleted, and another one with the same name is created.
        ([_change(5, "group_deleted", "staff"), _change(6, "group_created", "staff")], [_joined(3, "staff")], None),
        # The event of a group that is made on demand follows that of its first member.
        ([_change(4, "group_created", "staff")], [_joined(3, "staff", signal="user_registered")], 3),
        # What the event says cannot be read.
        ([Change(2, "group_updated", None, "{damaged")], [_joined(3, "staff")._replace(text="{damaged")], None),
    ],
)
def test_grant_follows_names_of_groups(
    changes: list[Change], events: list[MembershipEvent], granted: int | None
) -> None:
    timeline = GroupTimeline(changes)
    damaged: set[int] = set()
    found = grants_of(events, timeline, damaged).get(timeline.now("staff"))
    assert (found.seq if found else None) == granted
    assert damaged == {event.seq for event in events if event.text == "{damaged"}


@pytest.mark.parametrize(
    ("data", "joined", "left"),
    [
        ({"changes": {"groups": {"added": ["a", "b"], "removed": ["c"]}, "x": {"to": 'y"'}}}, ["a", "b"], ["c"]),
        ({"changes": {"x": {"to": '"groups":{"added":["root"]'}}, "user": {"x": '"groups":{"added":['}}, [], []),
        ({"changes": {"a": {"groups": {"added": ["root"]}}, "groups": {"added": ["a"], "removed": []}}}, ["a"], []),
        ({"changes": {}, "groups": {"added": "root"}}, [], []),
        ({"arguments": {"groups": {"added": ["root"], "removed": []}}}, [], []),
        ({"changes": {"groups": {"added": ["\\", '"', 7], "removed": None}}}, ["\\", '"'], []),
    ],
)
def test_groups_of_an_event_are_those_of_its_changes(data: dict[str, Any], joined: list[str], left: list[str]) -> None:
    text = canonical(data)
    assert group_changes_in(7, text) == group_changes(data)
    assert tuple(map(list, group_changes_in(7, text))) == (joined, left)


@pytest.mark.parametrize("text", ["{damaged", "[]", '{"changes":{"groups":{"added":["a"', '{"changes":{"groups":'])
def test_event_whose_groups_cannot_be_read_is_damaged(text: str) -> None:
    with pytest.raises(BrokenEventLog):
        group_changes_in(7, text)


def test_a_group_has_its_names_in_their_periods() -> None:
    timeline = GroupTimeline(
        [
            _change(2, "group_created", "staff"),
            _change(5, "group_updated", "team", old="staff"),
            _change(7, "group_updated", "crew", old="team"),
            _change(8, "group_created", "staff"),
            Change(9, "group_updated", None, '{"group": 7}'),
        ]
    )
    assert timeline.other_names("crew") == [("staff", 2, 5), ("team", 5, 7)]
    assert timeline.other_names("staff") == timeline.other_names("nosuch") == []
    assert [timeline.present_name("staff", seq) for seq in (3, 6, 9)] == ["crew", "staff", "staff"]
    assert timeline.present_name("team", 6) == "crew"
