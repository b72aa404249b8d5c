"""Times in UTC, and their text in RFC 3339."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from lback_cli.errors import UsageError

_DURATION = re.compile(r"(\d{1,9})\s*([smhd]?)")
_DAYS = {"today": 0, "yesterday": 1}
_UNITS = {"": "seconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """Return *moment* as RFC 3339 in UTC with microseconds, so that texts sort as times."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def to_the_second(moment: datetime) -> str:
    """Return *moment* as RFC 3339 in UTC without fractions: for results."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def local_time(text: str) -> str:
    """Return an RFC 3339 *text* as a time in the local zone with its offset, to the second: for people.

    What another program has stored in another form stays as it is.
    """
    try:
        return datetime.fromisoformat(text).astimezone().isoformat(" ", "seconds")
    except (ValueError, OverflowError):
        return text


def with_date(text: str, now: datetime) -> str:
    """Return *text* with the date, in UTC, instead of ``today`` or ``yesterday`` at its beginning."""
    word, space, rest = text.partition(" ")
    days = _DAYS.get(word.lower())
    if days is None:
        return text
    return f"{(now.astimezone(UTC) - timedelta(days=days)).date()}{space}{rest}"


def parse_moment(text: str, now: datetime) -> datetime:
    """Parse an ISO 8601 date or time, in UTC unless it names a zone, or an age before *now* such as ``2h``.

    ``today`` and ``yesterday`` can take the place of the date, as in ``yesterday 14:00``.

    Raises:
        UsageError: *text* is none of these.
    """
    dated = with_date(text, now)
    try:
        moment = now - parse_duration(text) if text.endswith(("s", "m", "h", "d")) else datetime.fromisoformat(dated)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text[:40]!r} is not a time.",
            hint="Use a date or time such as 2026-01-31T12:00Z, 'yesterday 14:00', or an age such as 2h.",
        ) from error


def parse_duration(raw: Any) -> timedelta:
    """Parse a duration such as ``90s``, ``30m``, ``24h`` or ``7d``, or a number of seconds.

    Raises:
        ValueError: *raw* is none of these.
    """
    if isinstance(raw, timedelta):
        return raw
    if isinstance(raw, bool) or not isinstance(raw, int | str) or not (match := _DURATION.fullmatch(str(raw).strip())):
        raise ValueError  # without the value, which may be a secret and would appear in a traceback
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
