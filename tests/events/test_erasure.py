"""Erasure: the person is gone from log and file, everybody else stays, and the log verifies."""

import contextlib
import json
import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lback_cli import signals
from lback_cli.errors import LbackError, UserNotFound
from lback_cli.events.erasure import format_ranges, mentions_any, names_of_subject, parse_ranges
from lback_cli.managers.event_log import verify_lines

from .harness import NEW_PASSWORD, PASSWORD, World, receiving
from .reference_verifier import problem
from .tampering import lines_of

CANARIES = ("zanzibar", "quetzalcoatl", "mountebank")
"""Parts of the person's names and addresses, which nothing else has."""


def _lead_a_life(world: World) -> None:
    """Everything that may name the person: by old and new names and addresses, in events about others too."""
    users = world.users
    bob = world.register("bob").id
    alice = users.register_user("Zanzibar", "Zanzibar@example.org", PASSWORD).id

    def attempt(operation: Any, *arguments: Any, **options: Any) -> None:
        with contextlib.suppress(LbackError):
            operation(*arguments, **options)

    attempt(users.verify_user_email, world.token())
    attempt(users.authenticate_user, "ZANZIBAR", PASSWORD)
    attempt(users.authenticate_user, "zanzibar@Example.org", "wrong")
    attempt(users.update_user, bob, {"username": "zanzibar"})
    attempt(users.update_user, bob, {"email": "Zanzibar@example.org"})
    attempt(users.register_user, "zanzibar", "x@example.org", PASSWORD)
    attempt(users.register_user, "xenia", "ZANZIBAR@example.org", PASSWORD)
    attempt(users.update_user, alice, {"username": "Quetzalcoatl", "email": "mountebank@example.org"})
    attempt(users.register_user, "quetzalcoatl", "y@example.org", PASSWORD)
    attempt(users.reset_password_request, "mountebank@example.org")
    attempt(users.reset_password, world.token(), NEW_PASSWORD)
    with receiving(signals.user_updated, RuntimeError("no mailbox (quetzalcoatl) for <Mountebank@example.org>!")):
        attempt(users.update_user, bob, {"is_active": True})
    attempt(users.reset_password_request, "zanzibar@example.org")
    attempt(users.delete_user, 99)
    attempt(users.authenticate_user, "bob", PASSWORD)


@pytest.mark.parametrize("identifier", ["quetzalcoatl", "MOUNTEBANK@example.org", "id:2"])
@pytest.mark.parametrize("deleted_before", [False, True], ids=["still there", "deleted before"])
def test_nothing_of_the_person_remains_and_everybody_else_does(
    world: World, identifier: str, deleted_before: bool
) -> None:
    _lead_a_life(world)
    if deleted_before:
        world.users.delete_user(2)
    before = world.rows()
    erasure = world.log.erase_user(identifier, world.users)
    after = world.rows()

    assert (erasure.user_id, erasure.scrubbed) == (2, True)
    assert not any(canary in json.dumps(after).lower() for canary in CANARIES)
    for path in world.directory.glob("lback.db*"):
        raw = path.read_bytes().lower()
        assert not any(canary.encode() in raw for canary in CANARIES), path

    kept = [row for row in before if not any(canary in json.dumps(row).lower() for canary in CANARIES)]
    assert {row["seq"] for row in kept} == {row["seq"] for row in after if row["data"]} - {after[-1]["seq"]}
    assert [row for row in after if row["seq"] in {row["seq"] for row in kept}] == kept
    assert any(row["subject"] == "bob" for row in kept)
    erased = [row for row in after if row["data"] is None]
    originals = {row["seq"]: row for row in before}
    for row in erased:
        if row["seq"] in originals:
            assert row == {**originals[row["seq"]], "subject": None, "data": None, "salt": None}
    assert json.loads(after[-1]["data"]) == {"user_id": 2, "events": format_ranges([row["seq"] for row in erased])}

    verdict = world.log.verify()
    assert (verdict.events, verdict.erased) == (len(after), erasure.events)
    lines = lines_of(world.export())
    assert verify_lines(lines) == verdict
    assert problem(lines) is None
    assert [row["username"] for row in _users(world)] == ["bob"]


