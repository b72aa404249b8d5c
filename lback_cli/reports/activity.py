"""``lback report activity``: what happened, when, who did it, and what failed."""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from lback_cli.events.kinds import FAILURE_EVENTS
from lback_cli.events.summary import KINDS, WEEKDAYS, kind_of
from lback_cli.reports.base import Bars, Choice, Figures, HeatMap, Part, Record, Report, Table, Timeline, others
from lback_cli.reports.periods import columns_of

if TYPE_CHECKING:
    from lback_cli.reports.activity_lists import ActivityLists
    from lback_cli.repositories.activity_reader import ActivityReader

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
_QUESTIONS = {
    "failed_logins": "When do logins fail?",
    "logins": "When do users log in?",
    "changes": "When is something changed?",
}
_HOURS = [f"{hour:02}" for hour in range(24)]
_NO_NAME = "(erased or none)"


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
        for name, moved in sorted(self._lists.moved.items()):
            yield self._row("group", name, {**moved, "changes": sum(moved.values())})
        for (signal, reason), count in self._reasons:
            yield self._row("reason", _reason(signal, reason), {kind_of(signal): count})

    def parts(self) -> Iterator[Part]:
        """Yield figures, charts, and tables of actors, groups, failures and memberships."""
        totals = self._sum(range(24), range(7))
        nightly = self._sum(map(int, NIGHT), range(7))
        yield Figures(
            [
                ("events", sum(totals.values())),
                *((_TITLES[kind], totals[kind]) for kind in KINDS),
                *((f"{_TITLES[kind]} at night", nightly[kind]) for kind in ("failed_logins", "changes")),
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
        for kind, question in _QUESTIONS.items():
            rows = [
                (f"{hour:02}:00", [self._grid.get((weekday, hour), {}).get(kind, 0) for weekday in range(7)])
                for hour in range(24)
            ]
            yield HeatMap(question, "hour (UTC)", WEEKDAYS, rows, f"Night is from {NIGHT[0]}:00 to 06:00 UTC.")
        yield from self._failures()
        yield from self._actors()
        yield from self._changes()

    def _failures(self) -> Iterator[Part]:
        reasons = [(_reason(signal, reason), count) for (signal, reason), count in self._reasons]
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
        failures = self._lists.failures
        yield Table(
            "What else failed, and why?",
            {
                "time": "time (UTC)",
                "what": "what failed",
                "why": "why",
                "about": "user name",
                "actor": "by",
                "event": "event",
            },
            failures.rows,
            note=failures.note,
            empty="Nothing else failed.",
            total=failures.total,
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

    def _changes(self) -> Iterator[Part]:
        lists = self._lists
        groups = sorted(lists.moved.items(), key=lambda item: (-sum(item[1].values()), item[0]))
        more = len(groups) - NAMES
        yield Table(
            "Groups that users joined and left",
            {"group": "group", "joined": "joined", "left": "left"},
            [{"group": name, **counts} for name, counts in groups[:NAMES]],
            note=f"{more:,} groups with fewer changes are not shown." if more > 0 else "",
            empty="No user joined or left a group.",
        )
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
            lists.moves,
            note=lists.note_on_moves,
            empty="No user joined or left a group.",
            total=lists.moves_in_all,
        )
        yield Table(
            "What else was changed?",
            {"time": "time (UTC)", "about": "of", "what": "change", "actor": "by", "event": "event"},
            lists.changes.rows,
            note=lists.changes.note,
            empty="Nothing else was changed.",
            total=lists.changes.total,
        )

    @cached_property
    def _reader(self) -> "ActivityReader":
        from lback_cli.repositories.activity_reader import ActivityReader

        request = self.source.request
        return ActivityReader(self.source.found.connection, request.since, request.until)

    @cached_property
    def _counts(
        self,
    ) -> tuple[
        dict[date, dict[str, int]], dict[tuple[int, int], dict[str, int]], list[tuple[tuple[str, str | None], int]]
    ]:
        """The counts of each kind by day, and by weekday and hour; and those of failures by signal and reason."""
        days: dict[date, dict[str, int]] = {}
        grid: dict[tuple[int, int], dict[str, int]] = {}
        reasons: dict[tuple[str, str | None], int] = {}
        for text, signal, outcome, count in self._reader.by_hour():
            if signal in FAILURE_EVENTS:
                reasons[signal, outcome] = reasons.get((signal, outcome), 0) + count
            day, hour = _time(text)
            if day is None:
                self.notes.append(f"{count:,} events were left out, because their time is damaged.")
                continue
            kind = kind_of(signal)
            for counts in (days.setdefault(day, {}), grid.setdefault((day.weekday(), hour), {})):
                counts[kind] = counts.get(kind, 0) + count
        ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0][0], item[0][1] or ""))
        return dict(sorted(days.items())), grid, ordered

    @property
    def _days(self) -> dict[date, dict[str, int]]:
        return self._counts[0]

    @property
    def _grid(self) -> dict[tuple[int, int], dict[str, int]]:
        return self._counts[1]

    @property
    def _reasons(self) -> list[tuple[tuple[str, str | None], int]]:
        return self._counts[2]

    def _sum(self, hours: Any, weekdays: Any) -> dict[str, int]:
        cells = [self._grid.get((weekday, hour), {}) for hour in hours for weekday in weekdays]
        return {kind: sum(cell.get(kind, 0) for cell in cells) for kind in KINDS}

    @cached_property
    def _lists(self) -> "ActivityLists":
        from lback_cli.reports.activity_lists import ActivityLists

        lists = ActivityLists(self.source.services.settings.users.default_group)
        for event in self._reader.others():
            lists.add(event)
        if lists.damaged:
            self.notes.append(
                f"{len(lists.damaged):,} damaged events were left out, the first is {min(lists.damaged)}."
            )
        return lists

    def _row(self, by: str, name: str, counts: Mapping[str, int]) -> Record:
        return {"by": by, "name": name, **{kind: counts.get(kind, 0) for kind in self.columns[2:]}}


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
