"""The page of a report: its proof, its limits, and text from outside."""

import base64
import hashlib
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lback_cli.errors import BrokenEventLog, LbackError
from lback_cli.reports.activity_lists import ActivityLists
from lback_cli.reports.base import Bars, Figures, HeatMap, Part, Record, Report, Source, Table, Timeline
from lback_cli.reports.page.cells import NOTHING
from lback_cli.reports.page.proof import Proof
from lback_cli.reports.page.writer import Head, PageWriter
from lback_cli.repositories.activity_reader import OtherEvent
from tests.reports.dom import Page, parse
from tests.reports.history import HOSTILE, History

Write = Callable[..., Page]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[History]:
    """Two users and a failed login."""
    history = History(f"sqlite:///{tmp_path}/small.db", tmp_path)
    with history.at(history.now, "root"):
        for name in ("alice", "bob"):
            history.users.register_user(name, f"{name}@example.org", None, mail="none")
        history.login(history.now, "alice", right=False)
    yield history
    history.database.dispose()


def _url(history: History) -> str:
    return str(history.settings.database.url)


def _execute(history: History, statement: str) -> None:
    assert history.database.path is not None
    connection = sqlite3.connect(history.database.path)
    connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize("report", ["access", "activity"])
def test_proof_names_the_checkpoint_and_the_number_of_events(small: History, page: Write, report: str) -> None:
    proof = page(_url(small), report).proof
    assert proof.attributes["class"] == "proof verified"
    assert "The event log is verified: 4 events; none was edited" in proof.text
    assert proof.all("code")[0].text == str(small.log.checkpoint())


def test_a_deleted_user_who_left_a_group_has_a_name(small: History, page: Write) -> None:
    small.groups.create_group("staff")
    with small.at(small.now, "root"):
        small.users.update_user(2, {"add_groups": ["staff"]})
    small.users.delete_user(2)
    shown = page(_url(small), "activity", "--since", "2026-01-01")
    rows = shown.rows("Who joined and left which group?")
    assert [(row["user name"], row["change"], row["group"]) for row in rows] == [
        ("bob", "left", "staff"),
        ("bob", "joined", "staff"),
    ]
    text = shown.sections["Who joined and left which group?"].text
    assert "3 registrations and deletions, with which users joined or left the default group, basic_user," in text
    assert "2 of 5 rows." in text
    failed = shown.rows("Failed logins by user name")
    assert [(row["user name"], row["failed logins"], row["why"]) for row in failed] == [
        ("alice", "1", "incorrect_password")
    ]


def test_other_failures_and_changes_are_listed_with_what_they_say(small: History, page: Write) -> None:
    night = small.now.replace(hour=23)
    with small.at(night, "mallory"):
        small.groups.create_group("staff")
        small.users.update_user(1, {"email": "new@example.org", "add_groups": ["staff"]}, mail="none")
        small.users.update_user(1, {"remove_groups": ["staff"]})
        small.users.update_user(1, {"is_active": True})
        small.users.delete_user(2)
        for name in ("alice", "a b"):
            with pytest.raises(LbackError):
                small.users.register_user(name, f"{name}@example.org", None, mail="none")
    shown = page(_url(small), "activity", "--since", "2026-01-01")
    assert [(row["of"], row["change"], row["by"]) for row in shown.rows("What else was changed?")] == [
        ("bob", "deleted", "mallory"),
        ("alice", "alice@example.org → new@example.org, joined staff", "mallory"),
        ("staff", "group staff created", "mallory"),
        ("basic_user", "group basic_user created", "root"),
    ]
    failures = shown.rows("What else failed, and why?")
    assert [(row["what failed"], row["why"], row["user name"]) for row in failures] == [
        ("registration", "The user name 'a b' is not allowed.", "a b"),
        ("registration", "The user name 'alice' is taken.", "alice"),
    ]
    assert {row["time (UTC)"] for row in failures} == {f"{night:%Y-%m-%d %H:%M:%S}"}
    assert shown.figures["other changes at night"] == 5
    (row,) = [row for row in shown.rows("When is something changed?") if row["hour (UTC)"] == "23:00"]
    assert row[f"{night:%a}"] == "5"
    access = page(_url(small), "access").rows("Memberships")
    assert [row["last login (UTC)"] for row in access] == ["never"]


