"""The numbers of the reports are those of SQL over the same tables."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any

from tests.reports.conftest import Company
from tests.reports.dom import Page

FAILED_LOGIN = "user_authentication_failed"
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
Write = Callable[..., Page]

KIND = f"""CASE WHEN "signal" = 'user_registered' THEN 'registered'
WHEN "signal" = 'user_authenticated' THEN 'logins' WHEN "signal" = '{FAILED_LOGIN}' THEN 'failed_logins'
WHEN "signal" LIKE '%_failed' THEN 'failures' ELSE 'changes' END"""


def _counts(company: Company, what: str) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    statement = f"SELECT {what}, {KIND}, count(*) FROM lback_events GROUP BY 1, 2"
    for name, kind, count in company.sql(statement):
        found.setdefault(str(name), Counter())[kind] += count
    return found


def _memberships(company: Company) -> list[tuple[Any, ...]]:
    return company.sql(
        "SELECT g.name, u.id, u.username, u.email FROM users u JOIN user_groups_association m ON m.user_id = u.id"
        ' JOIN "groups" g ON g.id = m.group_id'
    )


def test_access_has_every_membership_with_the_event_that_granted_it(company_on: Company, lback: Any) -> None:
    rows = lback("--database-url", company_on.url, "report", "access", "-o", "json").result
    assert sorted((r["group"], r["id"], r["username"], r["email"]) for r in rows) == sorted(_memberships(company_on))
    events = {
        seq: (time, actor, subject_id, json.loads(data))
        for seq, time, actor, subject_id, data in company_on.sql(
            "SELECT seq, time, actor, subject_id, data FROM lback_events WHERE data LIKE '%\"groups\":%' ORDER BY seq"
        )
    }
    latest: dict[tuple[int, str], int] = {}
    for seq, (_, _, user_id, data) in events.items():
        groups = data.get("changes", {}).get("groups", {"added": []})
        latest |= {(user_id, name): seq for name in groups["added"]}
    for row in rows:
        seq = latest[row["id"], row["group"]]
        time, actor, _, _ = events[seq]
        assert (row["event"], row["granted_by"], row["since"]) == (seq, actor, f"{time[:19]}Z"), row
    logins = dict(
        company_on.sql(
            "SELECT subject_id, max(time) FROM lback_events WHERE \"signal\" = 'user_authenticated' GROUP BY subject_id"
        )
    )
    assert {r["id"]: (r["last_login"] or "")[:16] for r in rows} == {
        r["id"]: logins.get(r["id"], "")[:16] for r in rows
    }


def test_page_of_access_has_the_same_numbers(company_on: Company, page: Write) -> None:
    shown = page(company_on.url, "access")
    memberships = _memberships(company_on)
    users = company_on.sql("SELECT id, is_active FROM users")
    sizes = Counter(group for group, *_ in memberships)
    assert shown.figures["users"] == len(users)
    assert shown.figures["memberships"] == len(memberships)
    assert shown.figures["users who may not log in"] == sum(not active for _, active in users)
    assert {row["group"]: int(row["members"]) for row in shown.rows("Groups")} == sizes
    assert {row["group"]: int(row["members"]) for row in shown.rows("Which groups have most members?")} == sizes
    assert sum(int(row["users"]) for row in shown.rows("How long ago did users log in?")) == len(users)
    assert sum(int(row["memberships"]) for row in shown.rows("Who granted the memberships?")) == len(memberships)
    assert sorted((row["group"], int(row["id"])) for row in shown.rows("Memberships")) == sorted(
        (group, user_id) for group, user_id, *_ in memberships
    )


def test_activity_counts_what_sql_counts(company_on: Company, lback: Any) -> None:
    text = lback("--database-url", company_on.url, "report", "activity", "--since", "2026-01-01", "-o", "csv").out
    rows = list(csv.DictReader(io.StringIO(text)))
    kinds = ("registered", "logins", "failed_logins", "failures", "changes")

    def shown(by: str) -> dict[str, dict[str, int]]:
        return {row["name"]: {k: int(row[k]) for k in kinds if int(row[k])} for row in rows if row["by"] == by}

    days = _counts(company_on, "substr(time, 1, 10)")
    assert shown("day") == days
    weekdays: dict[str, Counter[str]] = {}
    for day, counts in days.items():
        weekdays.setdefault(WEEKDAYS[date.fromisoformat(day).weekday()], Counter()).update(counts)
    assert shown("weekday") == weekdays
    assert shown("hour") == _counts(company_on, "substr(time, 12, 2)")
    assert shown("actor") == _counts(company_on, "actor")
    reasons = company_on.sql(
        f"SELECT outcome, count(*) FROM lback_events WHERE \"signal\" = '{FAILED_LOGIN}' GROUP BY 1"
    )
    assert {
        name.removeprefix(f"{FAILED_LOGIN}: "): counts["failed_logins"] for name, counts in shown("reason").items()
    } == dict(reasons)
    joined: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for (data,) in company_on.sql("SELECT data FROM lback_events WHERE data LIKE '%\"groups\":%'"):
        groups = json.loads(data).get("changes", {}).get("groups", {"added": [], "removed": []})
        joined.update(groups["added"])
        left.update(groups["removed"])
    assert {r["name"]: (int(r["joined"]), int(r["left"])) for r in rows if r["by"] == "group"} == {
        name: (joined[name], left[name]) for name in joined | left
    }


def test_page_of_activity_has_the_same_numbers(company_on: Company, page: Write) -> None:
    shown = page(company_on.url, "activity", "--since", "2026-01-01")
    days = _counts(company_on, "substr(time, 1, 10)")
    totals = sum(days.values(), Counter())
    assert shown.figures["events"] == totals.total()
    assert (shown.figures["logins"], shown.figures["failed logins"]) == (totals["logins"], totals["failed_logins"])
    by_day = {row["day"]: int(row["failed logins"]) for row in shown.rows("What happened when?")}
    assert {day: count for day, count in by_day.items() if count} == {
        day: counts["failed_logins"] for day, counts in days.items() if counts["failed_logins"]
    }
    cells = {
        (weekday, row["hour (UTC)"][:2]): int(row[weekday].replace("·", "0"))
        for row in shown.rows("When do logins fail?")
        for weekday in WEEKDAYS
    }
    grid: Counter[tuple[str, str]] = Counter()
    for time, count in company_on.sql(
        f"SELECT substr(time, 1, 13), count(*) FROM lback_events WHERE \"signal\" = '{FAILED_LOGIN}' GROUP BY 1"
    ):
        grid[WEEKDAYS[date.fromisoformat(time[:10]).weekday()], time[11:]] += count
    assert {cell: count for cell, count in cells.items() if count} == grid
    names = company_on.sql(f"SELECT subject, count(*) FROM lback_events WHERE \"signal\" = '{FAILED_LOGIN}' GROUP BY 1")
    assert {r["user name"]: int(r["failed logins"]) for r in shown.rows("Failed logins by user name")} == dict(names)
    night = company_on.sql(
        f"SELECT count(*) FROM lback_events WHERE \"signal\" = '{FAILED_LOGIN}'"
        " AND (substr(time, 12, 2) >= '22' OR substr(time, 12, 2) < '06')"
    )
    assert shown.figures["failed logins at night"] == night[0][0] > 0
