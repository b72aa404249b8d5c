"""The format of the hash chain, and the detection of tampering."""

import hashlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from lback_cli.errors import BrokenEventLog
from lback_cli.events.checkpoint import Checkpoint
from lback_cli.events.export import verify_lines
from lback_cli.events.hash_chain import HASHED, canonical, personal_digest, row_hash
from lback_cli.events.serialization import to_json

from .harness import Installation
from .reference_verifier import problem
from .tampering import Rows, lines_of, rechain, rehash
from .tampering_trials import example, logs, try_databases, try_files, try_honest

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=25,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.text(max_size=8), ANYTHING, max_size=6))
def test_canonical_form_agrees_with_another_implementation(arguments: dict[str, Any]) -> None:
    data = to_json(arguments)
    assert canonical(data).encode() == rfc8785.dumps(data)
    assert json.loads(canonical(data)) == data


@settings(max_examples=300)
@given(st.text(), st.integers(1 - 2**53, 2**53 - 1), st.none() | st.text())
def test_row_hash_is_the_hash_of_the_canonical_form(text: str, number: int, outcome: str | None) -> None:
    text = text.encode("utf-8", "replace").decode()
    outcome = None if outcome is None else outcome.encode("utf-8", "replace").decode()
    row: dict[str, Any] = dict.fromkeys(HASHED, text) | {"seq": number, "pid": number, "outcome": outcome}
    assert row_hash(row[name] for name in HASHED) == hashlib.sha256(rfc8785.dumps(row)).hexdigest()
    personal: dict[str, Any] = {"data": {"a": outcome}, "subject": text}
    assert (
        personal_digest("ab", canonical(personal["data"]), text)
        == hashlib.sha256(b"ab" + rfc8785.dumps(personal)).hexdigest()
    )


@pytest.fixture(scope="session")
def honest(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, Rows]]:
    """Four honest logs of about fifteen events."""
    return logs(empty, tmp_path_factory.mktemp("honest"), count=4, steps=12)


def test_all_verifiers_detect_every_tampering_with_a_file(honest: list[tuple[Path, Rows]]) -> None:
    trials = try_files(honest, count=500, seed=1, example_every=25)
    assert trials.missed == []
    assert trials.total >= 500


def test_every_tampering_with_a_database_is_detected(honest: list[tuple[Path, Rows]], tmp_path: Path) -> None:
    trials = try_databases(honest, count=250, seed=2, scratch=tmp_path)
    assert trials.missed == []
    assert len(trials.tried) >= 12


def test_honest_logs_verify(empty: Path, tmp_path: Path) -> None:
    events, alarms = try_honest(empty, tmp_path, count=30)
    assert alarms == []
    assert events > 100


def test_example_of_the_documentation_verifies_an_export(honest: list[tuple[Path, Rows]]) -> None:
    _, rows = honest[0]
    finished = example("".join(lines_of(rows)))
    last = rows[-1]
    assert (finished.returncode, finished.stdout) == (
        0,
        f"{last['seq']} events, intact, the last with hash {last['hash']}\n",
    )
    assert problem(lines_of(rows)) is None


def _line(rows: Rows, **changes: Any) -> str:
    return json.dumps({**rows[0], **changes}) + "\n"


