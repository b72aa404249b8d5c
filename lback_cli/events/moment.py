"""The moments to which one can look back: a time, or the end of an event."""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from lback_cli.errors import UsageError
from lback_cli.text.escaping import safe
from lback_cli.text.times import parse_moment, with_date

_AGE = re.compile(r"[0-9]+[a-z]+")
_EVENT = re.compile(r"event:([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment in the past.

    Attributes:
        text: What a person wrote, with a date instead of a word such as ``yesterday``.
        time: The time; None if the moment is the end of an event.
        event: The number of that event.
    """

    text: str
    time: datetime | None = None
    event: int | None = None

    @property
    def phrase(self) -> str:
        """What a person wrote, as a part of a sentence: ``at 2026-06-02`` or ``7d ago``."""
        text = safe(self.text, limit=40)
        return f"{text} ago" if _AGE.fullmatch(self.text) else f"at {text}"

    @classmethod
    def parse(cls, text: str, now: datetime) -> "Moment":
        """Read a time (RFC 3339, UTC by default), a date (its end), an age such as ``7d``, or ``event:N``.

        ``today`` and ``yesterday`` are dates. If a day is not over, its end is *now*.

        Args:
            text: What a person wrote.
            now: The current time, from which an age counts.

        Raises:
            UsageError: *text* is none of these.
        """
        if match := _EVENT.fullmatch(text):
            return cls(text, event=int(match[1]))
        typed, text = text, with_date(text, now)
        with suppress(ValueError):
            day = date.fromisoformat(text)
            return cls(text, now if day == now.date() else datetime.combine(day, time.max, UTC))
        try:
            return cls(text, parse_moment(text, now))
        except UsageError as error:
            raise UsageError(
                f"{typed[:40]!r} is not a moment.",
                hint="Use a time such as 2026-01-31T12:00Z, a date (its end), yesterday, 7d, or event:N.",
            ) from error
