"""Damaged files, and files read as another format: each row is a value or an error."""

import io
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from lback_cli.errors import LbackError
from lback_cli.imports.formats.csv_reader import read_csv
from lback_cli.imports.formats.jsonl_reader import read_jsonl
from lback_cli.imports.row import ImportRow
from lback_cli.imports.sources.registry import built_in_sources

FIXTURES = sorted(path.name for path in (Path(__file__).parent / "fixtures").iterdir())
READERS: dict[str, Callable[[BinaryIO], Iterator[ImportRow]]] = {
    "csv": read_csv,
    "jsonl": read_jsonl,
    **{source.name: source().read for source in built_in_sources()},
}
REPORT_EACH_RECORD = {"django", "htpasswd", "kratos", "ldif", "shadow"}
"""The readers that recognise no file as a whole, so they refuse none."""

VARIANTS = 120

PIECES = [
    b"",
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b"\xff",
    b"\n",
    b"\r",
    b":",
    b",",
    b";",
    b"$",
    b"!",
    b"'",
    b" ",
    b"0",
    b"\0",
]
VALUES: list[Any] = [
    *(None, True, 0, -1, 1.5, 10**50, 10**200, float("inf"), float("nan")),
    *("", "\0", "\ud800", "\udc80", "$", "$argon2id$", "!", "{", "9" * 5000, "[" * 100_000, "x" * 70_000),
    *([], [[]], [1], [{}], ["a", None], {}, {"": 0}, {"a": [1]}),
]


def changed(value: Any, chance: random.Random) -> Any:
    """Return *value* with some values replaced, also in JSON strings inside it."""
    if chance.random() < 0.06:
        return chance.choice(VALUES)
    if isinstance(value, dict):
        return {key: changed(item, chance) for key, item in value.items() if chance.random() > 0.02}
    if isinstance(value, list):
        return [changed(item, chance) for item in value]
    if isinstance(value, str) and value.startswith('{"') and chance.random() < 0.8:
        return written(changed(json.loads(value), chance), chance)
    return value


def written(value: Any, chance: random.Random) -> str:
    """Return *value* as JSON, with infinities as programs write them."""
    text = json.dumps(value, ensure_ascii=chance.random() < 0.5)
    return text.replace("Infinity", chance.choice(["Infinity", "1e999"]))


def with_other_values(whole: bytes, chance: random.Random) -> bytes:
    try:
        documents = [json.loads(whole)]
    except ValueError:
        documents = [json.loads(line) for line in whole.splitlines()]
    texts = [written(changed(document, chance), chance) for document in documents]
    return "\n".join(texts).encode("utf-8", "backslashreplace")


def with_other_bytes(whole: bytes, chance: random.Random) -> bytes:
    raw = bytearray(whole)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(raw))
        raw[place : place + chance.choice([0, 1, 1, 50])] = chance.choice(PIECES)
    return bytes(raw)


def assert_value_or_error(row: ImportRow) -> None:
    if row.error is not None:
        assert isinstance(row.error, LbackError)
        assert row.error.message
        assert row.raw is None or not row.original
        return
    texts = (row.username, row.email, row.password or "", row.password_hash or "", *(row.groups or ()))
    assert all(isinstance(text, str) for text in texts)
    assert {type(row.is_active), type(row.is_email_verified)} <= {bool, type(None)}


def assert_read_by_all(raw: bytes) -> None:
    last = raw.count(b"\n") + 1
    for reader, read in READERS.items():
        try:
            rows = list(read(io.BytesIO(raw)))
        except LbackError:
            assert reader not in REPORT_EACH_RECORD
            continue
        lines = [row.line for row in rows]
        assert lines == sorted(lines)
        assert all(1 <= line <= last for line in lines)
        for row in rows:
            assert_value_or_error(row)


@pytest.mark.parametrize("name", FIXTURES)
def test_readers_return_rows_or_errors_for_damaged_files(fixtures: Path, name: str) -> None:
    whole, chance = (fixtures / name).read_bytes(), random.Random(20240607)
    for _ in range(VARIANTS):
        assert_read_by_all(with_other_bytes(whole, chance))


@pytest.mark.parametrize("name", [name for name in FIXTURES if ".json" in name])
def test_readers_return_rows_or_errors_for_changed_json_values(fixtures: Path, name: str) -> None:
    whole, chance = (fixtures / name).read_bytes(), random.Random(3)
    for _ in range(VARIANTS):
        assert_read_by_all(with_other_values(whole, chance))