def test_somebody_who_has_the_name_later_keeps_all_events(world: World) -> None:
    world.register("alice")
    world.users.delete_user(1)
    world.register("alice", email="second@example.org")
    world.users.authenticate_user("alice", PASSWORD)
    world.log.erase_user("id:1", world.users)
    assert [(row["seq"], row["subject"]) for row in world.rows()] == [
        (1, None),
        (2, None),
        (3, "alice"),
        (4, "alice"),
        (5, None),
    ]
    assert world.users.authenticate_user("alice", PASSWORD).email == "second@example.org"
    world.log.verify()


def test_erasing_again_finds_nobody_by_name_and_nothing_by_id(world: World) -> None:
    world.register("alice")
    assert world.log.erase_user("alice", world.users).events == 2
    with pytest.raises(UserNotFound):
        world.log.erase_user("alice", world.users)
    assert world.log.erase_user("id:1", world.users).events == 0
    with pytest.raises(UserNotFound):
        world.log.erase_user("id:2", world.users)
    world.log.verify()


def test_one_who_only_tried_can_be_erased_too(world: World) -> None:
    for name in ("Mallory", "mallory"):
        with contextlib.suppress(LbackError):
            world.users.authenticate_user(name, PASSWORD)
    assert world.log.erase_user("Mallory", world.users).events == 2
    assert "allory" not in json.dumps(world.rows())
    world.log.verify()


def test_a_name_that_is_a_pattern_or_a_common_word_erases_no_more_than_it_names(world: World) -> None:
    world.register("user")
    world.register("bob")
    with contextlib.suppress(LbackError):
        world.register("bob")  # The user name 'bob' is taken.
    for pattern in ("%", "_ob", "b%"):
        with pytest.raises(UserNotFound):
            world.log.erase_user(pattern, world.users)
    world.log.erase_user("user", world.users)
    assert [row["seq"] for row in world.rows() if row["data"] is None] == [1, 4]


def test_an_erasure_of_many_scattered_events_verifies(world: World) -> None:
    def fail(name: str) -> None:
        with contextlib.suppress(LbackError):
            world.users.authenticate_user(name, PASSWORD)

    world.register("alice")
    for _ in range(520):
        fail("alice")
        fail("nobody")
    assert world.log.erase_user("alice", world.users).events == 522
    assert world.log.verify().erased == 522
    assert len(json.loads(world.rows()[-1]["data"])["events"]) > 2000


def test_when_others_use_the_file_the_erasure_is_done_and_says_that_remains_may_be_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.register("alice")
    reader = sqlite3.connect(world.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM users").fetchone()
    real = world.database._settings
    monkeypatch.setattr(world.database, "_settings", type(real)(url=real.url, busy_timeout=0.05))
    world.database.dispose()
    del world.database.__dict__["engine"]
    erasure = world.log.erase_user("alice", world.users)
    assert (erasure.events, erasure.scrubbed) == (2, False)
    reader.close()
    assert world.database.vacuum()


@given(st.sets(st.integers(1, 200)))
def test_ranges_read_back(numbers: set[int]) -> None:
    text = format_ranges(sorted(numbers))
    assert {n for first, last in parse_ranges(text) for n in range(first, last + 1)} == numbers


def test_what_counts_as_a_mention() -> None:
    names = {"ann", "ann@example.org"}
    for text in ("ann", "ANN", "name 'Ann' is taken", "(username)=(ann) exists", "to ANN@example.org: 550", "<ann>"):
        assert mentions_any({"a": [{"b": text}]}, names), text
    for text in ("anna", "'anna'", "planning", "ann did it", "annex@example.com"):
        assert not mentions_any({"a": [{"b": text}]}, names), text


def test_names_that_an_update_only_asked_for_are_not_the_users() -> None:
    data = {"user": {"username": "Ann", "email": None}, "update_data": {"username": "bob"}, "username": "ANN@x.org"}
    assert names_of_subject(data) == {"ann", "ann@x.org"}


def _users(world: World) -> list[dict[str, Any]]:
    connection = sqlite3.connect(world.path)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute("SELECT * FROM users")]
    finally:
        connection.close()
