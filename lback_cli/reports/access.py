"""``lback report access``: who is in what, since when, and who granted it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from lback_cli.reports.base import Bars, Choice, Columns, Figures, Largest, Note, Part, Record, Report, Table, Timeline
from lback_cli.reports.periods import months_until

if TYPE_CHECKING:
    from lback_cli.managers.access import Access

MEMBERSHIPS = 20_000
"""Memberships on a page at most."""

GROUPS = 1_000
"""Groups in the table of a page at most."""

_BARS = 12
_NAMED = 5
_MONTHS = 24
_LOGINS = {30: "less than 30 days", 90: "30 to 89 days", 365: "90 to 364 days"}
"""How long ago the last login was, by the days that it is below."""

_LONG_AGO, _NEVER = "a year or more", "never"

_TITLES = {
    "group": "group",
    "username": "user name",
    "email": "e-mail address",
    "id": "id",
    "is_active": "active",
    "since": "member since (UTC)",
    "granted_by": "granted by",
    "event": "event",
    "last_login": "last login (UTC)",
}
_NO_GROUP = "(no group)"
_UNKNOWN = "(unknown)"
_MONTH = len("2026-01")


class AccessReport(Report):
    """The memberships of users, one a row; a user who is in no group has a row too."""

    title = "Access: who is in which group"
    description = "Show who is in which group, since when, who granted it, and the last login."
    examples: ClassVar[Mapping[str, str]] = {
        "Show who is in which group": "lback report access",
        "Write a page to send on": "lback report access --format html > access.html",
        "Show who was an administrator at the end of a year": "lback report access --group admin --as-of 2025-12-31",
    }
    takes: ClassVar[frozenset[Choice]] = frozenset({"as_of", "group"})
    columns = ("group", "id", "username", "email", "is_active", "since", "granted_by", "event", "last_login")
    brief = ("group", "username", "since", "granted_by", "last_login")

    def records(self) -> Iterator[Record]:
        """Yield the memberships in the order of the users' ids."""
        return (dict(zip(self.columns, row, strict=True)) for page in self._memberships() for row in page)

    def pages(self, fields: Sequence[str]) -> Iterator[Columns]:
        """Yield the memberships of some users at a time."""
        places = [self.columns.index(field) for field in fields]
        for page in self._memberships():
            columns = list(zip(*page, strict=True))
            yield [columns[place] for place in places]

    def parts(self) -> Iterator[Part]:
        """Yield figures, charts, the groups and the memberships."""
        from lback_cli.managers.access import Access

        page = _Page(self._sizes(), self.source.services.settings.users.admin_group)
        moment = self.source.request.as_of
        today = (moment.time if moment is not None and moment.time is not None else self.source.services.now()).date()
        for rows in self._memberships():
            for row in rows:
                page.add(Access._make(row), today)
        yield Figures(
            [
                ("users", page.users),
                ("memberships", page.memberships),
                ("users without a group", page.without_group),
                ("users who may not log in", page.inactive),
                ("users who never logged in", page.logins[_NEVER]),
            ]
        )
        if page.unknown:
            yield Note(
                f"{page.unknown:,} memberships are older than the event log, or were made outside lback: since when and"
                " by whom is unknown."
            )
        largest, note = page.groups.first(_BARS)
        yield Bars("Which groups have most members?", "group", "members", largest, note)
        labels = months_until(today, _MONTHS)
        while len(labels) > 1 and labels[0] < min(page.months, default=labels[-1]):
            del labels[0]
        earlier = sum(count for month, count in page.months.items() if month < labels[0])
        note = f"{earlier:,} memberships that began earlier are not shown." if earlier else ""
        row = ("memberships that began", [page.months.get(month, 0) for month in labels])
        yield Timeline("When did the memberships begin?", "month", labels, [row], note)
        granted, note = page.actors.first(_BARS)
        yield Bars("Who granted the memberships?", "granted by", "memberships", granted, note)
        yield Bars("How long ago did users log in?", "last login", "users", list(page.logins.items()))
        groups = page.groups.first(GROUPS)[0]
        yield Table(
            "Groups",
            {
                "group": "group",
                "members": "members",
                "inactive": "may not log in",
                "newest": "newest member since (UTC)",
            },
            [
                {
                    "group": name,
                    "members": size,
                    "inactive": page.inactive_in.get(name, 0),
                    "newest": page.newest.get(name),
                }
                for name, size in groups
            ],
            empty="There are no groups with members.",
            total=len(page.groups.counts),
        )
        yield Table(
            "Memberships",
            _TITLES,
            page.rows(),
            note=page.left_out(),
            empty="There are no users.",
            total=page.rows_in_all,
        )

    def _memberships(self) -> Iterator[Sequence[tuple[Any, ...]]]:
        from lback_cli.managers.access import AccessListing

        request = self.source.request
        listing = AccessListing(self.source.found, self.source.services, group=request.group, moment=request.as_of)
        yield from listing.pages()
        if listing.erased:
            number = len(listing.erased)
            people = "1 person was" if number == 1 else f"{number:,} people were"
            self.notes.append(f"{people} there and erased later. Whether they were members is unknown.")
        if listing.damaged:
            self.notes.append(
                f"{len(listing.damaged):,} damaged events were left out, the first is {min(listing.damaged)}."
            )

    def _sizes(self) -> dict[str, int]:
        return {group.name: size for group, size in self.source.found.groups.all_with_sizes()}


