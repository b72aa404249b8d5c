"""Every operation leaves one event with the documented content."""

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
from tests.user_results import UNSET_CHANGES

from .harness import (
    ACTIONS,
    DEARER,
    NEW_PASSWORD,
    PASSWORD,
    Installation,
    Interrupted,
    RandomOperations,
    break_the_commit,
    receiving,
    register_unverified,
    request_reset,
)

ALICE = {"id": 1, "username": "alice", "email": "alice@example.org"}
UNKNOWN = "never-issued".ljust(43, "-")

Act = Callable[[Installation], Any]
Row = tuple[str, str, str | None, int | None, str | None, dict[str, Any]]


def _verified(installation: Installation) -> None:
    installation.register("alice")


def _vetoed(installation: Installation) -> None:
    with receiving(signals.user_registered, OperationRejected("no more 'alice'")):
        installation.register("alice")


def _interrupted(installation: Installation) -> None:
    with receiving(signals.user_deleted, Interrupted("^C")):
        installation.users.delete_user(1)


def _commit_refused(installation: Installation) -> None:
    with signals.user_registered.connected_to(break_the_commit):
        installation.register("bob")


REGISTERED = {
    "username": {"to": "alice"},
    "email": {"to": "alice@example.org"},
    **UNSET_CHANGES,
    "is_active": {"to": True},
    "is_email_verified": {"to": True},
    "groups": {"added": ["basic_user"], "removed": []},
    "password": "set",
    "created_at": {"to": "{any}"},
}
"""The changes of the registration of alice, whose address is verified."""

PASSWORD_CHANGED = {"user": ALICE, "changes": {"password": "changed"}}

DELETED = {
    name: {"from": change["to"]} for name, change in REGISTERED.items() if isinstance(change, dict) and "to" in change
} | {"groups": {"added": [], "removed": ["basic_user"]}, "password": "removed"}
"""The changes of the deletion of alice."""

