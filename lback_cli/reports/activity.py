"""``lback report activity``: what happened, when, who did it, and what failed."""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from lback_cli.events.kinds import CREATIONS, DELETIONS
from lback_cli.events.summary import KINDS, WEEKDAYS, kind_of
from lback_cli.reports.base import Bars, Choice, Figures, HeatMap, Part, Record, Report, Table, Timeline, others
from lback_cli.reports.periods import columns_of

if TYPE_CHECKING:
    from lback_cli.events.grants import MembershipEvent
    from lback_cli.repositories.activity_reader import ActivityReader

MOVES = 5_000
"""Memberships that began or ended, in the table of a page at most."""

MOVES_OF_A_GROUP = 1_000
"""The same of one group."""

NAMES = 500
"""Actors, groups, reasons and user names in a table of a page at most."""

NIGHT = ("22", "23", "00", "01", "02", "03", "04", "05")
"""The hours of the night, in UTC."""

_BARS = 12
_TITLES = {
    "registered": "registered",
    "logins": "logins",
    "failed_logins": "failed logins",
    "failures": "other failures",
    "changes": "other changes",
}
_HOURS = [f"{hour:02}" for hour in range(24)]
_NO_NAME = "(erased or none)"
_WHOLE_USER = frozenset({*CREATIONS, *DELETIONS})


class ActivityReport(Report):
    """Counts of events: by day, weekday, hour, actor, group and reason."""

    title = "Activity: what happened, and what failed"
    description = "Count events by day, weekday, hour, actor, group and reason of failure, in UTC."
    examples: ClassVar[Mapping[str, str]] = {
        "Count the events of the last 30 days": "lback report activity",
        "Write a page to send on": "lback report activity --format html > activity.html",
        "Count the events of January": "lback report activity --since 2026-01-01 --until 2026-02-01",
        "Give a spreadsheet the whole log": "lback report activity --since 2000-01-01 -o csv",
    }
    takes: ClassVar[frozenset[Choice]] = frozenset({"since", "until"})
    default_since = "30d"
    columns = ("by", "name", *KINDS, "joined", "left")
    brief = ("by", "name", *KINDS)

    def records(self) -> Iterator[Record]:
        """Yield counts: *by* says of what, *name* of which. What has no events has no row."""
        return (row for row in self._rows() if any(row[kind] for kind in self.columns[2:]))

    def _rows(self) -> Iterator[Record]:
        for day in self._days:
            yield self._row("day", day.isoformat(), self._days[day])
        for position, weekday in enumerate(WEEKDAYS):
            yield self._row("weekday", weekday, self._sum(range(24), [position]))
        for hour in range(24):
            yield self._row("hour", _HOURS[hour], self._sum([hour], range(7)))
        for actor, *counts in self._reader.by_actor():
            yield self._row("actor", actor, dict(zip(KINDS, map(int, counts), strict=True)))
        for name, moved in sorted(self._moves.counts.items()):
            yield self._row("group", name, {**moved, "changes": sum(moved.values())})
        for signal, reason, count in self._reader.by_reason():
            kind = "failed_logins" if signal == "user_authentication_failed" else "failures"
            yield self._row("reason", _reason(signal, reason), {kind: count})

    def parts(self) -> Iterator[Part]:
        """Yield figures, charts, and tables of actors, groups, failures and memberships."""
        totals = self._sum(range(24), range(7))
        nightly = self._sum(map(int, NIGHT), range(7))
        yield Figures(
            [
                ("events", sum(totals.values())),
                *((_TITLES[kind], totals[kind]) for kind in KINDS),
                ("failed logins at night", nightly["failed_logins"]),
            ]
        )
        step, labels, counts = columns_of(self._days, KINDS)
        yield Timeline(
            "What happened when?",
            step,
            labels,
            [(_TITLES[kind], counts[kind]) for kind in KINDS],
            "Each row has a scale of its own, which ends at the number beside it.",
        )
        for kind, question in (("failed_logins", "When do logins fail?"), ("logins", "When do users log in?")):
            rows = [
                (f"{hour:02}:00", [self._grid.get((weekday, hour), {}).get(kind, 0) for weekday in range(7)])
                for hour in range(24)
            ]
            yield HeatMap(question, "hour (UTC)", WEEKDAYS, rows, f"Night is from {NIGHT[0]}:00 to 06:00 UTC.")
        yield from self._failures()
        yield from self._actors()
        yield from self._changes_of_groups()

    def _failures(self) -> Iterator[Part]:
        reasons = [(_reason(signal, reason), count) for signal, reason, count in self._reader.by_reason()]
        yield Bars("What fails, and why?", "failure and reason", "events", reasons[:_BARS], others(reasons[_BARS:]))
        names = self._reader.failed_logins(NIGHT, NAMES + 1)
        yield Table(
            "Failed logins by user name",
            {
                "name": "user name",
                "failures": "failed logins",
                "why": "why",
                "night": "at night",
                "last": "last (UTC)",
            },
            [
                {
                    "name": found.name or _NO_NAME,
                    "failures": found.failures,
                    "why": _counted(found.reasons),
                    "night": found.at_night,
                    "last": found.last[:19] + "Z",
                }
                for found in names[:NAMES]
            ],
            note=f"Only the {NAMES} names with most failed logins are shown." if len(names) > NAMES else "",
            empty="No login failed.",
        )

    def _actors(self) -> Iterator[Part]:
        reader = self._reader.by_actor()
        rows = [(actor, dict(zip(KINDS, map(int, counts), strict=True))) for actor, *counts in islice(reader, NAMES)]
        more = sum(1 for _ in reader)
        largest = [(actor, sum(counts.values())) for actor, counts in rows]
        yield Bars("Who acts?", "actor", "events", largest[:_BARS])
        yield Table(
            "Actors",
            {"actor": "actor", **_TITLES},
            [{"actor": actor, **counts} for actor, counts in rows],
            note=f"{more:,} actors with fewer events are not shown." if more else "",
            empty="There are no events.",
        )

    def _changes_of_groups(self) -> Iterator[Part]:
        groups = sorted(self._moves.counts.items(), key=lambda item: (-sum(item[1].values()), item[0]))
        more = len(groups) - NAMES
        yield Table(
            "Groups that users joined and left",
            {"group": "group", "joined": "joined", "left": "left"},
            [{"group": name, **counts} for name, counts in groups[:NAMES]],
            note=f"{more:,} groups with fewer changes are not shown." if more > 0 else "",
            empty="No user joined or left a group.",
        )
        moves = self._moves
        yield Table(
            "Who joined and left which group?",
            {
                "time": "time (UTC)",
                "username": "user name",
                "change": "change",
                "group": "group",
                "actor": "by",
                "event": "event",
            },
            moves.rows,
            note=moves.note,
            empty="No user joined or left a group.",
            total=moves.total,
        )

    @cached_property
    def _reader(self) -> "ActivityReader":
        from lback_cli.repositories.activity_reader import ActivityReader

        request = self.source.request
        return ActivityReader(self.source.found.connection, request.since, request.until)

    @cached_property
    def _counts(self) -> tuple[dict[date, dict[str, int]], dict[tuple[int, int], dict[str, int]]]:
        """The counts of each kind by day, and by weekday and hour."""
        days: dict[date, dict[str, int]] = {}
        grid: dict[tuple[int, int], dict[str, int]] = {}
        for text, signal, count in self._reader.by_hour():
            day, hour = _time(text)
            if day is None:
                self.notes.append(f"{count:,} events were left out, because their time is damaged.")
                continue
            kind = kind_of(signal)
            for counts in (days.setdefault(day, {}), grid.setdefault((day.weekday(), hour), {})):
                counts[kind] = counts.get(kind, 0) + count
        return dict(sorted(days.items())), grid

    @property
    def _days(self) -> dict[date, dict[str, int]]:
        return self._counts[0]

    @property
    def _grid(self) -> dict[tuple[int, int], dict[str, int]]:
        return self._counts[1]

    def _sum(self, hours: Any, weekdays: Any) -> dict[str, int]:
        cells = [self._grid.get((weekday, hour), {}) for hour in hours for weekday in weekdays]
        return {kind: sum(cell.get(kind, 0) for cell in cells) for kind in KINDS}

    @cached_property
    def _moves(self) -> "_Moves":
        moves = _Moves(self.source.services.settings.users.default_group)
        for event in self._reader.memberships():
            moves.add(event)
        if moves.damaged:
            self.notes.append(
                f"{len(moves.damaged):,} damaged events were left out, the first is {min(moves.damaged)}."
            )
        return moves

    def _row(self, by: str, name: str, counts: Mapping[str, int]) -> Record:
        return {"by": by, "name": name, **{kind: counts.get(kind, 0) for kind in self.columns[2:]}}


