"""One event for every operation, with what the documentation says in it."""

import contextlib
import json
import os
import re
import shutil
import socket
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from lback_cli import __version__, signals
from lback_cli.errors import LbackError, OperationRejected
from lback_cli.events.actor import acting_as
from lback_cli.models import User

from .harness import ACTIONS, DEARER, NEW_PASSWORD, PASSWORD, Interrupted, Life, World, break_the_commit, receiving

ALICE = {"id": 1, "username": "alice", "email": "alice@example.org"}
UNKNOWN = "never-issued".ljust(43, "-")

Act = Callable[[World], Any]
Row = tuple[str, str, str | None, int | None, str | None, dict[str, Any]]


def _verified(world: World) -> None:
    world.register("alice")


def _unverified(world: World) -> None:
    world.register("alice", verified=False)


def _requested(world: World) -> None:
    world.register("alice")
    world.users.reset_password_request("alice@example.org")


def _vetoed(world: World) -> None:
    with receiving(signals.user_registered, OperationRejected("no more 'alice'")):
        world.register("alice")


def _interrupted(world: World) -> None:
    with receiving(signals.user_deleted, Interrupted("^C")):
        world.users.delete_user(1)


def _commit_refused(world: World) -> None:
    with signals.user_registered.connected_to(break_the_commit):
        world.register("bob")


