"""`lback events`, and `lback user history` and `erase`."""

import csv
import io
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pexpect
import pytest

from lback_cli.events.hash_chain import HASHED, canonical, personal_digest, row_hash

Cli = Callable[..., Any]

HEX = re.compile(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{32}\b")
FIELDS = (
    *("seq", "time", "signal", "outcome", "subject_id", "subject", "actor", "data", "digest", "hash", "host", "id"),
    *("invocation_id", "operation", "operation_id", "pid", "previous_hash", "salt", "version"),
)


@pytest.fixture
def busy(cli: Cli, register: Cli, password: str) -> Cli:
    """`cli` with four events: the default group was created, alice was registered by ann, failed to log in, and did."""
    register("alice", "--verified", "--actor", "ann")
    assert cli("user", "authenticate", "alice", "--password-stdin", input="wrong", LBACK_ACTOR="bea").status == 4
    assert cli("user", "authenticate", "alice", "--password-stdin", "--actor", "cid", input=password).status == 0
    return cli


def lines(cli: Cli, *arguments: str, **variables: str) -> list[Any]:
    outcome = cli("events", *arguments, "-q", "-o", "jsonl", **variables)
    assert (outcome.status, outcome.err) == (0, "")
    return [json.loads(line) for line in outcome.out.splitlines()]


def numbers(cli: Cli, *arguments: str) -> list[int]:
    return [event["seq"] for event in lines(cli, *arguments)]


def test_list_shows_a_table(busy: Cli) -> None:
    assert busy("events", "list") == (
        0,
        (
            "seq  time                       subject     what                                                       "
            "actor  signal                      outcome\n"
            "4    TIME  alice       logged in                                                  "
            "cid    user_authenticated          ok\n"
            "3    TIME  alice       failed login: incorrect password                           "
            "bea    user_authentication_failed  incorrect_password\n"
            "2    TIME  alice       registered as alice with alice@example.org, in basic_user  "
            "ann    user_registered             ok\n"
            "1    TIME  basic_user  group basic_user created                                   "
            "ann    group_created               ok\n"
        ),
        "",
    )


def test_history_is_a_sentence_for_each_event(busy: Cli) -> None:
    for _ in range(2):
        busy("user", "authenticate", "alice", "--password-stdin", input="wrong", LBACK_ACTOR="bea")
    busy("group", "create", "admin", "-q")
    changes = ("--email", "ann@example.net", "--deactivate", "--add-group", "admin", "--set", "external_id=7")
    busy("user", "update", "alice", *changes, "--actor", "dee")
    shown = busy("user", "history", "alice")
    lines = [re.split(" {2,}", line) for line in shown.out.splitlines()]
    assert lines == [
        ["seq", "time", "what", "actor"],
        [
            "8",
            "TIME",
            (
                "alice@example.org → ann@example.net, external_id (none) → 7, "
                "deactivated, address unverified, joined admin"
            ),
            "dee",
        ],
        ["6", "TIME", "2 failed logins: incorrect password", "bea"],
        ["4", "TIME", "logged in", "cid"],
        ["3", "TIME", "failed login: incorrect password", "bea"],
        ["2", "TIME", "registered as alice with alice@example.org, in basic_user", "ann"],
    ]
    assert len(json.loads(busy("user", "history", "alice", "-o", "json").out)) == 6


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (("--outcome", "ok"), [4, 2, 1]),
        (("--outcome", "failed"), [3]),
        (("--outcome", "incorrect_password"), [3]),
        (("--outcome", "user_not_found"), []),
        (("--signal", "user_registered", "--signal", "group_created"), [2, 1]),
        (("--changed", "email"), [2]),
        (("--changed", "groups"), [2]),
        (("--changed", "display_name"), []),
        (("--group", "basic_user"), [2, 1]),
        (("--group", "Basic_User"), [2, 1]),
        (("--invocation", "0" * 32), []),
        (("--operation", "0" * 32), []),
    ],
)
def test_list_filters_by_what_happened(busy: Cli, filters: tuple[str, ...], expected: list[int]) -> None:
    assert numbers(busy, "list", *filters) == expected


def test_a_misspelt_word_is_answered_with_the_word_that_is_meant(busy: Cli) -> None:
    for option, typed, meant in (("--outcome", "fail", "failed"), ("--changed", "group", "groups")):
        hint = busy("events", "list", option, typed).err.splitlines()[1]
        assert hint.startswith(f"       Did you mean {meant}? Words are ")