CASES: dict[str, tuple[Act | None, Act, Row]] = {
    "registered": (
        None,
        lambda installation: installation.register("Alice"),
        ("user_registered", "register_user", None, 1, "alice", {"user": ALICE, "changes": REGISTERED}),
    ),
    "registration of a taken name": (
        _verified,
        lambda installation: installation.register("ALICE", email="other@example.org"),
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
        lambda installation: installation.users.authenticate_user("alice@example.org", PASSWORD),
        ("user_authenticated", "authenticate_user", None, 1, "alice", {"user": ALICE, "changes": {}}),
    ),
    "authentication of nobody": (
        None,
        lambda installation: installation.users.authenticate_user("mallory\0\ud800", PASSWORD),
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
        lambda installation: installation.users.authenticate_user("Alice", NEW_PASSWORD),
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
        lambda installation: installation.register("alice", active=False),
        lambda installation: installation.users.authenticate_user("alice", PASSWORD),
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
        register_unverified,
        lambda installation: installation.users.authenticate_user("alice", PASSWORD),
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
        register_unverified,
        lambda installation: installation.users.verify_user_email(installation.token()),
        (
            "user_email_verification_successful",
            "verify_user_email",
            None,
            1,
            "alice",
            {"user": ALICE, "reason": None, "changes": {"is_email_verified": {"from": False, "to": True}}},
        ),
    ),
    "verification with an unknown token": (
        None,
        lambda installation: installation.users.verify_user_email(UNKNOWN),
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
        register_unverified,
        lambda installation: installation.users.resend_verification(1),
        ("user_email_verification_initiated", "resend_verification", None, 1, "alice", {"user": ALICE, "changes": {}}),
    ),
    "verification not sent again": (
        _verified,
        lambda installation: installation.users.resend_verification(1),
        (
            "user_email_verification_successful",
            "resend_verification",
            "already_verified",
            1,
            "alice",
            {"user": ALICE, "reason": "already_verified", "changes": {}},
        ),
    ),
    "updated": (
        _verified,
        lambda installation: installation.users.update_user(
            1, {"email": "alice@example.net", "password": NEW_PASSWORD}
        ),
        (
            "user_updated",
            "update_user",
            None,
            1,
            "alice",
            {
                "user": {**ALICE, "email": "alice@example.net"},
                "changes": {
                    "email": {"from": "alice@example.org", "to": "alice@example.net"},
                    "is_email_verified": {"from": True, "to": False},
                    "password": "changed",
                },
            },
        ),
    ),
    "update of nobody": (
        None,
        lambda installation: installation.users.update_user(2**70, {"password": PASSWORD, "username": "x"}),
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
        lambda installation: installation.users.update_user(True, {"is_active": False}),
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
        lambda installation: installation.users.delete_user(1),
        ("user_deleted", "delete_user", None, 1, "alice", {"user_id": 1, "username": "alice", "changes": DELETED}),
    ),
    "deletion of nobody": (
        None,
        lambda installation: installation.users.delete_user(7),
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
                "exception": {"type": "UnexpectedError", "message": "Interrupted: ^C"},
            },
        ),
    ),
    "reset requested": (
        _verified,
        lambda installation: installation.users.reset_password_request("ALICE@example.org"),
        (
            "password_reset_request_processed",
            "reset_password_request",
            None,
            1,
            "alice",
            {"email": "ALICE@example.org", "user": ALICE, "changes": {}},
        ),
    ),
    "reset requested for nobody": (
        None,
        lambda installation: installation.users.reset_password_request(""),
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
        request_reset,
        lambda installation: installation.users.reset_password(installation.token(), NEW_PASSWORD),
        (
            "password_reset_successful",
            "reset_password",
            None,
            1,
            "alice",
            {"user": ALICE, "changes": {"password": "changed"}},
        ),
    ),
    "reset with a weak password": (
        request_reset,
        lambda installation: installation.users.reset_password(installation.token(), "short"),
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
        lambda installation: installation.users.reset_user_password(1, NEW_PASSWORD),
        (
            "password_reset_successful",
            "reset_password",
            None,
            1,
            "alice",
            {"user": ALICE, "changes": {"password": "changed"}},
        ),
    ),
    "erased": (
        _verified,
        lambda installation: installation.log.erase_user("alice", installation.users),
        ("user_erased", "erase_user", None, 1, None, {"changes": {}, "user_id": 1, "events": "1-2", "mentions": ""}),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_operation_leaves_one_complete_event(name: str, installation: Installation) -> None:
    prepare, act, (signal, operation, outcome, subject_id, subject, data) = CASES[name]
    if prepare is not None:
        prepare(installation)
    before = len(installation.rows())
    with acting_as("auditor") as actor, contextlib.suppress(LbackError, Interrupted):
        act(installation)
    *others, row = installation.rows()
    found = json.loads(row["data"])
    if "created_at" in found.get("changes", {}):
        found["changes"]["created_at"] = dict.fromkeys(found["changes"]["created_at"], "{any}")
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
    random = ("id", "operation_id", "salt", "invocation_id")
    for column in random:
        assert re.fullmatch("[0-9a-f]{32}", row[column]), column
    assert len({row[column] for column in random}) == len(random), "an erasure keeps all but the salt"
    assert row["seq"] == len(others) + 1
    installation.log.verify()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(sorted(ACTIONS)), st.integers(0, 10**6)), max_size=12))
def test_every_operation_leaves_exactly_one_event(empty: Path, steps: list[tuple[str, int]]) -> None:
    directory = Path(tempfile.mkdtemp())
    installation = Installation.on_copy(empty, directory)
    try:
        operations = RandomOperations(installation, 0)
        for action, seed in steps:
            operations.random.seed(seed)
            with contextlib.suppress(LbackError, Interrupted):
                ACTIONS[action](operations)
        assert len(installation.rows()) == operations.operations
        assert installation.log.verify().events == operations.operations
    finally:
        installation.database.dispose()
        shutil.rmtree(directory)


def test_random_operations_cover_all_outcomes(make_installation: Callable[..., Installation]) -> None:
    installation = make_installation()
    operations = RandomOperations(installation, 7)
    for _ in range(250):
        operations.step()
    happened = {row["signal"] for row in installation.rows()}
    terminal = {name for name, spec in signals.CATALOGUE.items() if spec.phase in ("success", "failure")}
    assert happened >= terminal | {"user_erased"}
    assert {row["outcome"] for row in installation.rows()} >= {
        *("rejected_by_receiver", "unexpected_exception", "repository_error", "invalid_token"),
        *("incorrect_password", "validation_error", "user_not_found", "already_verified"),
    }
    assert len(installation.rows()) == operations.operations


@pytest.mark.parametrize("keep", [True, False], ids=["committed", "rolled back"])
def test_operations_in_a_callers_session_share_its_outcome(installation: Installation, keep: bool) -> None:
    installation.register("alice")
    with Session(installation.database.engine) as session:
        installation.users.authenticate_user("alice", PASSWORD, session=session)
        with pytest.raises(LbackError):
            installation.users.delete_user(99, session=session)
        if keep:
            session.commit()
    assert [row["signal"] for row in installation.rows()] == [
        "user_registered",
        *(["user_authenticated", "user_deletion_failed"] if keep else []),
    ]
    installation.log.verify()


