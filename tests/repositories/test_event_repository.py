"""The queries on the event log."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, update

from lback_cli.events.hash_chain import GENESIS
from lback_cli.events.record import EventRecord
from lback_cli.events.verifier import COLUMNS
from lback_cli.models.tables import EVENT_HEAD, EVENTS
from lback_cli.repositories import event_repository
from lback_cli.repositories.event_repository import ChainHead, EventQuery, EventRepository
from lback_cli.repositories.unit_of_work import UnitOfWork

Write = Callable[..., None]


@pytest.fixture
def events(work: UnitOfWork) -> EventRepository:
    return work.events


@pytest.fixture
def write(events: EventRepository) -> Write:
    """Append an event: ``write(signal, subject=, subject_id=, data=)``."""

    def append(signal: str = "user_deleted", **options: Any) -> None:
        values = {"outcome": None, "subject_id": None, "subject": None, "data": "{}", **options}
        events.append([EventRecord(signal=signal, operation="test", operation_id="0" * 32, **values)])

    return append


def found(events: EventRepository, **query: Any) -> list[int]:
    return [row["seq"] for row in events.select(EventQuery(**query))]


def test_events_are_numbered_from_1_and_chained(events: EventRepository) -> None:
    assert events.head() == events.lock() == ChainHead(0, GENESIS)
    record = EventRecord("user_deleted", "test", "0" * 32, None, None, None, "{}")
    events.append([record, record])
    events.append([record])
    rows = list(events.select(EventQuery()))
    assert [row["seq"] for row in rows] == [1, 2, 3]
    assert [row["previous_hash"] for row in rows] == [GENESIS, rows[0]["hash"], rows[1]["hash"]]
    assert events.head() == ChainHead(3, rows[2]["hash"])


def test_nothing_to_append_changes_nothing(events: EventRepository) -> None:
    events.append([])
    assert events.head() == ChainHead(0, GENESIS)
    assert found(events) == []


def test_missing_head_is_reported(events: EventRepository, work: UnitOfWork) -> None:
    work.session.execute(delete(EVENT_HEAD))
    assert events.head() is None


def test_each_condition_chooses_and_all_must_hold(events: EventRepository, write: Write) -> None:
    write("user_deleted", subject="ann", subject_id=1, data='{"username":"ann"}')
    write("user_updated", subject="bob", subject_id=2, data='{"user":{"email":"b%b@x.org","username":"bob"}}')
    write("user_updated", subject="Ann", subject_id=None, data='{"username":"Ann"}')
    assert found(events) == [1, 2, 3]
    assert found(events, newest_first=True, limit=2) == [3, 2]
    assert found(events, signals=("user_updated",)) == [2, 3]
    assert found(events, subject="ann") == [1]
    assert found(events, subject_id=2) == [2]
    assert found(events, after=1, before=3) == [2]
    assert found(events, signals=("user_updated",), subject="ann") == []
    assert found(events, actor="nobody") == []
    assert found(events, naming="b%b@x.org") == [2]
    assert found(events, naming="%") == found(events, naming="bo_") == []
    assert found(events, since="2000", until="9999") == [1, 2, 3]
    assert found(events, since="9999") == found(events, until="2000") == []


@pytest.mark.parametrize("number", [2**63, -(2**63), 10**400])
def test_number_too_large_for_a_database_is_after_all_events(
    events: EventRepository, write: Write, number: int
) -> None:
    write(subject_id=7)
    assert found(events, subject_id=number) == []
    assert found(events, after=number) == ([] if number > 0 else [1])
    assert found(events, before=number) == ([1] if number > 0 else [])


@pytest.mark.parametrize("limit", [None, 1, 3, 4, 5, 7, 100])
@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_join_seamlessly(
    events: EventRepository, write: Write, monkeypatch: pytest.MonkeyPatch, limit: int | None, newest_first: bool
) -> None:
    monkeypatch.setattr(event_repository, "PAGE", 2)
    for _ in range(7):
        write()
    wanted = list(range(7, 0, -1) if newest_first else range(1, 8))
    assert found(events, limit=limit, newest_first=newest_first) == wanted[:limit]


def test_selected_columns_are_in_the_requested_order(events: EventRepository, write: Write) -> None:
    write(subject="ann")
    write()
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in events.walk(COLUMNS)]
    assert [{name: row[name] for name in COLUMNS} for row in events.select(EventQuery())] == rows


def test_counts_are_by_day_and_signal(events: EventRepository, write: Write, work: UnitOfWork) -> None:
    for signal in ("user_deleted", "user_deleted", "user_updated", "user_updated"):
        write(signal)
    for seq, time in enumerate(["2026-01-01T00", "2026-01-01T23", "2026-01-02T00", "2025-12-31T23"], 1):
        work.session.execute(update(EVENTS).where(EVENTS.c.seq == seq).values(time=f"{time}:00:00.000000Z"))
    assert events.count_by_time("2026-01-01T00:00:00.000000Z", "day") == [
        ("2026-01-01", "user_deleted", 2),
        ("2026-01-02", "user_updated", 1),
    ]


def test_erasing_blanks_the_personal_part_of_those_events_alone(
    events: EventRepository, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_repository, "PAGE", 2)
    for _ in range(5):
        write(subject="ann", subject_id=1)
    before = list(events.select(EventQuery()))
    events.erase([1, 2, 3, 5])
    events.erase([])
    after = list(events.select(EventQuery()))
    assert after[3] == before[3]
    for number in (0, 1, 2, 4):
        assert after[number] == {**before[number], "subject": None, "data": None, "salt": None}
