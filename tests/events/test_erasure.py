"""Erasure removes a user from the log and the file, leaves all others, and the log verifies."""

import contextlib
import json
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from lback_cli import signals
from lback_cli.database.engine import Database
from lback_cli.errors import LbackError, UserNotFound
from lback_cli.events.erasure import format_ranges, mentions_any, names_of_subject, parse_ranges
from lback_cli.events.export import verify_lines

from .harness import NEW_PASSWORD, PASSWORD, Installation, receiving
from .reference_verifier import problem
from .tampering import lines_of

CANARIES = ("zanzibar", "quetzalcoatl", "mountebank")
"""Parts of the user's names and addresses, which occur nowhere else."""


def _leave_traces(installation: Installation) -> None:
    """Run operations whose events name the user: by old and new names and addresses, also in events about others."""
    users = installation.users
    bob = installation.register("bob").id
    alice = users.register_user("Zanzibar", "Zanzibar@example.org", PASSWORD).id

    def attempt(operation: Any, *arguments: Any, **options: Any) -> None:
        with contextlib.suppress(LbackError):
            operation(*arguments, **options)

    attempt(users.verify_user_email, installation.token())
    attempt(users.authenticate_user, "ZANZIBAR", PASSWORD)
    attempt(users.authenticate_user, "zanzibar@Example.org", "wrong")
    attempt(users.update_user, bob, {"username": "zanzibar"})
    attempt(users.update_user, bob, {"email": "Zanzibar@example.org"})
    attempt(users.register_user, "zanzibar", "x@example.org", PASSWORD)
    attempt(users.register_user, "xenia", "ZANZIBAR@example.org", PASSWORD)
    attempt(users.update_user, alice, {"username": "Quetzalcoatl", "email": "mountebank@example.org"})
    attempt(users.register_user, "quetzalcoatl", "y@example.org", PASSWORD)
    attempt(users.reset_password_request, "mountebank@example.org")
    attempt(users.reset_password, installation.token(), NEW_PASSWORD)
    with receiving(signals.user_updated, RuntimeError("no mailbox (quetzalcoatl) for <Mountebank@example.org>!")):
        attempt(users.update_user, bob, {"is_active": True})
    attempt(users.reset_password_request, "zanzibar@example.org")
    attempt(users.delete_user, 99)
    attempt(users.authenticate_user, "bob", PASSWORD)


@pytest.mark.parametrize("identifier", ["quetzalcoatl", "MOUNTEBANK@example.org", "id:2"])
@pytest.mark.parametrize("deleted_before", [False, True], ids=["still there", "deleted before"])
def test_erasure_removes_all_of_the_user_and_nothing_else(
    installation: Installation, identifier: str, deleted_before: bool
) -> None:
    _leave_traces(installation)
    if deleted_before:
        installation.users.delete_user(2)
    before = installation.rows()
    erasure = installation.log.erase_user(identifier, installation.users)
    after = installation.rows()

    assert (erasure.user_id, erasure.scrubbed) == (2, True)
    assert not any(canary in json.dumps(after).lower() for canary in CANARIES)
    for path in installation.directory.glob("lback.db*"):
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
    own = [row["seq"] for row in erased if row["subject_id"] == 2]
    others = [row["seq"] for row in erased if row["subject_id"] != 2]
    assert json.loads(after[-1]["data"]) == {
        "changes": {},
        "user_id": 2,
        "events": format_ranges(own),
        "mentions": format_ranges(others),
    }
    assert (erasure.events, erasure.mentions) == (len(own), len(others))

    verdict = installation.log.verify()
    assert (verdict.events, verdict.erased) == (len(after), erasure.events + erasure.mentions)
    lines = lines_of(installation.export())
    assert verify_lines(lines) == verdict
    assert problem(lines) is None
    assert [row["username"] for row in _users(installation)] == ["bob"]