def test_a_word_that_only_the_log_knows_selects_events(busy: Cli, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[attributes]\nphone = { type = 'text' }\n")
    assert busy("user", "update", "alice", "--set", "phone=1").status == 0
    (tmp_path / "config.toml").write_text("")
    assert busy("group", "create", "crew").status == busy("group", "delete", "crew", "--yes").status == 0
    assert numbers(busy, "list", "--changed", "phone") == [5]
    assert numbers(busy, "list", "--group", "crew") == [7, 6]


def test_a_group_keeps_its_history_when_it_is_renamed(busy: Cli) -> None:
    for command in ("create staff", "add staff alice", "rename staff crew", "remove crew alice", "create staff"):
        assert busy("group", *command.split(), "-q").status == 0
    assert busy("undo", "6", "--yes", "-q").status == 0
    what = [
        line.split("\t")
        for line in busy("user", "history", "alice", "--fields", "seq,what", "-o", "value").out.splitlines()
    ]
    assert what[:2] == [["8", "left crew"], ["6", "joined staff (now crew)"]]
    assert numbers(busy, "list", "--group", "crew") == [8, 7, 6, 5]
    assert numbers(busy, "list", "--group", "staff") == [9, 7, 6, 5]
    assert "what           joined staff (now crew)\n" in busy("events", "show", "6").out
    assert lines(busy, "list", "--group", "crew")[2]["data"]["changes"]["groups"] == {"added": ["staff"], "removed": []}


def test_the_sentence_of_an_undo_names_the_event(busy: Cli) -> None:
    busy("user", "update", "alice", "--deactivate", "-q")
    assert busy("undo", "5", "--yes", "-q").status == 0
    assert (
        busy("events", "list", "--limit", "1", "--fields", "what", "-o", "value").out == "activated (undoes event 5)\n"
    )


def test_list_filters_by_invocation_and_operation(busy: Cli) -> None:
    events = lines(busy, "list")
    for field, option in (("invocation_id", "--invocation"), ("operation_id", "--operation")):
        for event in events:
            same = [other["seq"] for other in events if other[field] == event[field]]
            assert numbers(busy, "list", option, event[field]) == same
            assert busy("events", "list", option, event[field].upper() + "'").status == 0


def test_list_has_all_fields_in_json_jsonl_and_csv(busy: Cli) -> None:
    as_json = json.loads(busy("events", "list", "-o", "json").out)
    as_lines = lines(busy, "list")
    text = busy("events", "list", "-o", "csv").out
    as_csv = list(csv.DictReader(io.StringIO(text)))
    assert as_json == as_lines
    assert tuple(as_json[0]) == tuple(as_csv[0]) == FIELDS
    assert [row["data"] for row in as_csv] == [json.dumps(event["data"]) for event in as_json]
    assert as_json[1] == as_json[1] | {
        "seq": 3,
        "time": "TIME",
        "signal": "user_authentication_failed",
        "outcome": "incorrect_password",
        "subject_id": 1,
        "subject": "alice",
        "actor": "bea",
        "pid": os.getpid(),
        "data": {
            "exception": None,
            "reason": "incorrect_password",
            "user": {"email": "alice@example.org", "id": 1, "username": "alice"},
            "username": "alice",
        },
        "previous_hash": as_json[2]["hash"],
    }
    assert len({event["invocation_id"] for event in as_json}) == 3


def test_an_empty_log_is_empty_in_every_format(cli: Cli) -> None:
    header = "seq  time  signal  outcome  subject  actor\n"
    assert cli("events", "list").out in ("", header)
    assert cli("events", "list", "-o", "json") == (0, "[]\n", "")
    assert cli("events", "export") == (0, "", "")
    assert cli("events", "verify", "-q").status == 0


def test_list_filters_events(busy: Cli) -> None:
    assert numbers(busy, "list", "--signal", "user_authenticated") == [4]
    assert numbers(busy, "list", "--by", "bea") == [3]
    assert numbers(busy, "list", "--user", "alice", "--by", "nobody") == []
    assert numbers(busy, "list", "--since", "1h") == [4, 3, 2, 1]
    assert numbers(busy, "list", "--until", "1h") == []
    assert numbers(busy, "list", "--since", "2020-01-01", "--until", "9999-12-31") == [4, 3, 2, 1]
    assert numbers(busy, "list", "--since", "2100-01-01T00:00:00+01:00") == []
    assert numbers(busy, "list", "--limit", "0") == [4, 3, 2, 1]


def test_pages_have_no_gap_and_no_overlap(busy: Cli) -> None:
    first = numbers(busy, "list", "--limit", "2")
    second = numbers(busy, "list", "--limit", "2", "--before", str(first[-1]))
    assert (first, second) == ([4, 3], [2, 1])
    assert numbers(busy, "list", "--before", "1") == []
    assert numbers(busy, "list", "--before", "9" * 40) == [4, 3, 2, 1]
    assert numbers(busy, "list", "--before", "-" + "9" * 40) == []


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("list", "--since", "tomorrow"), 2, "'tomorrow' is not a time."),
        (("list", "--since", "99999999999999999d"), 2, "'99999999999999999d' is not a time."),
        (("list", "--signal", "user_regstered"), 5, "There is no signal 'user_regstered'."),
        (("list", "--user", "mallory"), 5, "There is no user 'mallory'."),
        (("list", "--user", "id:" + "9" * 400), 5, "There is no user 'id:"),
        (("show", "5"), 5, "There is no event 5."),
        (("show", "9" * 40), 5, "There is no event 9"),
        (("show", "-1"), 2, ""),
        (("verify", "--public-key", "key.pub"), 2, "--public-key needs a --checkpoint."),
        (("list", "--outcome", "fail"), 2, "--outcome: no event has 'fail'."),
        (("list", "--changed", "group"), 2, "--changed: no event has 'group'."),
        (("list", "--changed", "\x1b"), 2, "--changed: no event has '\\x1b'."),
        (("list", "--group", "stff"), 5, "There is no group 'stff'."),
        (("verify", "--checkpoint", "missing"), 2, "Cannot read missing: No such file or directory."),
        (("verify", "--checkpoint", "lback-checkpoints.txt"), 2, "Cannot read lback-checkpoints.txt: No such file"),
        (("verify", "--checkpoint", "lback-checkpoint-v1 seq=1"), 7, "This is not a line"),
        (("verify", "missing"), 2, "Cannot read missing: No such file or directory."),
        (("verify", "."), 2, "Cannot read .: Is a directory."),
        (("checkpoint", "--sign-with", "missing"), 2, "Cannot read the key missing"),
    ],
)
def test_invalid_arguments_are_an_error_without_a_traceback(
    busy: Cli, arguments: tuple[str, ...], status: int, message: str
) -> None:
    outcome = busy("events", *arguments)
    assert (outcome.status, outcome.out) == (status, "")
    assert message in outcome.err
    assert "Traceback" not in outcome.err
    error = json.loads(busy("events", *arguments, "-o", "json").err)["error"]
    assert message in error["message"]


