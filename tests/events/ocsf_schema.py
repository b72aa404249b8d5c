"""The published schema of OCSF, and whether an event is valid by it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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


def check(event: Mapping[str, Any]) -> None:
    """Assert that *event* is valid."""
    kind = CLASSES[event["class_uid"]]
    assert _faults(event, kind, "event") == [], event
    assert event["class_name"] == kind["caption"]
    assert event["category_name"] == SCHEMA["categories"][str(event["category_uid"])]
    assert event["category_uid"] == event["class_uid"] // 1000
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
    assert event["type_name"] == f"{event['class_name']}: {event['activity_name']}"
    assert event["metadata"]["version"] == SCHEMA["version"]