def test_later_user_of_the_name_keeps_all_events(installation: Installation) -> None:
    installation.register("alice")
    installation.users.delete_user(1)
    installation.register("alice", email="second@example.org")
    installation.users.authenticate_user("alice", PASSWORD)
    installation.log.erase_user("id:1", installation.users)
    assert [(row["seq"], row["subject"]) for row in installation.rows()] == [
        (1, None),
        (2, None),
        (3, "alice"),
        (4, "alice"),
        (5, None),
    ]
    assert installation.users.authenticate_user("alice", PASSWORD).email == "second@example.org"
    installation.log.verify()


def test_what_is_left_of_a_user_whom_an_application_deleted_is_erased(installation: Installation) -> None:
    installation.register("bob")
    installation.users.register_user("alice", "alice@example.org", PASSWORD, attributes={"display_name": "Alice A."})
    for name in ("bob", "alice"):
        with pytest.raises(LbackError):
            installation.users.authenticate_user(name, "wrong")
    left = "SELECT user_id FROM lback_user_attributes UNION ALL SELECT user_id FROM lback_accounts ORDER BY 1"
    with contextlib.closing(sqlite3.connect(installation.path)) as connection:
        with connection:
            connection.execute("DELETE FROM user_groups_association WHERE user_id = 2")
            connection.execute("DELETE FROM users WHERE id = 2")
        assert connection.execute(left).fetchall() == [(1,), (2,), (2,)]
        installation.log.erase_user("alice", installation.users)
        assert connection.execute(left).fetchall() == [(1,)]
    assert b"Alice A." not in installation.path.read_bytes()


def test_second_erasure_finds_nothing(installation: Installation) -> None:
    installation.register("alice")
    assert installation.log.erase_user("alice", installation.users).events == 2
    with pytest.raises(UserNotFound):
        installation.log.erase_user("alice", installation.users)
    assert installation.log.erase_user("id:1", installation.users).events == 0
    with pytest.raises(UserNotFound):
        installation.log.erase_user("id:2", installation.users)
    installation.log.verify()


def test_unknown_user_with_failed_logins_can_be_erased(installation: Installation) -> None:
    for name in ("Mallory", "mallory"):
        with contextlib.suppress(LbackError):
            installation.users.authenticate_user(name, PASSWORD)
    assert installation.log.erase_user("Mallory", installation.users).events == 2
    assert "allory" not in json.dumps(installation.rows())
    installation.log.verify()


def test_patterns_and_common_words_erase_nothing_else(installation: Installation) -> None:
    installation.register("user")
    installation.register("bob")
    with contextlib.suppress(LbackError):
        installation.register("bob")  # The user name 'bob' is taken.
    for pattern in ("%", "_ob", "b%"):
        with pytest.raises(UserNotFound):
            installation.log.erase_user(pattern, installation.users)
    installation.log.erase_user("user", installation.users)
    assert [row["seq"] for row in installation.rows() if row["data"] is None] == [1, 4]


def test_erasure_of_many_scattered_events_verifies(installation: Installation) -> None:
    def fail(name: str) -> None:
        with contextlib.suppress(LbackError):
            installation.users.authenticate_user(name, PASSWORD)

    installation.register("alice")
    for _ in range(520):
        fail("alice")
        fail("nobody")
    assert installation.log.erase_user("alice", installation.users).events == 522
    assert installation.log.verify().erased == 522
    assert len(json.loads(installation.rows()[-1]["data"])["events"]) > 2000