def test_show_has_a_line_for_each_field(busy: Cli) -> None:
    outcome = busy("events", "show", "4")
    assert (outcome.status, outcome.err) == (0, "")
    titles = [line[:13].strip().replace(" ", "_") for line in outcome.out.splitlines() if line[:13].strip()]
    assert sorted(titles) == sorted([*(set(FIELDS) - {"data"}), "what", "user"])
    user = '{"email": "alice@example.org", "id": 1, "username": "alice"}'
    assert f"what           logged in\n\nuser           {user}\n\n" in outcome.out


def test_show_lays_out_the_change_before_the_hashes(busy: Cli) -> None:
    busy("user", "update", "alice", "--deactivate", "--set", "display_name=Alice\u202e")
    out = busy("events", "show", "5").out
    assert "\nchanges        display_name (none) → Alice\\u202e\n               deactivated\n\n" in out
    assert out.index("changes") < out.index("hash")


def test_an_export_verifies_with_a_checkpoint(busy: Cli, lback: Any, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(lback("events", "export").out)
    checkpoint = busy("events", "checkpoint")
    assert HEX.sub("HASH", checkpoint.out) == "lback-checkpoint-v2 seq=4 count=4 hash=HASH erased=0\n"
    (tmp_path / "checkpoints").write_text(f"something else\n{checkpoint.out}\n\n")
    found = {"intact": "yes", "events": "4", "erased": "0", "hash": "HASH"}
    for target in ((), ("events.jsonl",)):
        outcome = busy("events", "verify", *target)
        plain = "".join(f"{name:<8}{value}\n" for name, value in found.items())
        assert (outcome.status, HEX.sub("HASH", outcome.out), outcome.err) == (0, plain, "The event log is intact.\n")
        plain = "".join(f"{name:<12}{value}\n" for name, value in found.items())
        for pin in (checkpoint.out, "checkpoints"):
            outcome = busy("events", "verify", *target, "--checkpoint", pin)
            assert (outcome.status, HEX.sub("HASH", outcome.out)) == (0, f"{plain}checkpoint  4\n")
            assert outcome.err == "The event log is intact and contains the checkpoint.\n"
    document = json.loads(busy("events", "verify", "-o", "json", "-q").out)
    assert document == {
        "intact": True,
        "events": 4,
        "erased": 0,
        "hash": checkpoint.out.partition("hash=")[2].split()[0],
        "checkpoint": None,
    }
    from_stdin = busy("events", "verify", "-", "-q", input=(tmp_path / "events.jsonl").read_bytes())
    assert from_stdin == (0, "", "")


def test_a_signed_checkpoint_verifies_with_the_public_key(busy: Cli, tmp_path: Path) -> None:
    for command in ("genpkey -algorithm ed25519 -out key.pem", "pkey -in key.pem -pubout -out key.pub"):
        subprocess.run(["openssl", *command.split()], check=True, capture_output=True, cwd=tmp_path)
    line = busy("events", "checkpoint", "--sign-with", "key.pem").out
    assert re.fullmatch(r"lback-checkpoint-v2 seq=4 count=4 hash=[0-9a-f]{64} erased=0 signature=\S{88}\n", line)
    assert busy("events", "verify", "--checkpoint", line, "--public-key", "key.pub").status == 0
    unsigned = busy("events", "verify", "--checkpoint", line.partition(" sig")[0], "--public-key", "key.pub")
    assert (unsigned.status, unsigned.err.splitlines()[0]) == (7, "error: The checkpoint is not signed.")
    as_json = json.loads(busy("events", "checkpoint", "-o", "json").out)
    assert (as_json["seq"], as_json["count"], as_json["line"]) == (4, 4, line.partition(" sig")[0])


def test_a_checkpoint_detects_an_older_copy_of_the_database(busy: Cli, tmp_path: Path) -> None:
    database = tmp_path / "data" / "lback" / "lback.db"
    sqlite3.connect(database).execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
    shutil.copy(database, tmp_path / "older.db")
    assert busy("user", "delete", "alice", "--yes").status == 0
    line = busy("events", "checkpoint").out
    outcome = busy("events", "verify", "--checkpoint", line, LBACK_DATABASE_URL=f"sqlite:///{tmp_path / 'older.db'}")
    assert outcome == (
        7,
        "",
        (
            "error: Event 5: it is missing: the log ends before the checkpoint, which covers 5 events.\n"
            "       Nothing from there on can be trusted; see docs/event-log.md.\n"
        ),
    )


def test_verify_names_an_edited_event(busy: Cli, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "data" / "lback" / "lback.db")
    connection.execute("UPDATE lback_events SET actor = 'ann' WHERE seq = 3")
    connection.commit()
    connection.close()
    assert busy("events", "verify", "-o", "json") == (
        7,
        "",
        json.dumps(
            {
                "error": {
                    "code": "broken_event_log",
                    "message": "Event 3: it was edited: its hash does not match its fields.",
                    "hint": "Nothing from there on can be trusted; see docs/event-log.md.",
                }
            }
        )
        + "\n",
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "Event 1: it is missing: there is nothing at all."),
        (b"\n", "Event 1: line 1 is not an exported event: Expecting value: line 2 column 1 (char 1)."),
        (b"\xff\xfe{\x00}\x00", "Event 1: line 1 is not an exported event: it is not UTF-8."),
        ("\ufeff{}\n".encode(), "Event 1: line 1 is not an exported event: "),
        (b"\x00" * 100, "Event 1: line 1 is not an exported event: "),
        (b"[" * 200_000, "Event 1: line 1 is not an exported event: "),
        (b'{"seq": 1e999}', "Event 1: line 1 is not an exported event: "),
    ],
)
def test_verify_of_a_malformed_file_is_exit_7(cli: Cli, tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "file").write_bytes(content)
    for outcome in (cli("events", "verify", "file"), cli("events", "verify", "-", input=content)):
        assert (outcome.status, outcome.out) == (7, "")
        assert outcome.err.startswith(f"error: {sentence}")
        assert len(outcome.err) < 300


