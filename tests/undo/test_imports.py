"""An import can be undone: its new users are deleted and its updates reversed, except what has happened since."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from lback_cli import OperationRejected, signals
from lback_cli.errors import ImportNotFound, ShareExceeded
from lback_cli.events.actor import acting_as
from lback_cli.events.export import event_view
from lback_cli.imports.options import ImportOptions
from lback_cli.managers.event_log import EventLog
from lback_cli.managers.group_manager import GroupManager
from lback_cli.repositories.event_repository import EventQuery
from lback_cli.undo.selection import Request, Selection
from lback_cli.undo.undo import Undo
from tests.imports.harness import PASSWORD, Recorder, World

HEADER = "username,email,groups,is_email_verified\n"
NEW = "".join(f"{name},{name}@example.org,staff,true\n" for name in ("bob", "carl", "dora", "eve"))


class StoppedHereError(Exception):
    """An exception that interrupts an import."""


def stop() -> None:
    raise StoppedHereError


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "world")
    made.users.register_user("ann", "ann@example.org", PASSWORD, verified=True)
    yield made
    made.close()


def imported(world: World, content: str = HEADER + NEW, **options: Any) -> str:
    with acting_as("import"):
        return world.run(world.write(content), ImportOptions(mail="none", **options)).job


def undo(world: World, job: str, **options: Any) -> list[tuple[Any, ...]]:
    """Undo an import as another command does, and return what was done."""
    tool = Undo(world.database, world.services, world.users, GroupManager(world.database, world.services))
    with acting_as("undo"):
        plans = list(tool.run(Request(selection=Selection(import_job=job), **options)))
    return [(plan.subject, part.verdict, part.change, part.reason) for plan in plans for part in plan.parts]


def names(world: World) -> list[str]:
    return [user.username for user in world.users.get_all_users()]


def newest_events(world: World, count: int) -> list[dict[str, Any]]:
    with EventLog(world.database, world.services).select(EventQuery(newest_first=True, limit=count)) as events:
        return [event_view(event) for event in events]


def test_new_users_are_deleted_newest_first_and_their_events_name_what_they_undo(world: World) -> None:
    job = imported(world)
    registered = [event["seq"] for event in newest_events(world, 5)[1:]]
    assert undo(world, job) == [(name, "reversed", "delete", None) for name in ("eve", "dora", "carl", "bob")]
    assert names(world) == ["ann"]
    deletions = newest_events(world, 4)[::-1]
    assert [(event["signal"], event["data"]["undoes"]) for event in deletions] == [
        ("user_deleted", seq) for seq in registered
    ]
    assert deletions[0]["data"]["changes"]["username"] == {"from": "eve"}
    assert undo(world, job) == [
        (name, "done", "delete", "is deleted already") for name in ("eve", "dora", "carl", "bob")
    ]
    world.verify()


def test_users_deleted_at_once_leave_the_events_of_single_deletions(world: World) -> None:
    first = imported(world)
    undo(world, first)
    at_once = [event["data"] for event in newest_events(world, 4)]
    second = imported(world)
    with signals.user_deleted.connected_to(_listen):
        undo(world, second)
    one_by_one = [event["data"] for event in newest_events(world, 4)]

    def comparable(data: dict[str, Any]) -> Any:
        changes = {name: change for name, change in data["changes"].items() if name != "created_at"}
        return sorted(data), changes, data["username"]

    assert [*map(comparable, one_by_one)] == [*map(comparable, at_once)]


def _listen(_sender: Any, **_arguments: Any) -> None:
    """Receive a signal, so that users are not deleted at once."""


def test_users_who_are_active_since_are_kept_unless_they_are_included(world: World) -> None:
    hashed = world.services.hasher.hash(PASSWORD)
    job = imported(
        world,
        "username,email,password_hash,is_email_verified\n"
        + "".join(f'{name},{name}@example.org,"{hashed}",true\n' for name in ("bob", "carl", "dora"))
        + "eve,eve@example.org,,true\n",
    )
    world.users.authenticate_user("bob", PASSWORD)
    world.users.reset_user_password(5, PASSWORD + "!")
    world.users.update_user(4, {"display_name": "Dora"})
    assert undo(world, job) == [
        ("eve", "kept", "delete", "has set a password since"),
        ("dora", "kept", "delete", "display_name changed since"),
        ("carl", "reversed", "delete", None),
        ("bob", "kept", "delete", "has logged in since"),
    ]
    assert names(world) == ["ann", "bob", "dora", "eve"]
    assert undo(world, job, including_active=True)[::3] == [
        ("eve", "reversed", "delete", None),
        ("bob", "reversed", "delete", None),
    ]
    assert names(world) == ["ann", "dora"]


def test_updates_of_an_import_are_reversed_and_what_changed_since_is_kept(world: World) -> None:
    job = imported(world, "username,email,groups\nann,ann@b.example,staff\n", if_exists="update")
    world.users.update_user(1, {"email": "ann@c.example"}, mail="none")
    assert undo(world, job) == [
        ("ann", "kept", "email ann@b.example → ann@example.org", "changed since"),
        ("ann", "reversed", "-staff", None),
    ]
    ann = world.users.get_user_by_id(1)
    assert ann is not None
    assert (ann.email, ann.groups) == ("ann@c.example", ["basic_user"])


def test_an_import_is_all_its_invocations_and_nothing_else(world: World) -> None:
    path = world.write(HEADER + NEW)
    options = ImportOptions(mail="none")
    with acting_as("first"), pytest.raises(StoppedHereError):
        world.run(path, options, watcher=Recorder(at={1: stop}), chunk=2)
    with acting_as("second"):
        world.users.register_user("zoe", "zoe@example.org", PASSWORD)
        job = world.run(path, options, resume=True).job
        world.users.register_user("yan", "yan@example.org", PASSWORD)
    assert [name for name, *_ in undo(world, job)] == ["eve", "dora", "carl", "bob"]
    assert names(world) == ["ann", "zoe", "yan"]
    with pytest.raises(ImportNotFound):
        undo(world, "0" * 32)


def test_an_undone_import_can_be_repeated_and_undone_again(world: World) -> None:
    job = imported(world)
    before = world.people()
    undo(world, job)
    tool = Undo(world.database, world.services, world.users, GroupManager(world.database, world.services))
    deletions = [event["seq"] for event in newest_events(world, 4)]
    with acting_as("redo"):
        plans = list(tool.run(Request(selection=Selection(events=deletions))))
    assert [part.verdict for plan in plans for part in plan.parts] == ["reversed"] * 4
    assert world.people() == before
    assert [event["signal"] for event in newest_events(world, 4)] == ["user_restored"] * 4
    assert {verdict for _, verdict, *_ in undo(world, job)} == {"reversed"}
    assert names(world) == ["ann"]


def test_a_veto_keeps_one_user_and_the_others_are_deleted(world: World) -> None:
    job = imported(world)

    def keep_carl(_sender: Any, user_id: int, **_arguments: Any) -> None:
        if user_id == 3:
            raise OperationRejected("carl stays")

    with signals.user_deletion_started.connected_to(keep_carl):
        done = undo(world, job)
    assert [part for part in done if part[1] != "reversed"] == [("carl", "cannot", "delete", "carl stays")]
    assert names(world) == ["ann", "carl"]
    assert undo(world, job)[2] == ("carl", "reversed", "delete", None)


def test_an_undo_that_takes_away_many_accounts_is_refused(world: World) -> None:
    job = imported(world, HEADER + NEW + "fay,fay@example.org,,true\n")
    tool = Undo(world.database, world.services, world.users, GroupManager(world.database, world.services))
    request = Request(selection=Selection(import_job=job))
    with pytest.raises(ShareExceeded, match="delete or deactivate 5 of 6 users") as refused:
        tool.summary(request, max_share=None)
    assert str(refused.value.hint).endswith("add --max-share 84.")
    assert tool.summary(request, max_share=84).taken == 5


def test_a_user_to_whom_rows_of_an_application_refer_is_not_deleted(world: World) -> None:
    job = imported(world)
    with world.database.session() as session:
        session.execute(text("CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id))"))
        session.execute(text("INSERT INTO orders (user_id) VALUES (3)"))
    done = undo(world, job)
    assert [part[:3] for part in done if part[1] != "reversed"] == [("carl", "cannot", "delete")]
    assert "other rows refer to it" in str(done[2][3])
    assert names(world) == ["ann", "carl"]
    world.verify()
