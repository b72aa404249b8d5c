"""The JSON Schema of the files, for editors and checks before a file is applied."""

import json
from collections.abc import Mapping
from typing import Any

from lback_cli.apply.desired_state import ABSENT, LONGEST_OWNER, PRESENT
from lback_cli.attributes import LONGEST_TEXT, UserAttributes
from lback_cli.managers.group_manager import LONGEST_DESCRIPTION

_TYPES: Mapping[str, Mapping[str, Any]] = {
    "text": {"type": ["string", "null"], "maxLength": LONGEST_TEXT},
    "integer": {"type": ["integer", "string", "null"]},
    "boolean": {"type": ["boolean", "string", "null"]},
    "date": {"type": ["string", "null"], "format": "date"},
}


def schema_text(known: UserAttributes) -> str:
    """Return the schema as text."""
    return json.dumps(json_schema(known), indent=2) + "\n"


def json_schema(known: UserAttributes) -> dict[str, Any]:
    """Return the schema, with the attributes that the configuration declares."""
    text = {"type": "string"}
    flag = {"type": ["boolean", "string"]}
    declared = {attribute.name: _TYPES[attribute.type] for attribute in known.declared_rows}
    built_in = {attribute.name: _TYPES[attribute.type] for attribute in known.built_in_rows}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Users and groups for lback apply",
        **_mapping(
            {
                "owner": {
                    **text,
                    "maxLength": LONGEST_OWNER,
                    "description": "Who makes the users and groups of this file. --prune deletes only these.",
                },
                "groups": {
                    "type": "array",
                    "description": "Groups that should exist.",
                    "items": _mapping(
                        {"name": text, "description": {**text, "maxLength": LONGEST_DESCRIPTION}}, required="name"
                    ),
                },
                "users": {
                    "type": "array",
                    "description": "Users who should exist, or not. A key that is left out is not managed.",
                    "items": _mapping(
                        {
                            "username": text,
                            "email": {**text, "description": "A user who is new needs one, and is invited there."},
                            "groups": {
                                "type": "array",
                                "items": text,
                                "description": "All groups of the user, besides the default group.",
                            },
                            "active": {**flag, "description": "Whether the user may log in."},
                            "verified": {**flag, "description": "Whether the e-mail address is verified."},
                            **built_in,
                            "attributes": _mapping(declared),
                            "state": {"enum": [PRESENT, ABSENT]},
                        },
                        required="username",
                    ),
                },
            }
        ),
    }


def _mapping(properties: Mapping[str, Any], *, required: str | None = None) -> dict[str, Any]:
    needs = {} if required is None else {"required": [required]}
    return {"type": "object", "properties": properties, **needs, "additionalProperties": False}
