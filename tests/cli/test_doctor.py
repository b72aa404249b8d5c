"""`lback doctor`."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]

CHECKS = [
    *("configuration", "files", "packages", "hashing", "mail", "receivers", "sinks"),
    *("database", "schema", "rights", "encoding", "collation", "isolation", "clock", "events", "delivery"),
    "application",
]


@pytest.fixture
def url(cli: Cli, tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/users.db"
    assert cli("db", "init", "-q", "--database-url", url).status == 0
    return url


def test_doctor_shows_a_line_for_each_check(cli: Cli, url: str) -> None:
    status, out, err = cli("doctor", "--database-url", url)
    assert (status, err) == (0, "")
    assert [line.split()[:2] for line in out.splitlines()] == [["ok", check] for check in CHECKS]


def test_a_failed_check_is_exit_9_with_a_hint(cli: Cli, url: str, tmp_path: Path) -> None:
    (tmp_path / "users.db").chmod(0o644)
    status, out, err = cli("doctor", "-o", "json", "--database-url", url)
    found = {entry["check"]: entry for entry in json.loads(out)}
    assert list(found) == CHECKS
    assert found["files"] == {
        "check": "files",
        "status": "fail",
        "message": f"Others can read or write {tmp_path}/users.db (644).",
        "hint": f"Run: chmod 600 {tmp_path}/users.db",
    }
    assert (status, json.loads(err)["error"]["message"]) == (9, "1 check failed: files.")
    assert cli("doctor", "--database-url", url).err == "error: 1 check failed: files.\n"


def test_doctor_checks_the_trace_file_of_the_option(cli: Cli, url: str, tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    trace.touch(mode=0o666)
    trace.chmod(0o666)
    outcome = cli("doctor", "-o", "json", "--database-url", url, "--trace-file", str(trace))
    assert outcome.status == 9
    assert f"chmod 600 {trace}" in outcome.out


@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "yaml", "table"])
def test_an_unusable_configuration_is_a_finding_in_every_format(cli: Cli, form: str) -> None:
    outcome = cli("doctor", LBACK_OUTPUT=form, LBACK_EMAIL_PORT="many")
    assert outcome.status == 9
    assert "email.port (LBACK_EMAIL_PORT)" in outcome.out
    assert "Correct that value; config.example.toml documents every key." in outcome.out
    if form == "json":
        assert [entry["status"] for entry in json.loads(outcome.out)] == [
            *("fail", "skipped", "ok", "ok", "skipped"),
            "skipped",
            *(["skipped"] * 11),
        ]


@pytest.mark.skipif(not hasattr(os, "forkpty"), reason="needs a terminal")
def test_a_terminal_shows_each_status_in_a_color(lback: Any, tmp_path: Path) -> None:
    pexpect = pytest.importorskip("pexpect")
    command = [str(Path(sys.executable).with_name("lback")), "doctor", "--database-url", f"sqlite:///{tmp_path}/no.db"]
    child = pexpect.spawn(command[0], command[1:], env=lback.environment, cwd=tmp_path, dimensions=(40, 120))
    shown = child.read().decode()
    child.close()
    assert child.exitstatus == 9
    assert "\x1b[32mok" in shown
    assert "\x1b[1;31mFAIL" in shown
    assert "\x1b[2mskipped" in shown


@pytest.mark.skipif(not hasattr(os, "forkpty"), reason="needs a terminal")
@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_wraps_findings_between_words(lback: Any, tmp_path: Path, columns: int) -> None:
    pexpect = pytest.importorskip("pexpect")
    missing = f"sqlite:///{tmp_path}/no.db"
    arguments = ["doctor", "--database-url", missing]
    environment = lback.environment | {"NO_COLOR": "1"}
    child = pexpect.spawn(lback.program, arguments, env=environment, cwd=tmp_path, dimensions=(60, columns))
    lines = child.read().decode().splitlines()
    child.close()
    plain = lback(*arguments).out
    assert " ".join(" ".join(lines[:-1]).split()).startswith(
        "ok configuration No configuration file; all values come from"
    )
    words = {word for line in lines for word in line.split()}
    assert {word for word in plain.split() if word != "ms"} - words <= {
        word for word in plain.split() if word.isdigit()
    }, "only how long hashing takes is different"
    assert all(len(line) <= columns for line in lines if str(tmp_path) not in line)


def test_a_hint_is_below_its_finding(lback: Any, tmp_path: Path) -> None:
    lines = lback("doctor", "--database-url", f"sqlite:///{tmp_path}/no.db").out.splitlines()
    at = next(number for number, line in enumerate(lines) if " database " in line)
    assert lines[at : at + 3] == [
        f"FAIL     database       {tmp_path}/no.db does not exist.",
        "                          Run: lback db init",
        "skipped  schema         Not checked: the check of database failed.",
    ]