def test_a_binary_checkpoint_file_is_refused(busy: Cli, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    outcome = busy("events", "verify", "--checkpoint", "binary")
    assert (outcome.status, outcome.err.splitlines()[0]) == (
        7,
        "error: This is not a line that 'lback events checkpoint' printed.",
    )


def test_cloudevents_follow_their_specification(busy: Cli) -> None:
    exported = [json.loads(line) for line in busy("events", "export", "--format", "cloudevents").out.splitlines()]
    events = {event["seq"]: event for event in lines(busy, "list")}
    assert len(exported) == 4
    for seq, event in enumerate(exported[1:], 2):
        stored = events[seq]
        arguments = dict(stored["data"])
        changes = {"changes": arguments.pop("changes")} if stored["outcome"] == "ok" else {}
        assert event == {
            "specversion": "1.0",
            "id": stored["id"],
            "source": f"//{stored['host']}/lback",
            "type": f"dev.lback.{stored['signal']}.v1",
            "time": "TIME",
            "sequence": f"{seq:020}",
            "datacontenttype": "application/json",
            "subject": "alice",
            "data": {
                "outcome": None if stored["outcome"] == "ok" else stored["outcome"],
                "subject_id": 1,
                "actor": stored["actor"],
                "operation": stored["operation"],
                "operation_id": stored["operation_id"],
                "arguments": arguments,
                **changes,
            },
        }
        # CloudEvents 1.0.2, sections 3.1 and 3.3: attribute names, and required ones that are not empty.
        assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in event)
        assert all(event[name] for name in ("specversion", "id", "source", "type"))
    assert len({event["id"] for event in exported}) == 4