def test_lists_of_the_page_have_the_newest_and_count_the_others() -> None:
    lists = ActivityLists("basic_user")
    data = '{"changes":{"is_active":{"from":true,"to":false}},"user":{"username":"ann"}}'
    for seq in range(1200, 0, -1):
        signal = "user_updated" if seq % 2 else "user_update_failed"
        lists.add(OtherEvent(seq, "2026-01-31T12:00:00.000000Z", signal, None, "root", 1, "ann", data))
    lists.add(OtherEvent(0, "", "user_updated", None, "root", 1, "ann", "{damaged"))
    for newest, first in ((lists.changes, 1199), (lists.failures, 1200)):
        assert [row["event"] for row in newest.rows] == [*range(first, first - 1000, -2)]
        assert newest.note == "The page has no room for 100 older ones; 'lback events list' has them."
    assert lists.damaged == [0]


def test_proof_says_if_the_log_was_not_verified(small: History, page: Write) -> None:
    proof = page(_url(small), "access", "--no-verify").proof
    assert proof.attributes["class"] == "proof unverified"
    assert "The event log was not verified. It has 4 events." in proof.text


@pytest.mark.parametrize("report", ["access", "activity"])
@pytest.mark.parametrize(
    "damage",
    [
        ("UPDATE lback_events SET actor = 'mallory' WHERE seq = 3", "Event 3: it was edited"),
        ("UPDATE lback_events SET data = '{damaged' WHERE seq = 3", "Event 3: its data or subject was edited"),
        ("UPDATE lback_events SET data = '[]' WHERE seq = 2", "Event 2: its data or subject was edited"),
        ("UPDATE lback_events SET time = 'yesterday, or so, at noon' WHERE seq = 4", "Event 4: it was edited"),
        ("DELETE FROM lback_events WHERE seq = 4", "Event 4: the log ends before it"),
        ("DELETE FROM lback_event_head", "Event 5: the log ends before it"),
    ],
)
def test_log_that_does_not_verify_is_named_at_the_top_with_exit_7(
    small: History, page: Write, lback: Any, report: str, damage: tuple[str, str]
) -> None:
    statement, message = damage
    _execute(small, statement)
    words = [report, *(["--since", "2026-01-01"] if report == "activity" else [])]
    shown = page(_url(small), *words, status=7)
    assert shown.proof.attributes["class"] == "proof broken"
    assert f"The event log does not verify. {message}" in shown.proof.text
    first, *_ = [element.tag for element in shown.root.all("header")[0].children[1:]]
    assert first == "div", "the proof follows the heading"
    assert shown.sections
    data = lback("--database-url", _url(small), "report", *words, "-o", "json")
    assert data.status == 7
    assert '"code": "broken_event_log"' in data.err
    assert data.result


@pytest.mark.parametrize("report", ["access", "activity"])
def test_page_of_an_empty_database(tmp_path: Path, page: Write, report: str) -> None:
    history = History(f"sqlite:///{tmp_path}/empty.db", tmp_path)
    history.database.dispose()
    shown = page(_url(history), report)
    assert "The event log is verified: 0 events" in shown.proof.text
    assert set(shown.figures.values()) == {0}
    assert not shown.root.all("img")


def test_names_from_outside_are_text(small: History, page: Write) -> None:
    for number, name in enumerate(HOSTILE, start=10):
        _execute(
            small,
            f"INSERT INTO users (id, username, email, password, is_active, is_email_verified, created_at,"
            f" updated_at) VALUES ({number}, '{name.replace(chr(39), chr(39) * 2)}', '{number}@x', '!', 1, 1,"
            " '2026-01-01', '2026-01-01')",
        )
    shown = page(_url(small), "access")
    names = [row["user name"] for row in shown.rows("Memberships")]
    escaped = {
        "abc\u202egnp.exe": "abc\\u202egnp.exe",
        "\U0001f469\u200d\U0001f680 rocket": "\U0001f469\\u200d\U0001f680 rocket",
    }
    assert names == ["alice", "bob", *(escaped.get(name, name) for name in HOSTILE)]
    assert len(shown.root.all("script")) == 1
    assert not shown.root.all("img")