class _Moves:
    """The memberships that began and ended, newest first: all counted by group, and some listed."""

    def __init__(self, default_group: str) -> None:
        self._default_group = default_group
        self._listed: dict[str, int] = {}
        self._of_default_group = 0
        self.rows: list[Record] = []
        self.counts: dict[str, dict[str, int]] = {}
        self.damaged: list[int] = []
        self.total = 0

    def add(self, event: "MembershipEvent") -> None:
        """Count what *event* says."""
        from lback_cli.errors import BrokenEventLog
        from lback_cli.events.erasure import decoded
        from lback_cli.events.grants import group_changes

        try:
            data = decoded(event.seq, event.text or "{}")
        except BrokenEventLog:
            self.damaged.append(event.seq)
            return
        added, removed = group_changes(data)
        for change, names in (("joined", added), ("left", removed)):
            for name in names:
                self.total += 1
                counts = self.counts.setdefault(name, {"joined": 0, "left": 0})
                counts[change] += 1
                if name == self._default_group and event.signal in _WHOLE_USER:
                    self._of_default_group += 1
                elif len(self.rows) < MOVES and self._listed.get(name, 0) < MOVES_OF_A_GROUP:
                    self._listed[name] = self._listed.get(name, 0) + 1
                    self.rows.append(
                        {
                            "time": event.time[:19] + "Z",
                            "username": data.get("user", data).get("username"),  # a deletion has no user
                            "change": change,
                            "group": name,
                            "actor": event.actor,
                            "event": event.seq,
                        }
                    )

    @property
    def note(self) -> str:
        """What is counted and not listed."""
        left_out = self.total - self._of_default_group - len(self.rows)
        sentences = []
        if self._of_default_group:
            sentences.append(
                f"{self._of_default_group:,} registrations and deletions, with which users joined or left the default"
                f" group, {self._default_group}, are not listed."
            )
        if left_out:
            sentences.append(
                f"The page has no room for {left_out:,} older changes; 'lback events list --changed groups' has them."
            )
        return " ".join(sentences)


def _counted(reasons: Mapping[str, int]) -> str:
    """Return *reasons*, the most frequent first, with their counts if there are several."""
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return ordered[0][0] if len(ordered) == 1 else ", ".join(f"{reason} ({count:,})" for reason, count in ordered)


def _reason(signal: str, reason: str | None) -> str:
    return f"{signal}: {reason}" if reason else signal


def _time(text: str) -> tuple[date | None, int]:
    """Return the day and the hour of *text*, such as ``2026-01-31T12``; no day if it is not a time."""
    try:
        return date.fromisoformat(text[:10]), int(text[11:13]) % 24
    except ValueError:
        return None, 0