def test_export_in_ocsf_has_a_line_for_each_event(busy: Cli) -> None:
    exported = [json.loads(line) for line in busy("events", "export", "--format", "ocsf").out.splitlines()]
    assert [(event["metadata"]["sequence"], event["type_name"], event["status"]) for event in exported] == [
        (1, "Base Event: Group Created", "Success"),
        (2, "Account Change: Create", "Success"),
        (3, "Authentication: Logon", "Failure"),
        (4, "Authentication: Logon", "Success"),
    ]


def test_export_filters_events(busy: Cli) -> None:
    def exported(*arguments: str) -> list[int]:
        return [json.loads(line)["seq"] for line in busy("events", "export", *arguments).out.splitlines()]

    assert exported() == [1, 2, 3, 4]
    assert exported("--after", "2") == [3, 4]
    assert exported("--signal", "user_registered", "--user", "alice", "--by", "ann") == [2]


def test_summary_shows_counts_bars_and_totals(busy: Cli) -> None:
    day = datetime.now(UTC).date().isoformat()
    assert busy("events", "summary") == (
        0,
        (
            "day         registered  logins  failed logins  failures  changes\n"
            f"{day}  1 ████      1 ████  1 ████         0         1 ████\n"
            "total       1           1       1              0         1\n"
        ),
        "",
    )
    counts = {"registered": 1, "logins": 1, "failed_logins": 1, "failures": 0, "changes": 1}
    documents = json.loads(busy("events", "summary", "-o", "json").out)
    assert documents == [{"day": day, **counts}]
    assert busy("events", "summary", "--since", "2100-01-01", "-o", "csv").out.splitlines()[1:] == []


def test_summary_by_weekday_and_hour_has_all_of_them(busy: Cli) -> None:
    now = datetime.now(UTC)
    weekdays = json.loads(busy("events", "summary", "--by", "weekday", "-o", "json").out)
    assert [row["weekday"] for row in weekdays] == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert [row["weekday"] for row in weekdays if row["logins"]] == [now.strftime("%a")]
    hours = json.loads(busy("events", "summary", "--by", "hour", "-o", "json").out)
    assert [row["hour"] for row in hours] == [f"{hour:02}:00" for hour in range(24)]
    (busy_hour,) = (row for row in hours if row["logins"])
    assert busy_hour["hour"] in {now.strftime("%H:00"), (now - timedelta(minutes=1)).strftime("%H:00")}
    assert busy_hour == {
        "hour": busy_hour["hour"],
        "registered": 1,
        "logins": 1,
        "failed_logins": 1,
        "failures": 0,
        "changes": 1,
    }
    shown = busy("events", "summary", "--by", "hour").out.splitlines()
    assert len(shown) == 26
    assert shown[0] == "hour   registered  logins  failed logins  failures  changes"
    assert busy("events", "summary", "--by", "month").status == 2
    assert busy("events", "summary", "--since", "2000-01-01", "--by", "hour").status == 0


