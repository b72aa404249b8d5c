"""`lback group add`, `remove` and `members`: each user is one ordinary update."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Cli = Callable[..., Any]

UNKNOWN = {"id": None, "username": None, "outcome": "failed", "error_code": "user_not_found"}


@pytest.fixture
def staffed(cli: Cli, register: Cli) -> Cli:
    """Ann and Ben, and a group in which only Ann is."""
    cli("group", "create", "staff", "-q")
    register("ann", "--group", "staff")
    register("ben")
    return cli


def groups_of(cli: Cli, name: str) -> list[str]:
    found: list[str] = json.loads(cli("user", "show", name, "-o", "json").out)["groups"]
    return found


def test_each_user_has_a_result_and_one_failure_is_exit_8(staffed: Cli) -> None:
    outcome = staffed("group", "add", "STAFF", "ann", "BEN@example.org", "nemo", "-o", "json")
    ann, ben, nemo = json.loads(outcome.out)
    done = {"error_code": None, "error": None}
    assert (outcome.status, outcome.err) == (8, "1 added to STAFF, 1 already a member, 1 failed.\n")
    assert ann == {"user": "ann", "id": 1, "username": "ann", "outcome": "unchanged"} | done
    assert ben == {"user": "BEN@example.org", "id": 2, "username": "ben", "outcome": "updated"} | done
    assert nemo == {"user": "nemo", "error": "There is no user 'nemo'."} | UNKNOWN
    assert groups_of(staffed, "ben") == ["basic_user", "staff"]


def test_a_table_shows_the_outcomes_and_the_exit_code_is_0_without_a_failure(staffed: Cli) -> None:
    assert staffed("group", "remove", "staff", "ann", "id:2") == (
        0,
        "user  outcome    error\nann   updated\nid:2  unchanged\n",
        "1 removed from staff, 1 not a member.\n",
    )
    assert groups_of(staffed, "ann") == ["basic_user"]


def test_each_change_is_an_operation_with_its_signals_and_its_event(staffed: Cli) -> None:
    outcome = staffed("group", "add", "staff", "ben", "id:9", "-q", "-o", "jsonl", "--trace-format", "json")
    trace = [json.loads(line) for line in outcome.err.splitlines()]
    assert outcome.status == 8
    assert [(line["signal"], line["args"]["user_id"]) for line in trace if "user_id" in line["args"]] == [
        ("user_update_started", 2),
        ("user_update_started", 9),
        ("user_update_failed", 9),
    ]
    assert trace[1]["changes"] == {"groups": {"added": ["staff"], "removed": []}}
    events = json.loads(staffed("events", "list", "--limit", "2", "-o", "json").out)
    assert sorted(event["signal"] for event in events) == ["user_update_failed", "user_updated"]


def test_the_last_administrator_stays_while_others_leave(cli: Cli, register: Cli) -> None:
    cli("group", "create", "admin", "-q")
    for name in ("ann", "ben"):
        register(name, "--group", "admin")
    outcome = cli("group", "remove", "admin", "ann", "ben", "-o", "json")
    assert outcome.status == 8
    assert [(r["outcome"], r["error_code"]) for r in json.loads(outcome.out)] == [
        ("updated", None),
        ("failed", "last_administrator"),
    ]
    assert groups_of(cli, "ben") == ["admin", "basic_user"]


@pytest.mark.parametrize("verb", ["add", "remove"])
def test_an_unknown_group_is_exit_5_and_starts_no_operation(staffed: Cli, verb: str) -> None:
    events = staffed("events", "list", "-o", "json").out
    creation = ", and 'lback group create nosuch' creates this one" if verb == "add" else ""
    assert staffed("group", verb, "nosuch", "ann") == (
        5,
        "",
        f"error: There is no group 'nosuch'.\n       'lback group list' shows all groups{creation}.\n",
    )
    assert staffed("group", verb, "staff").status == 2
    assert staffed("events", "list", "-o", "json").out == events


def test_members_are_listed_like_users(staffed: Cli) -> None:
    for form in ("table", "json", "csv"):
        expected = staffed("user", "list", "--group", "staff", "-o", form)
        assert staffed("group", "members", "staff", "-o", form) == expected
        assert "ann@example.org" in expected.out
        assert "ben" not in expected.out
    assert json.loads(staffed("group", "members", "staff", "--inactive", "-o", "json").out) == []
    assert staffed("group", "members", "nosuch").status == 5
    assert staffed("group", "members").status == 2


def test_a_rename_keeps_the_members_and_is_an_event(staffed: Cli) -> None:
    outcome = staffed("group", "rename", "staff", "Crew", "-o", "json")
    renamed = json.loads(outcome.out)
    assert (outcome.status, outcome.err) == (0, "Renamed the group staff to crew.\n")
    assert (renamed["name"], renamed["members"], renamed["outcome"]) == ("crew", 1, "updated")
    assert groups_of(staffed, "ann") == ["basic_user", "crew"]
    for name in ("staff", "crew"):
        newest = json.loads(staffed("events", "list", "--group", name, "--limit", "1", "-o", "json").out)[0]
        assert (newest["signal"], newest["data"]["changes"]) == (
            "group_updated",
            {"name": {"from": "staff", "to": "crew"}},
        )


def test_a_rename_to_the_same_name_changes_nothing(staffed: Cli) -> None:
    events = staffed("events", "list", "-o", "json").out
    outcome = staffed("group", "rename", "staff", "STAFF", "-o", "json")
    assert (outcome.status, outcome.err, json.loads(outcome.out)["outcome"]) == (
        0,
        "staff is unchanged.\n",
        "unchanged",
    )
    assert staffed("events", "list", "-o", "json").out == events


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("staff", "basic_user"), 6, "The group 'basic_user' exists already."),
        (("staff", "a b"), 7, "The group name 'a b' is not allowed."),
        (("nosuch", "crew"), 5, "There is no group 'nosuch'."),
        (("basic_user", "crew"), 7, "'basic_user' is the group that every new user joins."),
        (("admin", "crew"), 7, "'admin' is the administrators' group; its members would lose their rights."),
    ],
)
def test_a_refused_rename_changes_nothing(staffed: Cli, arguments: tuple[str, ...], status: int, message: str) -> None:
    staffed("group", "create", "admin", "-q")
    before = staffed("group", "list", "-o", "json").out, staffed("events", "list", "-o", "json").out
    outcome = staffed("group", "rename", *arguments)
    assert (outcome.status, outcome.out) == (status, "")
    assert outcome.err.startswith(f"error: {message}")
    assert before == (staffed("group", "list", "-o", "json").out, staffed("events", "list", "-o", "json").out)


def test_a_group_is_renamed_to_the_name_that_the_configuration_has_got(staffed: Cli) -> None:
    configured = {"LBACK_USERS_DEFAULT_GROUP": "people"}
    assert staffed("group", "rename", "basic_user", "people", "-q", **configured).status == 0
    assert groups_of(staffed, "ben") == ["people"]