CASES: dict[str, tuple[Act | None, Act, Row]] = {
    "registered": (
        None,
        lambda world: world.register("Alice"),
        ("user_registered", "register_user", None, 1, "alice", {"user": ALICE}),
    ),
    "registration of a taken name": (
        _verified,
        lambda world: world.register("ALICE", email="other@example.org"),
        (
            "user_registration_failed",
            "register_user",
            "validation_error",
            None,
            "ALICE",
            {
                "username": "ALICE",
                "email": "other@example.org",
                "error_type": "validation_error",
                "error_message": "The user name 'alice' is taken.",
                "exception": None,
            },
        ),
    ),
    "registration vetoed at its end": (
        None,
        _vetoed,
        (
            "user_registration_failed",
            "register_user",
            "rejected_by_receiver",
            None,
            "alice",
            {
                "username": "alice",
                "email": "alice@example.org",
                "error_type": "rejected_by_receiver",
                "error_message": "no more 'alice'",
                "exception": None,
            },
        ),
    ),
    "registration refused at the commit": (
        _verified,
        _commit_refused,
        (
            "user_registration_failed",
            "register_user",
            "repository_error",
            None,
            "bob",
            {
                "username": "bob",
                "email": "bob@example.org",
                "error_type": "repository_error",
                "error_message": "{any}",
                "exception": {"type": "IntegrityError", "message": "{any}"},
            },
        ),
    ),
    "authenticated": (
        _verified,
        lambda world: world.users.authenticate_user("alice@example.org", PASSWORD),
        ("user_authenticated", "authenticate_user", None, 1, "alice", {"user": ALICE}),
    ),
    "authentication of nobody": (
        None,
        lambda world: world.users.authenticate_user("mallory\0\ud800", PASSWORD),
        (
            "user_authentication_failed",
            "authenticate_user",
            "user_not_found",
            None,
            "mallory\\x00\\ud800",
            {"username": "mallory\0\\ud800", "reason": "user_not_found", "user": None, "exception": None},
        ),
    ),
    "authentication with a wrong password": (
        _verified,
        lambda world: world.users.authenticate_user("Alice", NEW_PASSWORD),
        (
            "user_authentication_failed",
            "authenticate_user",
            "incorrect_password",
            1,
            "alice",
            {"username": "Alice", "reason": "incorrect_password", "user": ALICE, "exception": None},
        ),
    ),
    "authentication of an inactive user": (
        lambda world: world.register("alice", active=False),
        lambda world: world.users.authenticate_user("alice", PASSWORD),
        (
            "user_authentication_failed",
            "authenticate_user",
            "user_inactive",
            1,
            "alice",
            {"username": "alice", "reason": "user_inactive", "user": ALICE, "exception": None},
        ),
    ),
    "authentication before verification": (
        _unverified,
        lambda world: world.users.authenticate_user("alice", PASSWORD),
        (
            "user_authentication_failed",
            "authenticate_user",
            "email_not_verified",
            1,
            "alice",
            {"username": "alice", "reason": "email_not_verified", "user": ALICE, "exception": None},
        ),
    ),
    "verified": (
        _unverified,
        lambda world: world.users.verify_user_email(world.token()),
        (
            "user_email_verification_successful",
            "verify_user_email",
            None,
            1,
            "alice",
            {"user": ALICE, "reason": None},
        ),
    ),
    "verification with an unknown token": (
        None,
        lambda world: world.users.verify_user_email(UNKNOWN),
        (
            "user_email_verification_failed",
            "verify_user_email",
            "invalid_token",
            None,
            None,
            {"token_prefix": "never-issu", "error_type": "invalid_token", "exception": None, "user": None},
        ),
    ),
    "verification sent again": (
        _unverified,
        lambda world: world.users.resend_verification(1),
        ("user_email_verification_initiated", "resend_verification", None, 1, "alice", {"user": ALICE}),
    ),
    "verification not sent again": (
        _verified,
        lambda world: world.users.resend_verification(1),
        (
            "user_email_verification_successful",
            "resend_verification",
            "already_verified",
            1,
            "alice",
            {"user": ALICE, "reason": "already_verified"},
        ),
    ),
    "updated": (
        _verified,
        lambda world: world.users.update_user(1, {"email": "alice@example.net", "password": NEW_PASSWORD}),
        ("user_updated", "update_user", None, 1, "alice", {"user": {**ALICE, "email": "alice@example.net"}}),
    ),
    "update of nobody": (
        None,
        lambda world: world.users.update_user(2**70, {"password": PASSWORD, "username": "x"}),
        (
            "user_update_failed",
            "update_user",
            "user_not_found",
            None,
            None,
            {
                "user_id": str(2**70),
                "update_data": {"password": "********", "username": "x"},
                "error_type": "user_not_found",
                "exception": None,
                "user": None,
            },
        ),
    ),
    "update of True": (
        None,
        lambda world: world.users.update_user(True, {"is_active": False}),
        (
            "user_update_failed",
            "update_user",
            "user_not_found",
            None,
            None,
            {
                "user_id": True,
                "update_data": {"is_active": False},
                "error_type": "user_not_found",
                "exception": None,
                "user": None,
            },
        ),
    ),
    "deleted": (
        _verified,
        lambda world: world.users.delete_user(1),
        ("user_deleted", "delete_user", None, 1, "alice", {"user_id": 1, "username": "alice"}),
    ),
    "deletion of nobody": (
        None,
        lambda world: world.users.delete_user(7),
        (
            "user_deletion_failed",
            "delete_user",
            "user_not_found",
            7,
            None,
            {"user_id": 7, "username": None, "error_type": "user_not_found", "exception": None},
        ),
    ),
    "deletion interrupted": (
        _verified,
        _interrupted,
        (
            "user_deletion_failed",
            "delete_user",
            "unexpected_exception",
            1,
            "alice",
            {
                "user_id": 1,
                "username": "alice",
                "error_type": "unexpected_exception",
                "exception": {"type": "Interrupted", "message": "^C"},
            },
        ),
    ),
    "reset requested": (
        _verified,
        lambda world: world.users.reset_password_request("ALICE@example.org"),
        (
            "password_reset_request_processed",
            "reset_password_request",
            None,
            1,
            "alice",
            {"email": "ALICE@example.org", "user": ALICE},
        ),
    ),
    "reset requested for nobody": (
        None,
        lambda world: world.users.reset_password_request(""),
        (
            "password_reset_request_failed",
            "reset_password_request",
            "user_not_found",
            None,
            None,
            {"email": "", "error_type": "user_not_found", "exception": None},
        ),
    ),
    "reset": (
        _requested,
        lambda world: world.users.reset_password(world.token(), NEW_PASSWORD),
        ("password_reset_successful", "reset_password", None, 1, "alice", {"user": ALICE}),
    ),
    "reset with a weak password": (
        _requested,
        lambda world: world.users.reset_password(world.token(), "short"),
        (
            "password_reset_failed",
            "reset_password",
            "validation_error",
            1,
            "alice",
            {"token_prefix": "{any}", "error_type": "validation_error", "exception": None, "user": ALICE},
        ),
    ),
    "reset by an administrator": (
        _verified,
        lambda world: world.users.reset_user_password(1, NEW_PASSWORD),
        ("password_reset_successful", "reset_password", None, 1, "alice", {"user": ALICE}),
    ),
    "erased": (
        _verified,
        lambda world: world.log.erase_user("alice", world.users),
        ("user_erased", "erase_user", None, 1, None, {"user_id": 1, "events": "1-2"}),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_operation_leaves_one_event_with_its_whole_content(name: str, world: World) -> None:
    prepare, act, (signal, operation, outcome, subject_id, subject, data) = CASES[name]
    if prepare is not None:
        prepare(world)
    before = len(world.rows())
    with acting_as("auditor") as actor, contextlib.suppress(LbackError, Interrupted):
        act(world)
    *others, row = world.rows()
    found = json.loads(row["data"])
    for key, value in data.items():
        if value == "{any}":
            found[key] = "{any}"
        elif isinstance(value, dict) and value.get("message") == "{any}":
            found[key]["message"] = "{any}"
    assert len(others) == before + (name == "erased")  # the deletion before it
    assert (row["signal"], row["operation"], row["outcome"]) == (signal, operation, outcome)
    assert (row["subject_id"], row["subject"]) == (subject_id, subject)
    assert found == data
    assert (row["actor"], row["host"], row["pid"]) == ("auditor", socket.gethostname(), os.getpid())
    assert (row["version"], row["invocation_id"]) == (__version__, actor.invocation_id)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", row["time"])
    for column in ("id", "operation_id", "salt", "invocation_id"):
        assert re.fullmatch("[0-9a-f]{32}", row[column]), column
    assert row["seq"] == len(others) + 1
    world.log.verify()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(sorted(ACTIONS)), st.integers(0, 10**6)), max_size=12))
