"""Time: always aware, always UTC, as text always RFC 3339."""

from datetime import UTC, datetime

from lback_cli.errors import UsageError


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
    from lback_cli.settings.values import parse_duration

    try:
        moment = now - parse_duration(text) if text.endswith(("s", "m", "h", "d")) else datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text[:40]!r} is not a time.", hint="Use a date or time such as 2026-01-31T12:00Z, or an age such as 2h."
        ) from error