MALFORMED: dict[str, Callable[[Rows], list[str]]] = {
    "empty": lambda _: [],
    "blank": lambda _: ["\n"],
    "a blank line at the end": lambda rows: [*lines_of(rows), "\n"],
    "not JSON": lambda _: ["hello\n"],
    "a list": lambda _: ["[]\n"],
    "a number": lambda _: ["1\n"],
    "half a line": lambda rows: [lines_of(rows)[0][:100]],
    "two events in a line": lambda rows: [lines_of(rows)[0].strip() + lines_of(rows)[1]],
    "a byte order mark": lambda rows: ["\ufeff" + lines_of(rows)[0]],
    "not UTF-8": lambda rows: [lines_of(rows)[0].replace('"host": "', '"host": "\udcff')],
    "a lone surrogate": lambda rows: [_line(rows, subject="\ud800")],
    "a lone surrogate where it is hashed": lambda rows: [_line(rows, actor="\ud800")],
    "a lone surrogate in the data": lambda rows: [_line(rows, data={"\ud800": 1})],
    "a missing field": lambda rows: [json.dumps({k: v for k, v in rows[0].items() if k != "host"})],
    "another field": lambda rows: [_line(rows, extra=1)],
    "a field twice": lambda rows: [lines_of(rows)[0].replace("{", '{"seq": 1, ', 1)],
    "a field of the data twice": lambda rows: [lines_of(rows)[0].replace('"user": {', '"user": {"id": 1, ', 1)],
    "a float for the number": lambda rows: [_line(rows, seq=1.0)],
    "true for the number": lambda rows: [_line(rows, seq=True)],
    "text for the number": lambda rows: [_line(rows, seq="1")],
    "an endless number": lambda rows: [lines_of(rows)[0].replace('"seq": 1,', f'"seq": 1{"0" * 50},', 1)],
    "a number past every limit": lambda rows: [lines_of(rows)[0].replace('"seq": 1,', f'"seq": {"1" * 9999},', 1)],
    "NaN": lambda rows: [_line(rows, pid=float("nan"))],
    "an infinite salt": lambda rows: [_line(rows, salt=float("-inf"))],
    "a float in the data": lambda rows: [_line(rows, data={"a": 1e400})],
    "lists where texts are": lambda rows: [_line(rows, **({key: [[]] for key in rows[0]} | {"seq": 1}))],
    "objects where texts are": lambda rows: [_line(rows, **({key: {} for key in rows[0]} | {"seq": 1}))],
    "nothing where texts are": lambda rows: [_line(rows, **(dict.fromkeys(rows[0]) | {"seq": 1}))],
    "numbers where texts are": lambda rows: [_line(rows, **dict.fromkeys(rows[0], 1))],
    "a text for the data": lambda rows: [_line(rows, data="{}")],
    "deep nesting": lambda rows: [lines_of(rows)[0].replace('"host": ', f'"host": {"[" * 100000}', 1)],
    "nesting at the limit": lambda rows: [_line(rows, host=_nested(400), data={"a": _nested(400)})],
    "an erasure of nothing": lambda rows: lines_of(_erasure(rows, {})),
    "an erasure of numbers": lambda rows: lines_of(_erasure(rows, {"events": 3})),
    "an erasure of words": lambda rows: lines_of(_erasure(rows, {"events": "one-two"})),
}


def _nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


def _erasure(rows: Rows, data: dict[str, Any]) -> Rows:
    """Return *rows* with a forged erasure that is chained correctly."""
    forged = {**rows[-1], "signal": "user_erased", "data": data, "salt": "ab", "subject": None, "seq": len(rows) + 1}
    forged["digest"] = personal_digest("ab", canonical(data), None)
    forged["previous_hash"] = rows[-1]["hash"]
    rehash(forged)
    return [*rows, forged]


@pytest.mark.parametrize("malformed", MALFORMED)
def test_malformed_file_is_refused_with_a_short_message(honest: list[tuple[Path, Rows]], malformed: str) -> None:
    _, rows = honest[0]
    with pytest.raises(BrokenEventLog) as refusal:
        verify_lines(MALFORMED[malformed](rows))
    assert len(refusal.value.message) < 250


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE lback_events SET seq = 'x' WHERE seq = 2",
        "UPDATE lback_events SET pid = 1.5 WHERE seq = 2",
        "UPDATE lback_events SET actor = x'ff00' WHERE seq = 2",
        "UPDATE lback_events SET subject = x'ff00' WHERE seq = 2",
        "UPDATE lback_events SET data = x'ff00' WHERE seq = 2",
        "UPDATE lback_events SET salt = 1.5 WHERE seq = 2",
        "UPDATE lback_events SET data = '[' WHERE seq = 2",
        "DELETE FROM lback_events",
        "DELETE FROM lback_event_head",
        "UPDATE lback_event_head SET seq = 'x'",
        "UPDATE lback_event_head SET seq = 99999999999999",
        "UPDATE lback_event_head SET hash = '0'",
        "UPDATE lback_event_head SET id = 2",
    ],
)
def test_malformed_database_is_refused(installation: Installation, statement: str) -> None:
    installation.register("alice")
    installation.register("bob")
    with sqlite3.connect(installation.path) as connection:
        connection.execute(statement)
    connection.close()
    with pytest.raises(BrokenEventLog):
        installation.log.verify()


def test_only_a_checkpoint_detects_a_complete_rewrite(
    honest: list[tuple[Path, Rows]], make_installation: Callable[..., Installation]
) -> None:
    path, rows = honest[1]
    forged = json.loads(json.dumps(rows))
    forged[3]["actor"] = "another person"
    rechain(forged, 3)
    verify_lines(lines_of(forged))
    with pytest.raises(BrokenEventLog, match="Event 5: it differs from the checkpoint"):
        verify_lines(lines_of(forged), Checkpoint(5, 5, rows[4]["hash"]))
    make_installation(path).log.verify(Checkpoint(5, 5, rows[4]["hash"]))
