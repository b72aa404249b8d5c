"""`lback undo`."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lback_cli import attributes
from lback_cli.attributes import BUILT_IN, Attribute

Cli = Callable[..., Any]

TABLE = (
    "event  subject  verdict   change                                 reason  by\n"
    "4      ann      reversed  email ann@b.example → ann@example.org\n"
    "4      ann      reversed  +basic_user\n"
    "4      ann      reversed  is_email_verified no → yes\n"
)


@pytest.fixture
def ann(cli: Cli, register: Cli) -> Cli:
    """Ann is registered by event 3, after two groups, and moves by event 4."""
    cli("group", "create", "staff", "-q")
    register("ann", "--verified")
    cli("user", "update", "ann", "--email", "ann@b.example", "--remove-group", "basic_user", "--actor", "bob")
    return cli


def shown(cli: Cli) -> tuple[str, bool, list[str]]:
    user = json.loads(cli("user", "show", "ann", "-o", "json").out)
    return user["email"], user["is_email_verified"], user["groups"]


def test_an_event_is_undone_and_the_undo_is_undone(ann: Cli) -> None:
    assert ann("undo", "4", "--plan") == (
        0,
        TABLE,
        "This would reverse 3 changes. Nothing was changed. Mail that was sent stays sent.\n",
    )
    assert shown(ann) == ("ann@b.example", False, [])
    assert ann("undo", "4", "--yes") == (0, TABLE, "Reversed 3 changes. Mail that was sent stays sent.\n")
    assert shown(ann) == ("ann@example.org", True, ["basic_user"])
    event = json.loads(ann("events", "show", "5", "-o", "json").out)
    assert (event["signal"], event["data"]["undoes"]) == ("user_updated", 4)
    assert ann("undo", "4", "--yes").err == "Everything was undone before.\n"
    assert ann("undo", "5", "--yes").status == 0
    assert shown(ann) == ("ann@b.example", False, [])


def test_what_changed_since_is_kept_and_named_in_json(ann: Cli) -> None:
    ann("user", "update", "ann", "--email", "ann@c.example")
    outcome = ann("undo", "4", "--yes", "-o", "json")
    assert outcome.status == 8
    email, group = json.loads(outcome.out)
    assert email == {
        "event": 4,
        "signal": "user_updated",
        "id": 1,
        "subject": "ann",
        "field": "email",
        "verdict": "kept",
        "change": "email ann@b.example → ann@example.org",
        "reason": "changed since",
        "by": 5,
        "outcome": "skipped",
    }
    assert (group["change"], group["verdict"], group["outcome"]) == ("+basic_user", "reversed", "updated")
    assert shown(ann) == ("ann@c.example", False, ["basic_user"])


def test_a_plan_is_applied_unless_it_no_longer_holds(ann: Cli, tmp_path: Path) -> None:
    plan = tmp_path / "undo.plan"
    assert ann("undo", "4", "--plan-file", str(plan)).status == 0
    assert plan.stat().st_mode & 0o777 == 0o600
    ann("user", "update", "ann", "--email", "ann@c.example")
    assert ann("undo", "--apply", str(plan), "--yes") == (
        6,
        "",
        "error: The plan is out of date for event 4 (ann). Nothing was changed.\n       Make the plan again.\n",
    )
    ann("undo", "5", "--yes")
    assert ann("undo", "--apply", str(plan), "--yes").status == 0
    assert shown(ann) == ("ann@example.org", True, ["basic_user"])
    assert ann("undo", "--apply", str(plan), "--yes").status == 0, "nothing is left to do"
    plan.write_text(plan.read_text().replace("reversed", "kept", 1))
    assert ann("undo", "--apply", str(plan)).err.startswith(f"error: {plan} is not a complete plan")


def test_groups_are_renamed_deleted_and_filled_again(ann: Cli) -> None:
    ann("group", "add", "staff", "ann", "-q")
    ann("group", "rename", "staff", "crew")
    ann("group", "delete", "crew", "--confirm=crew")
    events = [str(seq) for seq in range(5, 8)]
    done = ann("undo", *events, "--yes")
    assert done == (
        0,
        (
            "event  subject  verdict   change             reason  by\n"
            "7      crew     reversed  create the group\n"
            "7      crew     reversed  +1 member\n"
            "6      crew     reversed  name crew → staff\n"
            "5      ann      reversed  -staff\n"
        ),
        "Reversed 4 changes.\n",
    )
    group = json.loads(ann("group", "show", "staff", "-o", "json").out)
    assert (group["members"], group["description"]) == (0, None)


def test_an_undo_asks_first(ann: Cli, terminal: Any) -> None:
    assert ann("undo", "4") == (
        2,
        "",
        "error: There is no terminal to ask for confirmation.\n       Use --yes.\n",
    )
    child = terminal("undo", "4")
    child.expect_exact("Undo: change 1 user (ann)? [y/N] ")
    child.sendline("n")
    child.expect("Nothing was changed")
    child.wait()
    assert child.exitstatus == 3
    assert shown(ann) == ("ann@b.example", False, [])


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        ((), 2, "Name the events by exactly one of SEQ, --operation, --invocation, --import and --apply."),
        (("4", "--import", "x"), 2, "Name the events by exactly one of SEQ, "),
        (("99",), 5, "There is no event 99."),
        (("--operation", "x"), 5, "No event is of the operation 'x'."),
        (("--import", "x"), 5, "There was no import.\n       'lback events list' shows what else can be undone.\n"),
        (("--import", "last"), 5, "There was no import.\n"),
        (("--apply", "missing"), 2, "Cannot read missing: No such file or directory."),
        (("--apply", "missing", "--plan"), 2, "--apply takes the events and the options from the plan."),
    ],
)
def test_refused_command_lines(ann: Cli, options: tuple[str, ...], status: int, message: str) -> None:
    outcome = ann("undo", *options, "--yes")
    assert outcome.status == status
    assert outcome.err.startswith(f"error: {message}")


def test_an_undo_of_nothing_says_where_the_numbers_are(ann: Cli) -> None:
    hint = "'lback events list' shows the numbers of events and the jobs of imports."
    assert ann("undo", "-o", "json").err.count(json.dumps(hint)) == 1


def test_an_operation_and_a_command_are_undone_as_a_whole(ann: Cli) -> None:
    event = json.loads(ann("events", "show", "4", "-o", "json").out)
    assert re.match("4 +ann +reversed", ann("undo", "--operation", event["operation_id"], "--plan").out.splitlines()[1])
    assert ann("undo", "--invocation", event["invocation_id"], "--yes").status == 0
    assert shown(ann) == ("ann@example.org", True, ["basic_user"])


def test_an_import_is_named_by_its_job_its_beginning_or_an_event(ann: Cli, tmp_path: Path) -> None:
    for name in ("bob", "cid"):
        (tmp_path / "users.csv").write_text(f"username,email\n{name},{name}@example.org\n")
        outcome = ann("user", "import", "users.csv", "--mail", "none", "-o", "json")
        job = json.loads(outcome.out)["job"]
        assert outcome.err == f"Imported.\n'lback undo --import {job[:8]}' undoes this import.\n"
    plans = {ann("undo", "--import", name, "--plan").out for name in (job, job[:8], "event:8", "event:10")}
    assert [re.findall(r"(\d+) +(\S+) +reversed +delete", plan) for plan in plans] == [[("9", "cid")]]
    hint = "'last' is the last one, and 'lback events list --signal import_started' shows the jobs of all."
    for name in ("", "x", "event:4", "event:9999999999999999999"):
        assert ann("undo", "--import", name, "--plan") == (
            *(5, "", f"error: There was no import '{name}'.\n       {hint}\n"),
        )
    one, other = re.findall(r'"job": "(.*?)"', ann("events", "list", "--signal", "import_started", "-o", "jsonl").out)
    listed = ann("events", "list", "--signal", "import_started", "--fields", "what", "-o", "value").out
    assert listed == "".join(f"import {job[:8]} of users.csv started\n" for job in (one, other))
    ended = ann("events", "list", "--signal", "import_finished", "--fields", "what", "-o", "value").out
    assert ended.splitlines()[0] == f"import {one[:8]} of users.csv finished: 1 created"
    shared = one[:1]
    if other.startswith(shared):
        assert ann("undo", "--import", shared, "--plan").err.startswith(f"error: 2 imports begin with '{shared}'.")


def test_the_last_import_stays_the_one_that_was_planned(ann: Cli, tmp_path: Path) -> None:
    jobs = []
    for name in ("bob", "cid"):
        (tmp_path / "users.csv").write_text(f"username,email\n{name},{name}@example.org\n")
        jobs.append(json.loads(ann("user", "import", "users.csv", "--mail", "none", "-q", "-o", "json").out)["job"])
        plan = ann("undo", "--import", "last", "--plan-file", f"{name}.plan")
        assert (plan.status, plan.err.splitlines()[0]) == (0, f"The last import is {jobs[-1][:8]}.")
        assert re.findall(r"(\S+) +reversed +delete", plan.out) == [name]
    assert ann("undo", "--apply", "bob.plan", "--yes").status == 0
    assert [ann("user", "exists", name).status for name in ("bob", "cid")] == [5, 0]


def test_a_plan_says_that_the_undo_would_take_away_too_many(ann: Cli, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("username,email\n" + "".join(f"u{i},u{i}@example.org\n" for i in range(9)))
    assert ann("user", "import", "users.csv", "--mail", "none", "-q").status == 0
    plan = ann("undo", "--import", "event:5", "--plan-file", "plan")
    assert plan.status == 7
    assert plan.out.count("reversed") == 9
    assert plan.err.splitlines()[1:] == [
        "error: This would delete or deactivate 9 of 10 users (90 %). The limit is 10 %.",
        "       If that is what you want, add --max-share 90.",
    ]
    assert (tmp_path / "plan").exists()
    assert ann("undo", "--import", "event:5", "--plan", "--max-share", "90").status == 0


def test_the_verification_of_an_address_that_was_changed_since_has_a_verdict(ann: Cli) -> None:
    ann("user", "update", "ann", "--email", "ann@example.org", "-q")
    assert shown(ann) == ("ann@example.org", False, [])
    verdicts = {
        record["field"]: (record["verdict"], record["reason"], record["by"])
        for record in json.loads(ann("undo", "4", "--plan", "-o", "json").out)
    }
    assert verdicts == {
        "email": ("done", "is so already", 5),
        "groups": ("reversed", None, None),
        "is_email_verified": ("kept", "the address was put back without it", 5),
    }
    assert ann("undo", "4", "--yes", "-q").status == 8
    assert shown(ann) == ("ann@example.org", False, ["basic_user"])


def test_there_is_nothing_to_undo_in_a_failure_or_a_login(ann: Cli, password: str) -> None:
    ann("user", "update", "ann", "--email", "nowhere")
    ann("user", "authenticate", "ann", "--password-stdin", "--allow-unverified", input=password)
    assert ann("undo", "5", "6", "--yes") == (0, "", "There is nothing to undo.\n")


def test_passwords_and_erased_people_cannot_be_taken_back(ann: Cli, register: Cli, password: str) -> None:
    ann("user", "update", "ann", "--password-stdin", input=password + "!")
    register("bob")
    ann("user", "erase", "bob", "--confirm=bob")
    outcome = ann("undo", "5", "6", "--yes")
    assert (outcome.status, outcome.err) == (8, "Reversed 0 changes; 2 cannot be reversed.\n")
    assert outcome.out.splitlines()[1:] == [
        "6               cannot   undo      the person was erased",
        "5      ann      cannot   password  a password cannot be taken back",
    ]


def test_mail_is_sent_only_if_it_is_asked_for(ann: Cli, lback: Any) -> None:
    before = len(lback.mails)
    ann("undo", "4", "--yes")
    assert len(lback.mails) == before
    ann("undo", "5", "--yes", "--mail", "notify")
    (mail,) = lback.mails[before:]
    assert (mail["To"], "changed" in mail["Subject"]) == ("ann@example.org", True)


@pytest.mark.parametrize("name", ["username", "email", "external_id", "badge"])
def test_a_user_whose_unique_value_another_user_has_is_not_restored(
    ann: Cli, register: Cli, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    badge = Attribute("badge", "text", "An attribute that is in the list and nowhere else.", unique=True)
    monkeypatch.setattr(attributes, "BUILT_IN", (*BUILT_IN, badge))
    ann("user", "update", "ann", "--set", "external_id=4711", "--set", "badge=7")
    ann("user", "delete", "ann", "--yes")
    taken = {"username": "ann", "email": "ann@b.example", "external_id": "4711", "badge": "7"}[name]
    register("bob")
    option = (f"--{name}", taken) if name in {"username", "email"} else ("--set", f"{name}={taken}")
    assert ann("user", "update", "bob", *option).status == 0
    outcome = ann("undo", "6", "--yes")
    assert (outcome.status, outcome.err) == (8, "Reversed 0 changes; 1 cannot be reversed.\n")
    holder = "ann" if name == "username" else "bob"
    assert outcome.out.splitlines()[1:] == [f"6      ann      cannot   restore  {holder} has the {name} {taken}"]


def test_a_restored_group_says_which_members_are_gone(ann: Cli, register: Cli) -> None:
    register("bob", "--group", "staff")
    ann("group", "add", "staff", "ann", "-q")
    ann("group", "delete", "staff", "--confirm=staff")
    ann("user", "delete", "bob", "--yes")
    outcome = ann("undo", "7", "--yes")
    assert (outcome.status, outcome.err) == (8, "Reversed 2 changes; 1 cannot be reversed.\n")
    assert "7      staff    cannot    +1 member         are deleted\n" in outcome.out
    assert json.loads(ann("group", "show", "staff", "-o", "json").out)["members"] == 1
