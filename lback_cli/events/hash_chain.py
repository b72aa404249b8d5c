"""The hashes of events, in the format that ``docs/event-log.md`` describes.

A row has a permanent part and a personal part (``data`` and ``subject``), which can be erased. The hash of the row
covers the personal part only through a salted digest. Without the salt the digest reveals nothing, so a row whose data,
subject and salt are erased still verifies.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

GENESIS = "0" * 64
"""The ``previous_hash`` of the first row."""

HASHED = (
    "actor",
    "digest",
    "host",
    "id",
    "invocation_id",
    "operation",
    "operation_id",
    "outcome",
    "pid",
    "previous_hash",
    "seq",
    "signal",
    "subject_id",
    "time",
    "version",
)
"""The fields that the hash of a row covers, in the order of RFC 8785."""

# A row has no nested values, so a template needs a third of the time of the encoder.
_ROW = "{" + ",".join(f'"{name}":%s' for name in HASHED) + "}"
_quoted = json.encoder.encode_basestring
_encoder = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical(value: Any) -> str:
    """Return *value* in the canonical form of RFC 8785 (JCS).

    Python's encoder writes that form for the values of events: ASCII keys, text without lone surrogates, booleans, None
    and integers below 2^53.

    Raises:
        ValueError: The value contains NaN or an infinity.
    """
    return _encoder.encode(value)


def personal_digest(salt: str, data: str, subject: str | None) -> str:
    """Return the SHA-256, in hex, of *salt* and the personal part; *data* is canonical JSON."""
    text = f'{salt}{{"data":{data},"subject":{_literal(subject)}}}'
    return hashlib.sha256(text.encode()).hexdigest()


def quoted(text: str) -> str:
    """Return *text* as `canonical` does, but faster."""
    return _quoted(text)


def row_hash(values: Iterable[Any]) -> str:
    """Return the SHA-256, in hex, of the canonical form of a row with *values* in the order of `HASHED`.

    Raises:
        TypeError: A value has a type that no event has.
        ValueError: A text has a lone surrogate.
    """
    return hashlib.sha256((_ROW % tuple(map(_literal, values))).encode()).hexdigest()


def row_template(shared: Mapping[str, Any]) -> str:
    """Return the canonical form of rows with the values of *shared*; `hash_row` fills in the others."""
    parts = (f'"{name}":' + (_literal(shared[name]).replace("%", "%%") if name in shared else "%s") for name in HASHED)
    return "{" + ",".join(parts) + "}"


def hash_row(template: str, values: Iterable[Any]) -> str:
    """Return the hash of a row of *template*, whose other *values* come in the order of `HASHED`."""
    # As `_literal`, without a function call for each value.
    literals = [_quoted(v) if v.__class__ is str else "null" if v is None else str(v) for v in values]
    return hashlib.sha256((template % (*literals,)).encode()).hexdigest()


def _literal(value: Any) -> str:
    """Return a text, an integer or None in canonical form. Raises TypeError for anything else."""
    if value is None:
        return "null"
    if type(value) is int:
        return str(value)
    return _quoted(value)
