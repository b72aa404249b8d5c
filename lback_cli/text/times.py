"""Time: always aware, always UTC, as text always RFC 3339."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from lback_cli.errors import UsageError

_DURATION = re.compile(r"(\d{1,9})\s*([smhd]?)")
_UNITS = {"": "seconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def utc_now() -> datetime:
    """The current time."""
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """*moment* as RFC 3339 in UTC, to the microsecond, so that text compares as time does."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_moment(text: str, now: datetime) -> datetime:
    """*text*, an ISO 8601 date or time (UTC where it names no zone) or an age before *now* such as ``2h``.

    Raises `UsageError`.
    """
    try:
        moment = now - parse_duration(text) if text.endswith(("s", "m", "h", "d")) else datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text[:40]!r} is not a time.", hint="Use a date or time such as 2026-01-31T12:00Z, or an age such as 2h."
        ) from error


def parse_duration(raw: Any) -> timedelta:
    """Read a time such as ``90s``, ``30m``, ``24h`` or ``7d``, or a number of seconds. Raises ValueError."""
    if isinstance(raw, timedelta):
        return raw
    if isinstance(raw, bool) or not isinstance(raw, int | str) or not (match := _DURATION.fullmatch(str(raw).strip())):
        raise ValueError  # without the value, which may be a secret and would show in a traceback
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
