"""Lists that are longer than the terminal, and the limit of lists."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest

Show = Callable[..., tuple[int, list[str]]]

USERS = 120
LIMITED = "100 of 120 users. --after 100 shows the next page, --limit 0 all."

RECORDER = """\
#!/bin/sh
echo "$LESS $*" > started
cat > paged
"""


@pytest.fixture
def show(lback: Any) -> Show:
    """Return the exit code and the lines of a command on a terminal of 24 lines; *keys* are typed into it."""
    assert lback("db", "init", "-q").status == 0
    with sqlite3.connect(lback.database) as connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO users"
            " (username, email, password, is_active, is_email_verified, created_at, updated_at)"
            " SELECT 'u' || i, 'u' || i || '@example.org', 'x', 1, 1, '2026-01-01', '2026-01-01' FROM n",
            (USERS,),
        )
    connection.close()
    recorder = lback.directory / "recorder"
    recorder.write_text(RECORDER)
    recorder.chmod(0o755)

    def run(arguments: str, *, lines: int = 24, columns: int = 80, **variables: str) -> tuple[int, list[str]]:
        child = pexpect.spawn(
            lback.program,
            arguments.split(),
            env=lback.environment | {"NO_COLOR": "1"} | variables,
            cwd=str(lback.directory),
            dimensions=(lines, columns),
            encoding="utf-8",
            timeout=30,
        )
        shown = str(child.read()).splitlines()
        child.close()
        return child.exitstatus, shown

    return run


def paged(lback: Any) -> list[str] | None:
    """Return what the pager got, or None if none was started."""
    path = lback.directory / "paged"
    return path.read_text().splitlines() if path.exists() else None


def test_a_list_longer_than_the_terminal_goes_through_the_pager(lback: Any, show: Show) -> None:
    status, shown = show("user list", LBACK_PAGER="./recorder -x", PAGER="false")
    assert (status, shown) == (0, [LIMITED])
    text = paged(lback)
    assert text is not None
    assert [text[0].split()[:3], text[-1].split()[0], len(text)] == [["id", "username", "email"], "100", 101]
    assert (lback.directory / "started").read_text() == "FRX -x\n"


@pytest.mark.parametrize(
    ("arguments", "lines", "columns"),
    [
        ("user list --no-pager", 24, 80),
        ("user list --limit 22", 24, 80),
        ("user list --limit 22 -o json", 26, 400),
        ("user show u1", 3, 80),
    ],
)
def test_what_fits_or_asks_for_no_pager_goes_to_the_terminal(
    lback: Any, show: Show, arguments: str, lines: int, columns: int
) -> None:
    status, shown = show(arguments, lines=lines, columns=columns, PAGER="./recorder")
    assert (status, paged(lback)) == (0, None)
    assert len(shown) > 5


def test_wrapped_lines_count_and_one_line_too_many_is_paged(lback: Any, show: Show) -> None:
    assert show("user list --limit 23", PAGER="./recorder")[0] == 0
    assert len(paged(lback) or ()) == 24
    (lback.directory / "paged").unlink()
    assert show("user list --limit 15 -o jsonl", PAGER="./recorder")[0] == 0
    assert len(paged(lback) or ()) == 15, "each line of JSON needs several on the screen"


@pytest.mark.parametrize("pager", ["", "./nosuch", "'unbalanced", "/"])
def test_a_missing_pager_is_not_an_error(show: Show, pager: str) -> None:
    status, shown = show("user list", LBACK_PAGER=pager)
    assert (status, len(shown), shown[-1]) == (0, 102, LIMITED)


def test_a_pager_that_quits_early_is_not_an_error(show: Show) -> None:
    assert show("user list --limit 0", LBACK_PAGER="head -n 2") == (
        0,
        ["id   username  email             active  verified  groups", "1    u1        u1@example.org    yes     yes"],
    )
    assert show("user list --limit 0", LBACK_PAGER="false") == (0, [])


def test_less_pages_colours_and_survives_ctrl_c(lback: Any, show: Show) -> None:  # noqa: ARG001 - the data
    environment = {name: value for name, value in lback.environment.items() if name != "PAGER"}
    child = pexpect.spawn(
        lback.program, ["user", "list"], env=environment, cwd=str(lback.directory), dimensions=(24, 80), timeout=30
    )
    child.expect_exact(b"\x1b[1mid ")
    child.expect_exact(b"u22@example.org")
    time.sleep(0.3)
    child.sendintr()
    time.sleep(0.3)
    child.send(b"q")
    rest = child.read()
    child.close()
    assert (child.exitstatus, child.signalstatus) == (0, None)
    assert LIMITED.encode() in rest


def test_a_terminated_command_ends_its_pager(lback: Any, show: Show) -> None:  # noqa: ARG001 - the data
    (lback.directory / "pager").write_text("#!/bin/sh\necho $$ > pid\nexec sleep 60\n")
    (lback.directory / "pager").chmod(0o755)
    child = pexpect.spawn(
        lback.program,
        ["user", "list"],
        env=lback.environment | {"PAGER": "./pager"},
        cwd=str(lback.directory),
        timeout=30,
    )
    pid = Path(lback.directory, "pid")
    while not pid.exists() or not pid.read_text().strip():
        assert child.isalive()
        time.sleep(0.02)
    child.kill(signal.SIGTERM)
    child.read()
    child.close()
    assert child.exitstatus == 143
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_a_pipe_gets_everything_and_no_pager(lback: Any, show: Show) -> None:  # noqa: ARG001 - the data
    for form in ("table", "wide", "csv", "value", "json", "jsonl", "yaml"):
        outcome = lback("user", "list", "-o", form, PAGER="./recorder")
        assert (outcome.status, outcome.err) == (0, "")
        assert outcome.out.count("@example.org") == USERS, form
    assert paged(lback) is None
    limited = lback("user", "list", "--limit", "100", "-o", "csv")
    assert (limited.out.count("\n"), limited.err) == (101, f"{LIMITED}\n")
    assert lback("user", "list", "--limit", "0", "-o", "csv").out.count("\n") == USERS + 1
    last = lback("user", "list", "--limit", "100", "--after", "100")
    assert (last.out.count("\n"), last.err) == (21, "")


def test_events_are_limited_on_a_terminal_alone(lback: Any, show: Show) -> None:
    for number in range(55):
        assert lback("group", "create", f"g{number}", "-q").status == 0
    limited = "50 of 55 events. --before 6 shows the next page, --limit 0 all."
    assert show("events list --no-pager")[1][-1] == limited
    assert show("events list --no-pager --limit 0 -q")[1][-1].split()[0] == "1"
    assert lback("events", "list", "-o", "jsonl").out.count("\n") == 55
    searched = lback("events", "list", "--changed", "name", "--limit", "2")
    assert searched.err == "The first 2 events. --before 54 shows the next page, --limit 0 all.\n"