def test_refused_erasure_leaves_the_event_of_its_deletion(installation: Installation) -> None:
    from lback_cli.models import Group

    with installation.database.session() as session:
        now = installation.log._services.now()
        session.add(Group(name="admin", created_at=now, updated_at=now))
    installation.register("root", groups=["admin"])
    with pytest.raises(LbackError, match="last active member"):
        installation.log.erase_user("root", installation.users)
    last = installation.rows()[-1]
    assert (last["signal"], last["outcome"], last["subject"]) == ("user_deletion_failed", "last_administrator", "root")
    with installation.database.reading() as session:
        assert session.get(User, 1) is not None
    installation.log.verify()


def test_unrecorded_failure_is_logged_and_sent_once(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    sent: list[str] = []

    def receiver(_sender: Any, error_type: str, **_arguments: Any) -> None:
        sent.append(error_type)

    installation.register("alice")
    with sqlite3.connect(installation.path) as connection:
        connection.execute("ALTER TABLE lback_events RENAME TO moved_away")
    connection.close()
    with signals.user_deletion_failed.connected_to(receiver), pytest.raises(LbackError, match="lback_events"):
        installation.users.delete_user(1)
    assert sent == ["repository_error"]
    (record,) = caplog.records
    assert record.name == "lback_cli.events"
    assert "could not be recorded in the event log" in record.getMessage()
    with installation.database.reading() as session:
        assert session.get(User, 1) is not None


def test_text_that_databases_cannot_store_is_escaped(installation: Installation) -> None:
    with acting_as("\ud800\0" + "x" * 300):
        installation.register("alice")
    assert installation.rows()[0]["actor"] == "\\ud800\\x00" + "x" * 245
    installation.log.verify()


SECRET_PART = "Zebra7Quartz"


def test_no_event_has_a_password_hash_token_or_session(
    make_installation: Callable[..., Installation],
) -> None:
    installation = make_installation()
    secret, other = f"{SECRET_PART} of the first password", f"{SECRET_PART} of the second password"
    users = installation.users
    tokens: set[str] = set()

    def attempt(operation: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        with contextlib.suppress(LbackError):
            operation(*arguments, **options)
        if (installation.directory / "mail").exists():
            with contextlib.suppress(StopIteration):
                tokens.add(installation.token())

    attempt(users.register_user, "alice", "alice@example.org", secret)
    attempt(users.register_user, "alice", "alice@example.org", secret)
    attempt(users.register_user, "alice", "nowhere", secret)
    for password in (secret, other):
        attempt(users.authenticate_user, "alice", password, allow_unverified=True)
        attempt(users.authenticate_user, "nobody", password)
    attempt(users.verify_user_email, installation.token())
    attempt(users.update_user, 1, {"password": other})
    attempt(users.update_user, 1, {"password": other, "username": "no good name"})
    attempt(users.update_user, 99, {"password": other})
    for password in (SECRET_PART, secret):
        attempt(users.reset_password_request, "alice@example.org")
        attempt(users.reset_password, installation.token(), password)
    attempt(users.reset_user_password, 1, other)
    with receiving(signals.password_reset_successful, RuntimeError("trouble")):
        attempt(users.reset_user_password, 1, other)
    attempt(users.delete_user, 1)
    installation.log.erase_user("id:1", users)

    assert len(tokens) >= 3
    installation.checkpoint_and_close()
    raw = installation.path.read_bytes()
    table = json.dumps(installation.rows())
    for forbidden in (SECRET_PART, "$argon2", "Session", *tokens, *(token[10:] for token in tokens)):
        assert forbidden not in table, forbidden
        if forbidden != "Session":
            assert forbidden.encode() not in raw, forbidden


def test_rehash_at_login_is_one_event(empty: Path, tmp_path: Path) -> None:
    installation = Installation.on_copy(empty, tmp_path / "a")
    installation.register("alice")
    installation.checkpoint_and_close()
    dearer = Installation.on_copy(installation.path, tmp_path / "b", DEARER)
    dearer.users.authenticate_user("alice", PASSWORD)
    assert [row["signal"] for row in dearer.rows()] == ["user_registered", "user_authenticated"]
    dearer.database.dispose()