def test_erasure_overwrites_deleted_data_in_the_file(
    make_installation: Callable[[], Installation], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some builds of SQLite overwrite deleted data by themselves; here they do not."""

    def remains(installation: Installation) -> set[str]:
        """Erase the user, and return which of the user's names are still in the file."""

        @event.listens_for(installation.database.engine, "connect")
        def keep_deleted_data(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA secure_delete = OFF")

        installation.database.dispose()
        _leave_traces(installation)
        installation.log.erase_user("quetzalcoatl", installation.users)
        installation.checkpoint_and_close()
        raw = installation.path.read_bytes().lower()
        return {canary for canary in CANARIES if canary.encode() in raw}

    with monkeypatch.context() as patch:
        patch.setattr(Database, "vacuum", lambda _database: True)
        assert remains(make_installation()), "without VACUUM the names are still in the file"
    assert remains(make_installation()) == set()


def test_erasure_reports_that_a_busy_file_was_not_vacuumed(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.register("alice")
    reader = sqlite3.connect(installation.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM users").fetchone()
    real = installation.database._settings
    monkeypatch.setattr(installation.database, "_settings", type(real)(url=real.url, busy_timeout=0.05))
    installation.database.dispose()
    del installation.database.__dict__["engine"]
    erasure = installation.log.erase_user("alice", installation.users)
    assert (erasure.events, erasure.scrubbed) == (2, False)
    reader.close()
    assert installation.database.vacuum()


@given(st.sets(st.integers(1, 200)))
def test_parse_ranges_reverses_format_ranges(numbers: set[int]) -> None:
    text = format_ranges(sorted(numbers))
    assert {n for first, last in parse_ranges(text) for n in range(first, last + 1)} == numbers


def test_mentions_are_quoted_names_and_any_address() -> None:
    names = {"ann", "ann@example.org"}
    quoted = ("name 'Ann' is taken", '"ann" exists', "(username)=(ann) exists", "<ann>", "[ann]", "{ann}", "key `ann`")
    for text in ("ann", "ANN", *quoted, "to ANN@example.org: 550"):
        assert mentions_any(None, {"a": [{"b": text}]}, names), text
        assert mentions_any(text, {}, names), text
    for text in ("anna", "'anna'", "planning", "ann did it", "annex@example.com"):
        assert not mentions_any(text, {"a": [{"b": text}]}, names), text


def test_requested_names_are_not_names_of_the_subject() -> None:
    data = {"user": {"username": "Ann", "email": None}, "update_data": {"username": "bob"}, "username": "ANN@x.org"}
    assert names_of_subject(data) == {"ann", "ann@x.org"}


def test_former_names_are_names_of_the_subject() -> None:
    changes = {"username": {"from": "Ann", "to": "bea"}, "email": {"to": "bea@x.org"}, "display_name": {"to": "Bea B."}}
    assert names_of_subject({"changes": changes}) == {"ann", "bea", "bea@x.org"}


@pytest.mark.parametrize("name", ["staff", "set", "user_not_found", "unexpected_exception", "keyerror"])
def test_groups_and_lbacks_own_words_are_not_mentions(installation: Installation, name: str) -> None:
    """The name of the erased user is that of a group, or a word that lback writes into events."""
    installation.groups.create_group("staff", description="The staff.")
    installation.register(name)
    installation.register("bob", groups=["staff"])
    with contextlib.suppress(LbackError):
        installation.users.update_user(99, {"add_groups": ["staff"]})
    with receiving(signals.user_updated, KeyError("lost")), contextlib.suppress(LbackError):
        installation.users.update_user(2, {"is_active": True})
    before = installation.rows()

    assert installation.log.erase_user(name, installation.users).events == 2

    erased = [row["seq"] for row in installation.rows() if row["data"] is None]
    assert erased == [2, len(before) + 1], "the registration and the deletion of the user"


def test_description_of_a_group_can_mention_a_user() -> None:
    data: dict[str, Any] = {
        "group": {"id": 1, "name": "ann"},
        "changes": {"name": {"to": "ann"}, "description": {"to": "of 'Ann'"}},
    }
    assert mentions_any(None, data, {"ann"})
    data["changes"]["description"] = {"to": "staff"}
    assert not mentions_any(None, data, {"ann"})
    assert names_of_subject(data, impersonal=()) == set()


def _users(installation: Installation) -> list[dict[str, Any]]:
    connection = sqlite3.connect(installation.path)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute("SELECT * FROM users")]
    finally:
        connection.close()