@pytest.mark.usefixtures("busy")
def test_summary_fits_into_80_columns(tmp_path: Path, lback: Any) -> None:
    connection = sqlite3.connect(tmp_path / "data" / "lback" / "lback.db")
    connection.execute(
        "WITH RECURSIVE n(i) AS (SELECT 5 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) "
        "INSERT INTO lback_events SELECT i, id, substr(time, 1, 20) || '000000Z', signal, operation, operation_id, "
        "outcome, actor, host, pid, version, invocation_id, subject_id, subject, data, salt, digest, previous_hash, "
        "hash "
        "FROM n JOIN lback_events ON seq = 2 + i % 3"
    )
    connection.commit()
    connection.close()
    child = pexpect.spawn(
        lback.program,
        ["events", "summary", "--no-color"],
        env=lback.environment,
        cwd=tmp_path,
        dimensions=(24, 80),
        encoding="utf-8",
    )
    drawn = child.read().splitlines()
    child.close()
    assert child.exitstatus == 0
    table = [line.rstrip() for line in drawn if line.strip()]
    assert [line.split() for line in table[:1]] == [
        ["day", "registered", "logins", "failed", "logins", "failures", "changes"]
    ]
    assert len(table) == 3, table
    assert all(len(line) <= 80 for line in table)
    assert "10000 ████" in table[1]


def test_follow_shows_events_of_other_processes_until_interrupted(busy: Cli, lback: Any, password: str) -> None:
    follower = lback.start("events", "follow", "-o", "jsonl", "--after", "1")
    try:
        seen = [json.loads(follower.stdout.readline())["seq"] for _ in range(3)]
        for _ in range(3):
            busy("user", "authenticate", "alice", "--password-stdin", input=password)
        seen += [json.loads(follower.stdout.readline())["seq"] for _ in range(3)]
        assert seen == [2, 3, 4, 5, 6, 7]
        follower.send_signal(signal.SIGINT)
        out, err = follower.communicate(timeout=20)
        assert (follower.returncode, out, err) == (130, b"", b"Interrupted.\n")
    finally:
        follower.kill()
        follower.wait()


def test_follow_starts_at_the_end_and_filters(busy: Cli, lback: Any, password: str) -> None:
    def fail() -> None:
        login = ("user", "authenticate", "alice", "--password-stdin", "--actor", "dan\x1b[2J")
        busy(*login, input="wrong", LBACK_AUTHENTICATION_MAX_FAILURES="1000")

    follower = lback.start("events", "follow", "--signal", "user_authentication_failed")
    try:
        titles = follower.stdout.readline().decode().split()
        assert titles == ["seq", "time", "subject", "what", "actor", "signal", "outcome"]
        failed, words = ["user_authentication_failed", "incorrect_password"], "failed login: incorrect password"
        past = re.split(" {2,}", follower.stdout.readline().decode().strip())
        assert (past[0], past[2:]) == ("3", ["alice", words, "bea", *failed])
        busy("user", "authenticate", "alice", "--password-stdin", input=password)
        fail()
        new = re.split(" {2,}", follower.stdout.readline().decode().strip())
        assert new[2:] == ["alice", words, r"dan\x1b[2J", *failed]
        follower.stdout.close()
        fail()
        assert follower.wait(timeout=20) == 141
    finally:
        follower.kill()
        follower.wait()
        follower.stderr.close()


