"""What cannot be known of a moment is marked, and a moment that the log does not reach is refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from lback_cli.errors import GroupNotFound, Refused, UserNotFound
from lback_cli.events.moment import Moment
from lback_cli.events.past import PastUser
from lback_cli.events.record import administrative_event
from lback_cli.managers.past import Past
from lback_cli.repositories.event_repository import EventRepository
from lback_cli.repositories.user_query import UserQuery
from lback_cli.text.times import timestamp, utc_now

from .random_history import WideInstallation


@pytest.fixture
def made(tmp_path: Path) -> Iterator[WideInstallation]:
    installation = WideInstallation(f"sqlite:///{tmp_path}/users.db", tmp_path)
    installation.groups.create_group("staff")
    installation.register("ann", groups=["staff"], attributes={"phone": "1"})
    yield installation
    installation.database.dispose()


def now(made: WideInstallation) -> int:
    return made.log.checkpoint().seq


def past(made: WideInstallation, seq: int) -> Past:
    return Past(made.database, made.services, Moment(f"event:{seq}", event=seq))


def user(made: WideInstallation, seq: int, identifier: str = "id:1") -> PastUser:
    return past(made, seq).find_user(identifier)


def execute(made: WideInstallation, statement: str) -> None:
    """Change the database as an application does, without lback."""
    with made.database.session() as session:
        session.execute(text(statement))


def test_a_row_that_does_not_continue_its_newest_event_is_marked(made: WideInstallation) -> None:
    start = now(made)
    execute(made, "UPDATE users SET email = 'x@example.org' WHERE id = 1")
    execute(made, "DELETE FROM user_groups_association WHERE group_id = 1")
    found = user(made, start)
    assert found.values is not None
    assert found.values["email"] == "x@example.org"
    assert found.marks == {"email": "changed outside lback", "groups": "changed outside lback"}


def test_a_membership_of_which_no_event_says_anything_is_marked(made: WideInstallation) -> None:
    made.groups.create_group("guests")
    made.register("bob")
    start = now(made)
    execute(made, "INSERT INTO user_groups_association SELECT 2, id FROM groups WHERE name = 'guests'")
    assert user(made, start, "bob").marks == {"groups": "changed outside lback"}


def test_an_event_that_does_not_continue_the_one_before_is_marked(made: WideInstallation) -> None:
    start = now(made)
    made.users.update_user(1, {"phone": "2", "display_name": "Ann"})
    execute(made, "UPDATE lback_user_attributes SET value = '\"3\"' WHERE name = 'phone'")
    between = now(made)
    made.users.update_user(1, {"phone": "4"})
    for seq, phone in ((start, "1"), (between, "3")):
        found = user(made, seq)
        assert found.values is not None
        assert (found.values["phone"], found.marks) == (phone, {"phone": "changed outside lback"})
    assert user(made, now(made)).marks == {}


@pytest.mark.parametrize("action", ["add_groups", "remove_groups"])
def test_a_membership_that_contradicts_a_later_event_is_marked(made: WideInstallation, action: str) -> None:
    if action == "add_groups":
        made.users.update_user(1, {"remove_groups": ["staff"]})
    start = now(made)
    made.users.update_user(1, {action: ["staff"]})
    insert = "INSERT INTO user_groups_association (user_id, group_id) SELECT 1, id FROM groups WHERE name = 'staff'"
    delete = "DELETE FROM user_groups_association WHERE group_id = (SELECT id FROM groups WHERE name = 'staff')"
    assert user(made, start).marks == {}
    execute(made, delete if action == "add_groups" else insert)
    found = user(made, start)
    assert found.values is not None
    assert ("staff" in found.values["groups"]) == (action == "remove_groups")
    assert found.marks == {"groups": "changed outside lback"}


def test_users_whom_an_application_creates_and_deletes_itself(made: WideInstallation) -> None:
    start = now(made)
    moment = timestamp(utc_now())[:26].replace("T", " ")
    execute(
        made,
        "INSERT INTO users (id, username, email, password, is_active, is_email_verified, created_at, updated_at)"
        f" VALUES (2, 'bob', 'bob@example.org', '!', 1, 1, '{moment}', '{moment}')",
    )
    made.users.update_user(2, {"phone": "7"})
    with pytest.raises(UserNotFound):
        user(made, start, "bob")
    assert user(made, now(made), "bob").marks == {}
    for table in ("user_groups_association", "users"):
        execute(made, f"DELETE FROM {table} WHERE {'user_id' if table != 'users' else 'id'} = 1")
    gone = user(made, start)
    assert gone.values is not None
    assert (gone.values["username"], sorted(gone.values["groups"])) == ("ann", ["basic_user", "staff"])
    assert gone.marks == {"user": "deleted outside lback"}


def test_what_an_erased_event_may_have_changed_is_marked_unless_earlier_events_say_it(made: WideInstallation) -> None:
    start = now(made)
    made.users.update_user(1, {"display_name": "a friend of bob"})
    erased = now(made)
    made.users.update_user(1, {"display_name": "Ann", "phone": "2"})
    execute(made, f"UPDATE lback_events SET data = NULL, subject = NULL, salt = NULL WHERE seq = {erased}")
    found = user(made, start)
    assert found.values is not None
    assert (found.values["display_name"], found.values["phone"], found.marks) == (None, "1", {})
    # Without the registration, nothing says what the erased event changed, but for what a later event continues.
    execute(made, f"UPDATE lback_events SET data = NULL WHERE seq = {start}")
    execute(made, f"UPDATE lback_events SET signal = 'user_authenticated' WHERE seq = {start}")
    marks = user(made, start).marks
    assert marks.pop("username") == f"event {erased} was erased"
    assert {"groups", "phone", "display_name"} <= marks.keys()


def test_what_an_erased_event_before_the_moment_changed_is_as_today(made: WideInstallation) -> None:
    made.users.update_user(1, {"display_name": "a friend of bob"})
    erased = now(made)
    execute(made, f"UPDATE lback_events SET data = NULL, subject = NULL, salt = NULL WHERE seq = {erased}")
    made.users.update_user(1, {"phone": "2"})
    found = user(made, erased)
    assert found.values is not None
    assert (found.values["display_name"], found.values["phone"], found.marks) == ("a friend of bob", "1", {})


def test_people_who_were_erased_are_counted_and_not_found(made: WideInstallation) -> None:
    made.register("bob")
    start = now(made)
    made.log.erase_user("bob", made.users)
    with past(made, start).select_users(UserQuery()) as listing:
        assert [(found.id, found.is_erased) for found in listing] == [(1, False), (2, True)]
    assert listing.erased == [2]
    with past(made, start).select_users(UserQuery(is_active=True)) as listing:
        assert [found.id for found in listing] == [1]
    assert listing.erased == [2]
    with pytest.raises(UserNotFound, match="existed at event:4, and was erased since"):
        user(made, start, "id:2")


def test_members_follow_their_group_through_names_and_deletion(made: WideInstallation) -> None:
    start = now(made)
    made.groups.rename_group("staff", "crew")
    made.groups.delete_group("crew")
    made.groups.create_group("staff")
    with past(made, start).select_users(UserQuery(groups=["staff"])) as listing:
        assert [(found.id, found.marks) for found in listing] == [(1, {})]
    group, members, _ = past(made, start).find_group("staff")
    assert (group.id, group.description, members, group.marks) == (1, None, 1, {})
    with pytest.raises(GroupNotFound):
        past(made, start).find_group("crew")
    execute(made, "UPDATE groups SET name = 'band' WHERE name = 'staff'")
    assert past(made, now(made)).find_group("band")[0].marks == {"name": "changed outside lback"}


def test_a_name_means_who_had_it_then(made: WideInstallation) -> None:
    made.users.update_user(1, {"username": "anna"})
    renamed = now(made)
    made.register("ann", email="other@example.org")
    assert user(made, renamed - 1, "ann").id == 1
    assert user(made, renamed - 1, "anna").id == 1, "as nobody had that name, the one who has it today is meant"
    assert user(made, now(made), "ann").id == 2
    made.users.delete_user(1)
    assert user(made, renamed, "ann@example.org").id == 1


def test_moments_out_of_reach_are_refused_with_the_range(made: WideInstallation) -> None:
    with pytest.raises(Refused) as refused:
        user(made, 99)
    assert refused.value.hint == "It reaches from the first event to now (event:3)."
    with pytest.raises(Refused):
        Past(made.database, made.services, Moment.parse("2999-01-01", utc_now())).find_user("ann")
    made.users.update_user(1, {"phone": "2"})
    execute(made, """UPDATE lback_events SET data = '{"user": {"id": 1}}' WHERE seq = 4""")
    for look in (lambda: user(made, 3), lambda: list_users(made, 3)):
        with pytest.raises(Refused) as refused:
            look()
        assert str(refused.value.hint).startswith("It reaches from event:4 (2")
    assert user(made, 4).marks == {}


@pytest.mark.parametrize(
    ("name", "data", "begins"),
    [
        ("database_adopted", {"revision": "0006", "users": 1}, True),
        ("schema_upgraded", {"from": "0005", "to": "0006"}, True),
        ("schema_upgraded", {"from": "0006", "to": "0007"}, False),
    ],
)
def test_an_adoption_and_an_upgrade_of_old_tables_are_where_the_log_begins(
    made: WideInstallation, name: str, data: dict[str, Any], begins: bool
) -> None:
    before = now(made)
    with made.database.session() as session:
        EventRepository(session).append([administrative_event(name, "upgrade_schema", data)])
    assert user(made, now(made)).marks == {}
    if begins:
        with pytest.raises(Refused, match="does not say what was at event:3"):
            user(made, before)
    else:
        assert user(made, before).marks == {}


def list_users(made: WideInstallation, seq: int) -> list[PastUser]:
    with past(made, seq).select_users(UserQuery()) as listing:
        return list(listing)


def test_one_user_among_many_is_found_by_indexes(made: WideInstallation) -> None:
    made.groups.rename_group("staff", "crew")
    with explained(made) as plans:
        user(made, 3, "ann")
        user(made, 3, "id:1")
    assert plans
    scanned = [plan for plan in plans if "SCAN lback_events" in plan and "USING COVERING INDEX" not in plan]
    assert not scanned, "\n".join(scanned)


@contextmanager
def explained(made: WideInstallation) -> Iterator[list[str]]:
    """Collect how SQLite carries out the queries of the block on events."""
    plans: list[str] = []

    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "lback_events" in statement and not statement.startswith("EXPLAIN"):
            rows = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            plans.append(f"{statement}: {'; '.join(row[-1] for row in rows)}")

    event.listen(made.database.engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(made.database.engine, "before_cursor_execute", explain)
