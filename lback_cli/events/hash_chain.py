"""The hashes of events, in the format that ``docs/event-log.md`` describes.

A row has a permanent part and a personal part (``data`` and ``subject``), which can be erased. The hash of the row
covers the personal part only through a salted digest. Without the salt the digest reveals nothing, so a row whose data,
subject and salt are erased still verifies.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
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
    # As `_literal`, whose calls take half as long again.
    literals = ["null" if value is None else str(value) if type(value) is int else _quoted(value) for value in values]
    return hashlib.sha256((_ROW % tuple(literals)).encode()).hexdigest()


class RowHasher:
    """Computes what `row_hash` returns, of rows that are alike, in two parts: before the place in the chain is known.

    Args:
        shared: The values that all rows have, by field: those of ``actor``, ``host``, ``pid``, ``version`` and
            ``invocation_id``.
    """

    def __init__(self, shared: Mapping[str, Any]) -> None:
        self._shared = {name: _literal(value) for name, value in shared.items()}
        self._templates: dict[tuple[str, str | None], str] = {}

    def begin(self, operation: str, outcome: str | None, digest: str, id_: str, operation_id: str) -> "hashlib._Hash":
        """Begin the hash of a row; *digest* and *id_* are in hex."""
        template = self._templates.get((operation, outcome))
        if template is None:
            known = self._shared | {"operation": _literal(operation), "outcome": _literal(outcome)}
            known = {name: value.replace("%", "%%") for name, value in known.items()}
            known |= {"digest": '"%s"', "id": '"%s"', "operation_id": "%s"}
            fields = HASHED[: HASHED.index("previous_hash")]
            template = "{" + "".join(f'"{name}":{known[name]},' for name in fields)
            self._templates[operation, outcome] = template
        return hashlib.sha256((template % (digest, id_, _quoted(operation_id))).encode())

    def ending_at(self, time: str) -> Callable[["hashlib._Hash", str, int, str, int | None], str]:
        """Return a function that ends the hash of a row with that *time*, and returns it in hex.

        It takes what `begin` returned, the hash of the previous row, and the number, signal and subject of the row.
        """
        tail = f',"time":{_literal(time)},"version":{self._shared["version"]}}}'
        signals: dict[str, str] = {}

        def end(begun: "hashlib._Hash", previous_hash: str, seq: int, signal: str, subject_id: int | None) -> str:
            if (name := signals.get(signal)) is None:
                name = signals[signal] = _quoted(signal)
            subject = "null" if subject_id is None else subject_id
            rest = f'"previous_hash":"{previous_hash}","seq":{seq},"signal":{name},"subject_id":{subject}{tail}'
            begun.update(rest.encode())
            return begun.hexdigest()

        return end


def _literal(value: Any) -> str:
    """Return a text, an integer or None in canonical form. Raises TypeError for anything else."""
    if value is None:
        return "null"
    if type(value) is int:
        return str(value)
    return _quoted(value)