class _Page:
    """What a page shows. If it has no room for all rows, it has those of the administrators and of small groups."""

    def __init__(self, sizes: Mapping[str, int], admin_group: str) -> None:
        self._admin_group = admin_group
        self._room: dict[str, int] = {}
        room = MEMBERSHIPS
        for name in sorted(sizes, key=lambda name: (name != admin_group, sizes[name], name)):
            self._room[name] = min(room, sizes[name])
            room -= self._room[name]
        # A user without a group has a row too, and a group may have been larger in the past.
        self._spare = room
        self._kept: dict[str, list[Record]] = {}
        self._left_out: dict[str, int] = {}
        self.users = self.memberships = self.without_group = self.inactive = self.unknown = self.rows_in_all = 0
        self.groups, self.actors = Largest(), Largest()
        self.months: dict[str, int] = {}
        self.inactive_in: dict[str, int] = {}
        self.newest: dict[str, str] = {}
        self.logins = dict.fromkeys((*_LOGINS.values(), _LONG_AGO, _NEVER), 0)
        self._last_id: int | None = None

    def add(self, access: "Access", today: date) -> None:
        """Count *access*, and keep its row if there is room."""
        self.rows_in_all += 1
        if access.id != self._last_id:
            self._last_id = access.id
            self._add_user(access, today)
        if access.group is None:
            self.without_group += 1
        else:
            self._add_membership(access, access.group)
        name = access.group or _NO_GROUP
        kept = self._kept.setdefault(name, [])
        if len(kept) < self._room.get(name, 0):
            kept.append(_row(access))
        elif self._spare:
            self._spare -= 1
            kept.append(_row(access))
        else:
            self._left_out[name] = self._left_out.get(name, 0) + 1

    def rows(self) -> Iterator[Record]:
        """Yield the rows that the page has, the administrators and small groups first."""
        sizes = self.groups.counts
        for name in sorted(
            self._kept, key=lambda name: (name == _NO_GROUP, name != self._admin_group, sizes.get(name, 0), name)
        ):
            yield from self._kept[name]

    def left_out(self) -> str:
        """Return a sentence about the rows that the page has no room for."""
        if not self._left_out:
            return ""
        largest = sorted(self._left_out.items(), key=lambda item: (-item[1], item[0]))
        names = ", ".join(f"{name} ({count:,})" for name, count in largest[:_NAMED]) + (
            ", ..." if len(largest) > _NAMED else ""
        )
        total = sum(self._left_out.values())
        return (
            f"The page has no room for {total:,} of {self.rows_in_all:,} rows, most of them of {names}."
            " 'lback report access -o csv' has all rows."
        )

    def _add_user(self, access: "Access", today: date) -> None:
        self.users += 1
        self.inactive += access.is_active is False
        self.logins[_age(access.last_login, today)] += 1

    def _add_membership(self, access: "Access", group: str) -> None:
        self.memberships += 1
        self.groups.add(group)
        self.actors.add(access.granted_by or _UNKNOWN)
        if access.is_active is False:
            self.inactive_in[group] = self.inactive_in.get(group, 0) + 1
        if access.since is None:
            self.unknown += 1
            return
        month = access.since[:_MONTH]
        self.months[month] = self.months.get(month, 0) + 1
        self.newest[group] = max(access.since, self.newest.get(group, ""))


def _row(access: "Access") -> Record:
    return {**access._asdict(), "group": access.group or _NO_GROUP, "last_login": access.last_login or _NEVER}


def _age(last_login: str | None, today: date) -> str:
    if last_login is None:
        return _NEVER
    days = (today - date.fromisoformat(last_login[:10])).days
    return next((name for limit, name in _LOGINS.items() if days < limit), _LONG_AGO)
