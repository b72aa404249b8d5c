"""The events that groups leave in the log."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import insert, select

from lback_cli.errors import LbackError
from lback_cli.events.erasure import parse_ranges
from lback_cli.managers.event_log import EventLog
from lback_cli.managers.group_changes import MEMBERS_IN_ONE_EVENT
from lback_cli.models.tables import EVENTS, MEMBERSHIPS, USERS

from .conftest import Office


def events(office: Office) -> list[tuple[str, str, str, Any]]:
    """Return signal, operation, operation id and data of every event."""
    with office.database.reading() as session:
        rows = session.execute(select(EVENTS).order_by(EVENTS.c.seq)).all()
    return [(row.signal, row.operation, row.operation_id, json.loads(row.data)) for row in rows]


def test_creating_and_deleting_a_group_leave_events(office: Office) -> None:
    office.register("ann")
    office.groups.create_group("Staff", description="On the payroll")
    office.users.update_user(1, {"add_groups": ["staff"]})
    office.groups.delete_group("staff")
    created, joined, deleted = events(office)[-3:]
    group = {"id": 2, "name": "staff"}
    changes = {"name": {"to": "staff"}, "description": {"to": "On the payroll"}}
    assert (*created[:2], created[3]) == ("group_created", "create_group", {"group": group, "changes": changes})
    assert joined[3]["changes"] == {"groups": {"added": ["staff"], "removed": []}}
    assert (*deleted[:2], deleted[3]) == (
        "group_deleted",
        "delete_group",
        {
            "group": group,
            "changes": {"name": {"from": "staff"}, "description": {"from": "On the payroll"}},
            "members": {"count": 1, "ids": "1"},
        },
    )


def test_default_group_is_created_by_the_registration_that_needs_it(office: Office) -> None:
    office.register("ann")
    office.register("bob")
    created, first, second = events(office)
    assert (created[0], created[1], created[2]) == ("group_created", "register_user", first[2])
    assert created[3] == {
        "group": {"id": 1, "name": "basic_user"},
        "changes": {"name": {"to": "basic_user"}, "description": {"to": None}},
    }
    assert (first[0], second[0]) == ("user_registered", "user_registered")


@pytest.mark.parametrize(
    "refused",
    [
        lambda office: office.groups.create_group("basic_user"),
        lambda office: office.groups.create_group("a b\0"),
        lambda office: office.groups.delete_group("basic_user"),
        lambda office: office.groups.delete_group("nothing"),
    ],
)
def test_a_refused_change_of_a_group_leaves_no_event(office: Office, refused: Callable[[Office], Any]) -> None:
    office.register("ann")
    before = events(office)
    with pytest.raises(LbackError):
        refused(office)
    assert events(office) == before


def test_a_large_group_is_deleted_in_several_events_of_one_operation(office: Office) -> None:
    count = 2 * MEMBERS_IN_ONE_EVENT + 5
    office.groups.create_group("staff")
    now = office.clock.now
    with office.database.session() as session:
        ids = range(1, 2 * count, 2)
        rows = [
            {
                "id": number,
                "username": f"u{number}",
                "email": f"u{number}@example.org",
                "password": "!",
                "created_at": now,
                "updated_at": now,
            }
            for number in ids
        ]
        session.execute(insert(USERS), rows)
        session.execute(insert(MEMBERSHIPS), [{"user_id": number, "group_id": 1} for number in ids])
    office.groups.delete_group("staff")
    found = events(office)[1:]
    assert [name for name, *_ in found] == ["group_updated", "group_updated", "group_deleted"]
    assert len({operation_id for _, _, operation_id, _ in found}) == 1
    assert [data["members"]["count"] for *_, data in found] == [MEMBERS_IN_ONE_EVENT, MEMBERS_IN_ONE_EVENT, 5]
    listed = [first for *_, data in found for first, last in parse_ranges(data["members"]["ids"]) if first == last]
    assert listed == list(ids)
    assert max(len(json.dumps(data)) for *_, data in found) < 512 * 1024
    EventLog(office.database, office.services).verify()