def test_there_are_as_many_events_as_operations_whatever_happens(empty: Path, steps: list[tuple[str, int]]) -> None:
    directory = Path(tempfile.mkdtemp())
    world = World.on_copy(empty, directory)
    try:
        life = Life(world, 0)
        for action, seed in steps:
            life.random.seed(seed)
            with contextlib.suppress(LbackError, Interrupted):
                ACTIONS[action](life)
        assert len(world.rows()) == life.operations
        assert world.log.verify().events == life.operations
    finally:
        world.database.dispose()
        shutil.rmtree(directory)


def test_every_kind_of_thing_can_happen_in_the_random_sequences(make_world: Callable[..., World]) -> None:
    world = make_world()
    life = Life(world, 7)
    for _ in range(250):
        life.step()
    happened = {row["signal"] for row in world.rows()}
    terminal = {name for name, spec in signals.CATALOGUE.items() if spec.phase in ("success", "failure")}
    assert happened >= terminal | {"user_erased"}
    assert {row["outcome"] for row in world.rows()} >= {
        *("rejected_by_receiver", "unexpected_exception", "repository_error", "invalid_token"),
        *("incorrect_password", "validation_error", "user_not_found", "already_verified"),
    }
    assert len(world.rows()) == life.operations


@pytest.mark.parametrize("keep", [True, False], ids=["committed", "rolled back"])
def test_joined_operations_share_the_fate_of_the_callers_transaction(world: World, keep: bool) -> None:
    world.register("alice")
    with Session(world.database.engine) as session:
        world.users.authenticate_user("alice", PASSWORD, session=session)
        with pytest.raises(LbackError):
            world.users.delete_user(99, session=session)
        if keep:
            session.commit()
    assert [row["signal"] for row in world.rows()] == [
        "user_registered",
        *(["user_authenticated", "user_deletion_failed"] if keep else []),
    ]
    world.log.verify()


