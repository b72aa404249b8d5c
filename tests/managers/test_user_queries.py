"""The lookups of `UserManager`."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from lback_cli import signals
from lback_cli.errors import GroupNotFound, ValidationError

Office = Any


@pytest.fixture
def three(office: Office) -> Office:
    """An office with ann (1), bob (2, in staff, inactive) and cat (3, verified)."""
    office.groups.create_group("staff")
    office.register("ann", attributes={"external_id": "4711"})
    office.register("bob", groups=["staff"], active=False)
    office.register("cat", "cat@example.net", verified=True)
    return office


def test_users_are_found_by_id_name_and_address_without_a_signal(three: Office) -> None:
    sent: list[str] = []

    def record(sender: Any, delivery: Any, **_: Any) -> None:  # noqa: ARG001 - blinker passes it by name
        sent.append(delivery.spec.name)

    with signals.delivered.connected_to(record):
        found = [
            three.users.get_user_by_id(1),
            three.users.get_user_by_username("ANN"),
            three.users.get_user_by_email("Ann@Example.ORG"),
        ]
        assert [(user.id, user.username, user.attributes) for user in found] == [
            (1, "ann", {"external_id": "4711"})
        ] * 3
        for lookup, unknown in (
            (three.users.get_user_by_id, 0),
            (three.users.get_user_by_id, 4),
            (three.users.get_user_by_username, "ann@example.org"),
            (three.users.get_user_by_username, "id:1"),
            (three.users.get_user_by_email, "ann"),
            (three.users.get_user_by_email, "\0"),
        ):
            assert lookup(unknown) is None
    assert sent == []


@pytest.mark.parametrize(
    ("conditions", "names"),
    [
        ({}, "ann bob cat"),
        ({"search": "EXAMPLE.org"}, "ann bob"),
        ({"group": "STAFF"}, "bob"),
        ({"is_active": False}, "bob"),
        ({"is_email_verified": True}, "cat"),
        ({"is_active": True, "is_email_verified": False}, "ann"),
        ({"attributes": {"external_id": "4711"}}, "ann"),
        ({"attributes": {"external_id": "4712"}}, ""),
        ({"sort": "email", "limit": 2}, "ann bob"),
        ({"limit": 0}, ""),
    ],
)
def test_search_returns_the_users_that_match_all_conditions(
    three: Office, conditions: dict[str, Any], names: str
) -> None:
    assert [user.username for user in three.users.search_users(**conditions)] == names.split()


def test_search_refuses_what_no_user_can_match(three: Office) -> None:
    with pytest.raises(GroupNotFound):
        three.users.search_users(group="nobody")
    for invalid in ({"attributes": {"phone": "1"}}, {"attributes": {"external_id": ""}}, {"search": "\0"}):
        with pytest.raises(ValidationError):
            three.users.search_users(**invalid)


def test_lookups_read_in_the_callers_transaction(three: Office) -> None:
    with Session(three.database.engine) as session, session.begin():
        three.users.register_user("dan", "dan@example.org", "quiet-harbor-lantern-47", session=session)
        assert [user.username for user in three.users.get_all_users(session=session)] == ["ann", "bob", "cat", "dan"]
        dan = three.users.get_user_by_username("dan", session=session)
        assert dan == three.users.get_user_by_email("dan@example.org", session=session)
        assert dan == three.users.get_user_by_id(4, session=session)
        session.rollback()
    assert three.users.get_user_by_username("dan") is None