def test_history_after_an_erasure_has_no_personal_data(busy: Cli, tmp_path: Path) -> None:
    refused = busy("user", "erase", "alice")
    assert (refused.status, refused.out) == (2, "")
    assert refused.err == "error: There is no terminal to ask for confirmation.\n       Use --confirm=alice.\n"
    assert busy("user", "erase", "alice", "--confirm", "Alice", "--actor", "dpo") == (
        0,
        "id        1\nevents    4\nmentions  0\nerased    yes\n",
        "Erased alice. Events erased: 4, and 0 of others.\n",
    )
    history = busy("user", "history", "id:1")
    assert history == (
        0,
        (
            "seq  time                       what                                                     actor\n"
            "6    TIME  erased                                                   dpo\n"
            "5    TIME  user deleted (erased)                                    dpo\n"
            "4    TIME  user authenticated (erased)                              cid\n"
            "3    TIME  user authentication failed: incorrect password (erased)  bea\n"
            "2    TIME  user registered (erased)                                 ann\n"
        ),
        "",
    )
    assert busy("user", "history", "alice").status == 5
    assert busy("user", "history", "id:1", "--limit", "1").out.count("\n") == 2
    assert json.loads(busy("user", "erase", "id:1", "--confirm=id:1", "-o", "json", "-q").out) == {
        "id": 1,
        "events": 0,
        "mentions": 0,
        "erased": True,
        "outcome": "deleted",
    }
    assert HEX.sub("HASH", busy("events", "verify").out) == ("intact  yes\nevents  7\nerased  4\nhash    HASH\n")
    for path in (tmp_path / "data" / "lback").glob("lback.db*"):
        assert b"alice" not in path.read_bytes(), path


def test_the_actor_comes_from_option_variable_file_or_login(cli: Cli, tmp_path: Path) -> None:
    def actor(*arguments: str, **variables: str) -> str:
        assert cli("user", "authenticate", "x", "--password-stdin", *arguments, input="y", **variables).status == 4
        return str(lines(cli, "list", "--limit", "1")[0]["actor"])

    login = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    assert actor() == login
    if os.getuid() == 0:
        assert actor(SUDO_USER="sue") == "sue"
    file = tmp_path / ".env"
    file.write_text("LBACK_ACTOR=from the file\n")
    file.chmod(0o600)
    assert actor(SUDO_USER="sue") == "from the file"
    assert actor(LBACK_ACTOR="vera") == "vera"
    assert actor("--actor", "olga", LBACK_ACTOR="vera") == "olga"
    assert actor("--actor", "olga\ud800", LBACK_ACTOR="vera") == "olga\\ud800"


def test_events_of_one_command_share_an_invocation_id(busy: Cli) -> None:
    busy("user", "erase", "alice", "--confirm=alice")
    *_, deleted, erased = reversed(lines(busy, "list"))
    assert deleted["invocation_id"] == erased["invocation_id"]
    assert len({event["invocation_id"] for event in lines(busy, "list")}) == 4


def test_a_missing_chain_head_is_a_broken_log(busy: Cli, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "data" / "lback" / "lback.db")
    connection.execute("DELETE FROM lback_event_head")
    connection.commit()
    connection.close()
    assert busy("events", "verify").status == 7
    assert busy("events", "checkpoint").status == 7
    assert busy("events", "list").status == 0


@pytest.mark.skipif(sys.platform == "win32", reason="closing standard streams is POSIX")
def test_verify_of_a_closed_stdin_is_exit_7(lback: Any) -> None:
    finished = subprocess.run(
        ["sh", "-c", f"exec {lback.program} events verify - <&-"],
        env=lback.environment,
        cwd=lback.directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (finished.returncode, finished.stdout) == (7, "")
    assert finished.stderr.startswith("error: Event 1: it is missing: there is nothing at all.")


def test_an_erasure_that_does_not_list_mentions_apart_causes_a_warning(busy: Cli, lback: Any) -> None:
    assert busy("user", "erase", "alice", "--confirm=alice").status == 0
    assert "warning" not in busy("events", "verify").err
    with sqlite3.connect(lback.database) as connection:
        connection.row_factory = sqlite3.Row
        row = dict(connection.execute("SELECT * FROM lback_events ORDER BY seq DESC LIMIT 1").fetchone())
        data = json.loads(row["data"])
        del data["mentions"]
        row["data"] = canonical(data)
        row["digest"] = personal_digest(row["salt"], row["data"], row["subject"])
        row["hash"] = row_hash([row[name] for name in HASHED])
        connection.execute("UPDATE lback_events SET data = :data, digest = :digest, hash = :hash WHERE seq = :seq", row)
        connection.execute("UPDATE lback_event_head SET hash = :hash", row)
    connection.close()
    shutil.rmtree(lback.directory / "state")  # where this machine remembers the other hash
    verified = busy("events", "verify")
    assert verified.status == 0
    assert verified.err.splitlines()[-1] == (
        f"warning: Event {row['seq']} does not list mentions apart, so they may be events of others that were removed."
        " Only versions before 0.1.0 wrote such events. Find out who erased these, and why."
    )
