"""The moments that a person can write."""

from datetime import UTC, datetime

import pytest

from lback_cli.errors import UsageError
from lback_cli.events.moment import Moment
from lback_cli.text.times import parse_moment

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
LAST = "23:59:59.999999+00:00"


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-02-27", f"2026-02-27 {LAST}"),
        ("yesterday", f"2026-02-28 {LAST}"),
        ("Yesterday", f"2026-02-28 {LAST}"),
        ("yesterday 14:00", "2026-02-28 14:00:00+00:00"),
        ("yesterday 14:00+02:00", "2026-02-28 12:00:00+00:00"),
        ("today", "2026-03-01 12:30:00+00:00"),
        ("2026-03-01", "2026-03-01 12:30:00+00:00"),
        ("today 09:15", "2026-03-01 09:15:00+00:00"),
        ("2h", "2026-03-01 10:30:00+00:00"),
        ("2026-02-27T10:00Z", "2026-02-27 10:00:00+00:00"),
    ],
)
def test_a_date_is_its_end_and_words_are_dates(text: str, time: str) -> None:
    assert str(Moment.parse(text, NOW).time) == time


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("yesterday", "2026-02-28 00:00:00+00:00"),
        ("today", "2026-03-01 00:00:00+00:00"),
        ("yesterday 14:00", "2026-02-28 14:00:00+00:00"),
    ],
)
def test_where_a_period_begins_a_date_is_its_beginning(text: str, time: str) -> None:
    assert str(parse_moment(text, NOW)) == time


def test_sentences_name_the_date() -> None:
    assert [Moment.parse(text, NOW).phrase for text in ("yesterday", "today 09:15", "7d")] == [
        *("at 2026-02-28", "at 2026-03-01 09:15", "7d ago"),
    ]


@pytest.mark.parametrize("text", ["tomorrow", "yesterday 7d", "yesterday 25:00", "yesterdays", "today ", ""])
def test_other_words_are_refused_as_they_were_written(text: str) -> None:
    with pytest.raises(UsageError, match=f"^{text!r} is not a moment"):
        Moment.parse(text, NOW)
    with pytest.raises(UsageError, match="is not a time"):
        parse_moment(text, NOW)
