"""This machine remembers the end of the log, so that one that was dropped or rolled back is not taken for a new one."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

Lback = Any


@pytest.fixture
def seen(lback: Lback) -> Lback:
    """An installation with four events, which doctor has seen: three users and the default group."""
    for name in ("ann", "bob", "cat"):
        assert register(lback, name) == 0
    assert lback("doctor", "-q").status == 0
    return lback


def register(lback: Lback, name: str) -> int:
    arguments = ("user", "register", name, "--email", f"{name}@example.org", "--generate-password", "-q")
    return int(lback(*arguments).status)


def database(lback: Lback) -> Path:
    return Path(lback.directory / "data" / "lback" / "lback.db")


def memory(lback: Lback) -> Path:
    (path,) = (lback.directory / "state" / "lback" / "event-logs").glob("*.json")
    return Path(path)


def execute(lback: Lback, *statements: str) -> None:
    with closing(sqlite3.connect(database(lback))) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def replace(lback: Lback) -> None:
    database(lback).unlink()
    register(lback, "eve")


def roll_back(lback: Lback) -> None:
    head = "SELECT hash FROM lback_events WHERE seq = 2"
    execute(lback, f"UPDATE lback_event_head SET seq = 2, hash = ({head})", "DELETE FROM lback_events WHERE seq > 2")


def rewrite(lback: Lback) -> None:
    roll_back(lback)
    for name in ("eve", "fay"):
        register(lback, name)


LOSSES: dict[Callable[[Lback], None], str] = {
    replace: (
        "Event 1: the event log that was in this database on {time}, with 4 events, is lost: its tables were dropped,"
        " or the database was replaced."
    ),
    roll_back: "Event 3: it is lost: the event log had 4 events on {time}, and has 2 now.",
    rewrite: "Event 4: it is another one than on {time}.",
}


@pytest.mark.parametrize("lose", LOSSES)
def test_lost_log_is_reported_until_the_loss_is_confirmed(seen: Lback, lose: Callable[[Lback], None]) -> None:
    time = json.loads(memory(seen).read_text())["time"]
    message = LOSSES[lose].format(time=f"{time[:10]} {time[11:16]} UTC")
    hint = f"Restore a backup. If the database was replaced on purpose, delete {memory(seen)} and try again."
    lose(seen)
    verified = seen("events", "verify", "-o", "json")
    assert (verified.status, verified.error["code"]) == (7, "broken_event_log")
    assert message in verified.error["message"]
    (finding,) = (line for line in seen("doctor", "-o", "json").result if line["check"] == "events")
    assert (finding["status"], finding["message"], finding["hint"]) == ("fail", message, hint)
    pinned = seen("events", "checkpoint")
    assert pinned.status == 0
    assert pinned.err == f"warning: {message} {hint}\n"
    assert seen("events", "verify").status == 7, "a checkpoint confirms nothing"
    memory(seen).unlink()
    assert seen("events", "verify").status == 0
    assert seen("doctor", "-q").status == 0


def test_log_that_goes_on_is_remembered_anew(seen: Lback) -> None:
    assert json.loads(memory(seen).read_text())["seq"] == 4
    register(seen, "eve")
    assert seen("events", "checkpoint").err == ""
    assert json.loads(memory(seen).read_text())["seq"] == 5
    assert (memory(seen).stat().st_mode & 0o777, memory(seen).parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_empty_log_is_nothing_to_lose(lback: Lback) -> None:
    assert lback("doctor", "-q").status == 0
    assert lback("events", "verify", "-q").status == 0
    database(lback).unlink()
    assert lback("events", "verify").status == 0


def test_copy_in_place_of_the_original_is_the_same_log(seen: Lback) -> None:
    copy = seen.directory / "copy.db"
    assert seen("db", "copy", "--to", f"sqlite:///{copy}", "-q").status == 0
    shutil.move(copy, database(seen))
    for leftover in ("-wal", "-shm"):
        database(seen).with_name(database(seen).name + leftover).unlink(missing_ok=True)
    assert seen("events", "verify").status == 0
    assert seen("doctor", "-q").status == 0


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"database": "x", "log": "x", "seq": "1", "hash": "", "time": ""}']
)
def test_damaged_memory_is_named(seen: Lback, content: str) -> None:
    memory(seen).write_text(content)
    verified = seen("events", "verify", "-o", "json")
    assert verified.status == 9
    assert f"{memory(seen)} does not say how far an event log had come." in verified.error["message"]


def test_memory_that_others_can_write_is_not_believed(seen: Lback) -> None:
    memory(seen).chmod(0o666)
    verified = seen("events", "verify", "-o", "json")
    assert verified.status == 9
    assert f"{memory(seen)} can be written by others." in verified.error["message"]


def test_machine_without_a_state_directory_remembers_nothing(lback: Lback) -> None:
    (lback.directory / "state").write_text("a file is in the way")
    assert register(lback, "ann") == 0
    for command in (("doctor", "-q"), ("events", "checkpoint"), ("events", "verify")):
        done = lback(*command)
        assert (done.status, "state" in done.err) == (0, False), done.err