class Large(Report):
    """A report of rows without an end in sight."""

    title = "Large"
    description = "Large."
    examples = {}  # noqa: RUF012
    columns = ("name", "count")

    def records(self) -> Iterator[Record]:
        return ({"name": "<" * 200, "count": number} for number in range(100_000))


def test_page_stays_below_its_limit_and_says_what_it_left_out() -> None:
    limit = 300_000
    report = Large(Source(None, None, None))  # type: ignore[arg-type]  # it reads nothing
    html = "".join(PageWriter(limit).pieces(report, Head({}, Proof("unverified", None, 0))))
    assert limit - 140_000 < len(html.encode()) < limit
    shown = parse(html)
    rows = len(shown.rows("Large"))
    assert f"The page is full: {100_000 - rows:,} more rows are left out." in shown.sections["Large"].text


class Every(Report):
    """Each kind of part, with text that would be markup."""

    title = "<Every>"
    description = "Every."
    examples = {}  # noqa: RUF012
    columns = ()

    def records(self) -> Iterator[Record]:
        return iter(())

    def parts(self) -> Iterator[Part]:
        bad = "\"'><b>&amp;"
        yield Figures([(bad, 1), ("text", bad)])
        yield Bars(f"bars {bad}", bad, bad, [(bad, 3), ("none", 0)], bad)
        yield Timeline(f"time {bad}", bad, [bad, "b", "c"], [(bad, [1, 0, 2])], bad)
        yield HeatMap(f"heat {bad}", bad, [bad, "b"], [(bad, [0, 7])], bad)
        like_a_time = "<b>3456789T<i>45678Z"
        values = (bad, None, True, 5, "2026-01-31T12:00:00Z", like_a_time)
        yield Table(f"table {bad}", {"a": bad}, [{"a": value} for value in values], bad)
        yield Table("empty", {"a": "a"}, [], empty=bad)


def test_text_of_every_part_is_escaped() -> None:
    bad = "\"'><b>&amp;"
    report = Every(Source(None, None, None))  # type: ignore[arg-type]  # it reads nothing
    proof = Proof("broken", None, 0, BrokenEventLog(2, "<i>.", hint="Delete /<i>."))
    html = "".join(PageWriter().pieces(report, Head({"<i>": "<i>"}, proof)))
    shown = parse(html)
    assert not shown.root.all("i")
    assert {element.text.partition(" ")[0] for element in shown.root.all("b")} == {bad}, "the name of a kind"
    assert [row[bad] for row in shown.rows(f"table {bad}")] == [
        *(bad, NOTHING, "yes", "5", "2026-01-31 12:00:00", "<b>3456789 <i>45678"),
    ]
    assert shown.proof.text == "The event log does not verify. Event 2: <i>. Delete /<i>."
    labels = [element.attributes.get("aria-label") for element in [*shown.root.all("svg"), *shown.root.all("div")]]
    assert [label for label in labels if label] == [
        f"{bad}: 3 by {bad} from {bad} to c, most on c (2)",
        f"time {bad} in numbers",
    ]


def test_policy_of_the_page_allows_only_its_own_style_and_script(small: History, lback: Any) -> None:
    html = lback("--database-url", _url(small), "report", "access", "--format", "html").out
    policy = re.search(r'Content-Security-Policy content="([^"]*)"', html)
    assert policy is not None
    style, script = (
        base64.b64encode(hashlib.sha256(element.text.encode()).digest()).decode()
        for tag in ("style", "script")
        for element in parse(html).root.all(tag)
    )
    assert policy[1] == (
        f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert " style=" not in html
    assert not re.findall(r"(?:src|href)=[\"']?(?!#)[a-z/]", html), "nothing is loaded"


def test_page_is_not_written_to_a_terminal(small: History, lback: Any) -> None:
    import pexpect

    child = pexpect.spawn(
        lback.program,
        ["--database-url", _url(small), "report", "access", "--format", "html"],
        env=lback.environment | {"NO_COLOR": "1"},
        timeout=20,
    )
    shown = child.read().decode()
    child.close()
    assert (child.exitstatus, "error: A page is not shown on a terminal." in shown) == (2, True)