def test_a_refused_erasure_leaves_the_event_of_its_deletion(world: World) -> None:
    from lback_cli.models import Group

    with world.database.session() as session:
        now = world.log._services.now()
        session.add(Group(name="admin", created_at=now, updated_at=now))
    world.register("root", groups=["admin"])
    with pytest.raises(LbackError, match="last active member"):
        world.log.erase_user("root", world.users)
    last = world.rows()[-1]
    assert (last["signal"], last["outcome"], last["subject"]) == ("user_deletion_failed", "last_administrator", "root")
    with world.database.reading() as session:
        assert session.get(User, 1) is not None
    world.log.verify()


def test_without_a_database_the_failure_is_told_on_stderr_and_sent_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []

    def receiver(_sender: Any, error_type: str, **_arguments: Any) -> None:
        told.append(error_type)

    world.register("alice")
    with sqlite3.connect(world.path) as connection:
        connection.execute("ALTER TABLE lback_events RENAME TO moved_away")
    connection.close()
    with signals.user_deletion_failed.connected_to(receiver), pytest.raises(LbackError, match="lback_events"):
        world.users.delete_user(1)
    assert told == ["repository_error"]
    (record,) = caplog.records
    assert record.name == "lback_cli.events"
    assert "could not be recorded in the event log" in record.getMessage()
    with world.database.reading() as session:
        assert session.get(User, 1) is not None


def test_what_cannot_be_stored_as_it_is_does_not_keep_the_event_away(world: World) -> None:
    with acting_as("\ud800\0" + "x" * 300):
        world.register("alice")
    assert world.rows()[0]["actor"] == "\\ud800\\x00" + "x" * 245
    world.log.verify()


CANARY = "Zebra7Quartz"


def test_no_password_hash_token_or_session_is_in_any_event_or_in_the_file(make_world: Callable[..., World]) -> None:
    world = make_world()
    secret, other = f"{CANARY} of the first password", f"{CANARY} of the second password"
    users = world.users
    tokens: set[str] = set()

    def attempt(operation: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        with contextlib.suppress(LbackError):
            operation(*arguments, **options)
        if (world.directory / "mail").exists():
            with contextlib.suppress(StopIteration):
                tokens.add(world.token())

    attempt(users.register_user, "alice", "alice@example.org", secret)
    attempt(users.register_user, "alice", "alice@example.org", secret)
    attempt(users.register_user, "alice", "nowhere", secret)
    for password in (secret, other):
        attempt(users.authenticate_user, "alice", password, allow_unverified=True)
        attempt(users.authenticate_user, "nobody", password)
    attempt(users.verify_user_email, world.token())
    attempt(users.update_user, 1, {"password": other})
    attempt(users.update_user, 1, {"password": other, "username": "no good name"})
    attempt(users.update_user, 99, {"password": other})
    for password in (CANARY, secret):
        attempt(users.reset_password_request, "alice@example.org")
        attempt(users.reset_password, world.token(), password)
    attempt(users.reset_user_password, 1, other)
    with receiving(signals.password_reset_successful, RuntimeError("trouble")):
        attempt(users.reset_user_password, 1, other)
    attempt(users.delete_user, 1)
    world.log.erase_user("id:1", users)

    assert len(tokens) >= 3
    world.tidy()
    raw = world.path.read_bytes()
    table = json.dumps(world.rows())
    for forbidden in (CANARY, "$argon2", "Session", *tokens, *(token[10:] for token in tokens)):
        assert forbidden not in table, forbidden
        if forbidden != "Session":
            assert forbidden.encode() not in raw, forbidden


def test_a_rehash_at_login_is_one_event(empty: Path, tmp_path: Path) -> None:
    world = World.on_copy(empty, tmp_path / "a")
    world.register("alice")
    world.tidy()
    dearer = World.on_copy(world.path, tmp_path / "b", DEARER)
    dearer.users.authenticate_user("alice", PASSWORD)
    assert [row["signal"] for row in dearer.rows()] == ["user_registered", "user_authenticated"]
    dearer.database.dispose()
