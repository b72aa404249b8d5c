"""Events in OCSF are valid by the published schema."""

import json
from pathlib import Path
from typing import Any

import pytest

from lback_cli.events.hash_chain import canonical
from lback_cli.events.kinds import ADMINISTRATIVE, FAILURE_EVENTS
from lback_cli.events.ocsf import ocsf_event

from .ocsf_schema import check
from .random_history import RandomHistory, WideInstallation


def test_events_of_random_histories_are_valid(tmp_path: Path) -> None:
    installation = WideInstallation(f"sqlite:///{tmp_path}/lback.db", tmp_path)
    history = RandomHistory(installation, 7)
    for _ in range(300):
        history.step()
    rows = installation.rows()
    installation.database.dispose()
    for row in rows:
        event = ocsf_event(row)
        check(event)
        assert event["unmapped"]["data"] == (None if row["data"] is None else json.loads(row["data"]))
    signals = {row["signal"] for row in rows}
    assert len(signals) > 18
    assert any(row["data"] is None for row in rows), "some are erased"


def _row(signal: str, data: dict[str, Any] | None, **fields: Any) -> dict[str, Any]:
    usual = {
        "seq": 7,
        "id": "0" * 32,
        "time": "2026-11-28T16:24:16.522734Z",
        "signal": signal,
        "operation": "update_user",
        "operation_id": "1" * 32,
        "outcome": None,
        "actor": "root",
        "host": "app_1",
        "pid": 5,
        "version": "0.1.0",
        "invocation_id": "2" * 32,
        "subject_id": 3,
        "subject": "ann",
        "salt": None,
        "digest": "",
        "hash": "h",
        "previous_hash": "p",
        "data": None if data is None else canonical(data),
    }
    return usual | fields


ANN = {"user": {"id": 3, "username": "ann", "email": "ann@example.org"}}


@pytest.mark.parametrize(
    ("signal", "data", "shown"),
    [
        ("user_authenticated", ANN | {"changes": {}}, (3002, 1, "Logon", 1)),
        ("user_authentication_failed", {"username": "ann", "reason": "user_not_found"}, (3002, 1, "Logon", 2)),
        ("user_registered", ANN | {"changes": {"username": {"to": "ann"}}}, (3001, 1, "Create", 1)),
        ("user_updated", ANN | {"changes": {"is_active": {"from": True, "to": False}}}, (3001, 5, "Disable", 1)),
        ("user_updated", ANN | {"changes": {"is_active": {"from": False, "to": True}}}, (3001, 2, "Enable", 1)),
        ("user_updated", ANN | {"changes": {"password": "changed"}}, (3001, 3, "Password Change", 1)),
        ("user_updated", ANN | {"changes": {}}, (3001, 99, "User Updated", 1)),
        ("user_update_failed", {"user_id": 3, "update_data": {}}, (3001, 99, "User Update", 2)),
        ("password_reset_successful", ANN | {"changes": {"password": "changed"}}, (3001, 4, "Password Reset", 1)),
        ("password_reset_request_failed", {"email": "x@y.z"}, (3001, 99, "Password Reset Request", 2)),
        ("user_deleted", ANN | {"changes": {}}, (3001, 6, "Delete", 1)),
        ("user_unlocked", ANN, (3001, 12, "Unlock", 1)),
        ("user_erased", {"events": "1-2", "mentions": "", "user_id": 3}, (3001, 99, "User Erased", 1)),
        ("group_created", {"group": {"id": 1, "name": "staff"}, "changes": {}}, (0, 99, "Group Created", 1)),
    ],
)
def test_class_and_activity_of_an_event(signal: str, data: dict[str, Any], shown: tuple[Any, ...]) -> None:
    event = ocsf_event(_row(signal, data))
    check(event)
    assert (event["class_uid"], event["activity_id"], event["activity_name"], event["status_id"]) == shown
    assert event["time"] == 1795883056522


@pytest.mark.parametrize("signal", [*FAILURE_EVENTS, *ADMINISTRATIVE])
def test_erased_event_is_valid(signal: str) -> None:
    for subject in ({"subject_id": 3, "subject": None}, {"subject_id": None, "subject": None}):
        check(ocsf_event(_row(signal, None, **subject)))


def test_new_values_of_a_user_are_the_result() -> None:
    changes = {
        "username": {"from": "ann", "to": "anna"},
        "email": {"from": "ann@example.org", "to": "anna@b\u00fccher.example"},
        "display_name": {"from": None, "to": "Anna"},
        "groups": {"added": ["admin"], "removed": ["staff"]},
    }
    event = ocsf_event(_row("user_updated", {"user": {"id": 3, "username": "anna"}, "changes": changes}))
    check(event)
    assert event["user"] == {"name": "anna", "uid": "3"}
    assert event["user_result"] == {
        "name": "anna",
        "uid": "3",
        "display_name": "Anna",
        "groups": [{"name": "admin"}],
    }
    assert event["unmapped"]["data"]["changes"] == changes
