"""Events in OCSF are valid by the published schema."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lback_cli.events.hash_chain import canonical
from lback_cli.events.kinds import ADMINISTRATIVE, FAILURE_EVENTS
from lback_cli.events.ocsf import ocsf_event

from .random_history import RandomHistory, WideInstallation

SCHEMA = json.loads((Path(__file__).parent / "ocsf" / "schema-1.8.0.json").read_text("utf-8"))
CLASSES = {kind["uid"]: kind for kind in SCHEMA["classes"].values()}
_PYTHON = {"string_t": str, "email_t": str, "integer_t": int, "long_t": int, "timestamp_t": int, "boolean_t": bool}


def _faults(value: Mapping[str, Any], declared: Mapping[str, Any], place: str) -> list[str]:
    """Return what is wrong with an event or an object, by the schema."""
    attributes = declared["attributes"]
    faults = [f"{place}.{name} is unknown" for name in value if name not in attributes]
    required = (name for name, a in attributes.items() if a["requirement"] == "required")
    faults += [f"{place}.{name} is missing" for name in required if name not in value]
    for names in declared["constraints"].values():
        if not value.keys() & set(names):
            faults.append(f"{place} has none of {names}")
    for name, found in value.items():
        for each in found if attributes.get(name, {}).get("is_array") else [found]:
            faults += _faults_of_value(each, value, attributes.get(name, {}), f"{place}.{name}")
    return faults


def _faults_of_value(found: Any, parent: Mapping[str, Any], declared: Mapping[str, Any], place: str) -> list[str]:
    kind = declared.get("type")
    if kind in SCHEMA["objects"]:
        return _faults(found, SCHEMA["objects"][kind], place)
    if kind in {"object", None}:
        return [] if isinstance(found, dict) else [f"{place} is not an object"]
    if type(found) is not _PYTHON[kind]:
        return [f"{place} is not {kind}"]
    pattern, known = SCHEMA["types"][kind].get("regex", ""), declared.get("enum", {str(found): ""})
    if not re.search(pattern, str(found)) or str(found) not in known:
        return [f"{place} is {found}, and not of {pattern} {sorted(known)}"]
    caption = parent.get(declared.get("sibling", ""))
    if "enum" in declared and found != 99 and caption not in {None, known[str(found)]}:
        return [f"{place} is {found}, which is {known[str(found)]}, and not {caption}"]
    return []


def _check(event: dict[str, Any]) -> None:
    kind = CLASSES[event["class_uid"]]
    assert _faults(event, kind, "event") == [], event
    assert event["class_name"] == kind["caption"]
    assert event["category_name"] == SCHEMA["categories"][str(event["category_uid"])]
    assert event["category_uid"] == event["class_uid"] // 1000
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
    assert event["type_name"] == f"{event['class_name']}: {event['activity_name']}"
    assert event["metadata"]["version"] == SCHEMA["version"]


def test_events_of_random_histories_are_valid(tmp_path: Path) -> None:
    installation = WideInstallation(f"sqlite:///{tmp_path}/lback.db", tmp_path)
    history = RandomHistory(installation, 7)
    for _ in range(300):
        history.step()
    rows = installation.rows()
    installation.database.dispose()
    for row in rows:
        event = ocsf_event(row)
        _check(event)
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
    _check(event)
    assert (event["class_uid"], event["activity_id"], event["activity_name"], event["status_id"]) == shown
    assert event["time"] == 1795883056522


@pytest.mark.parametrize("signal", [*FAILURE_EVENTS, *ADMINISTRATIVE])
def test_erased_event_is_valid(signal: str) -> None:
    for subject in ({"subject_id": 3, "subject": None}, {"subject_id": None, "subject": None}):
        _check(ocsf_event(_row(signal, None, **subject)))


def test_new_values_of_a_user_are_the_result() -> None:
    changes = {
        "username": {"from": "ann", "to": "anna"},
        "email": {"from": "ann@example.org", "to": "anna@b\u00fccher.example"},
        "display_name": {"from": None, "to": "Anna"},
        "groups": {"added": ["admin"], "removed": ["staff"]},
    }
    event = ocsf_event(_row("user_updated", {"user": {"id": 3, "username": "anna"}, "changes": changes}))
    _check(event)
    assert event["user"] == {"name": "anna", "uid": "3"}
    assert event["user_result"] == {
        "name": "anna",
        "uid": "3",
        "display_name": "Anna",
        "groups": [{"name": "admin"}],
    }
    assert event["unmapped"]["data"]["changes"] == changes
