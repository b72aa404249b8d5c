"""`lback apply`: users and groups become as files describe them, and nothing else changes."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminals import ended

Cli = Callable[..., Any]

TEAM = """\
owner: operations
groups:
- name: staff
  description: People who work here
users:
- username: Ann
  email: ANN@example.org
  groups: [staff]
  display_name: Ann Example
  external_id: "7"
- username: ben
  email: ben@example.org
  active: no
"""


@pytest.fixture
def team(cli: Cli, tmp_path: Path) -> Callable[..., Any]:
    """Apply a text as the file team.yaml."""

    def run(text: str, *options: str, **more: Any) -> Any:
        (tmp_path / "team.yaml").write_text(text)
        return cli("apply", "team.yaml", *options, **more)

    return run


def events(cli: Cli) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(cli("events", "list", "--limit", "0", "-o", "json").out)
    return found[::-1]


def shown(cli: Cli, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cli("user", "show", name, "-o", "json").out)
    return found


MAILED = "Wrote 2 invitations to ~/data/lback/mail (transport: file).\n"


def test_a_file_is_applied_once(cli: Cli, team: Any, lback: Any) -> None:
    lines = "+ group staff  description People who work here\n+ ann  ann@example.org, +staff\n+ ben  ben@example.org\n"
    assert team(TEAM, "--yes") == (0, lines, f"3 created.\n{MAILED}")
    ann, ben = shown(cli, "ann"), shown(cli, "ben")
    assert (ann["groups"], ann["display_name"], ann["external_id"]) == (["basic_user", "staff"], "Ann Example", "7")
    assert (ann["password"], ben["is_active"]) == ("invited", False)
    assert [str(mail["To"]) for mail in lback.mails] == ["ann@example.org", "ben@example.org"]
    made = events(cli)
    names = ["group_created", "group_created", "user_registered", "user_registered"]
    assert sorted(event["signal"] for event in made) == names
    invocations = {json.loads(cli("events", "show", str(n), "-o", "json").out)["invocation_id"] for n in range(1, 5)}
    assert len(invocations) == 1
    assert team(TEAM, "--yes") == (0, "", "Nothing differs.\n")
    assert team(TEAM, "--drift") == (0, "", "Nothing differs.\n")
    assert events(cli) == made, "no operation has run"


def test_only_what_a_file_mentions_is_managed(cli: Cli, team: Any) -> None:
    team(TEAM, "--yes")
    cli("user", "update", "ann", "--deactivate", "--set", "display_name=A", "-q")
    cli("user", "register", "eve", "--email", "eve@example.org", "--invite", "-q")
    change = "users:\n- username: ann\n  groups: []\n  email: new@example.org\n  external_id:\n- username: eve\n"
    outcome = team(change, "--yes", "-o", "json")
    (result,) = json.loads(outcome.out)
    assert result["changes"] == {
        "email": {"from": "ann@example.org", "to": "new@example.org"},
        "external_id": {"from": "7", "to": None},
        "groups": {"added": [], "removed": ["staff"]},
    }
    assert (result["kind"], result["name"], result["action"], result["outcome"]) == ("user", "ann", "update", "updated")
    ann = shown(cli, "ann")
    assert (ann["display_name"], ann["is_active"], ann["groups"]) == ("A", False, ["basic_user"])


def test_a_plan_is_exact_and_changes_nothing(cli: Cli, team: Any, lback: Any) -> None:
    team(TEAM, "--yes")
    cli("user", "register", "eve", "--email", "eve@example.org", "--invite", "-q")
    before, mails = events(cli), len(lback.mails)
    change = TEAM.replace("ben@", "eve@").replace("ANN@", "anna@").replace("who work", "that work")
    change += "- username: eve\n  state: absent\n- username: nemo\n  state: absent\n"
    planned = team(change, "--plan")
    assert planned == (
        8,
        (
            "~ group staff  description People who work here → People that work here\n"
            "~ ann  email ann@example.org → anna@example.org\n"
            "! ben  The e-mail address 'eve@example.org' is taken.\n"
            "- eve\n"
        ),
        (
            "2 updated, 1 deleted, 1 failed, 1 unchanged.\n"
            "Signals: user_deleted 1, user_deletion_started 1, user_email_verification_initiated 1, "
            "user_update_failed 1, user_update_started 2, user_updated 1.\n"
            "Mails: email_changed 1, verify_email 1.\n"
            "Nothing was changed.\n"
        ),
    )
    assert (events(cli), len(lback.mails)) == (before, mails)
    done = team(change, "--yes")
    assert (done.status, done.out) == (planned.status, planned.out)
    assert len(lback.mails) == mails + 2


def test_drift_is_exit_8(cli: Cli, team: Any) -> None:
    team(TEAM, "--yes")
    cli("user", "update", "ben", "--activate", "-q")
    assert team(TEAM, "--drift") == (8, "~ ben  deactivated\n", "Differences: 1.\n")
    assert shown(cli, "ben")["is_active"] is True


def test_prune_deletes_only_what_the_owner_made(cli: Cli, team: Any) -> None:
    cli("user", "register", "old", "--email", "old@example.org", "--invite", "-q")
    team(TEAM + "- username: old\n  display_name: Old\n", "--yes")
    team("owner: other\nusers:\n- {username: eve, email: eve@example.org}\ngroups: [{name: crew}]\n", "--yes")
    rest = "owner: operations\nusers:\n- username: ben\n"
    assert team(rest, "--prune", "--plan").out == "- ann\n- group staff\n"
    assert team(rest, "--yes") == (0, "", "Nothing differs.\n")
    assert team(rest, "--prune", "--yes") == (0, "- ann\n- group staff\n", "2 deleted, 1 unchanged.\n")
    left = json.loads(cli("user", "list", "--fields", "username", "-o", "json").out)
    assert [user["username"] for user in left] == ["old", "ben", "eve"]
    assert team("users: []\n", "--prune").status == 2
    assert team(rest, "--prune", "--yes") == (0, "", "Nothing differs.\n")


def test_a_user_who_was_made_again_by_hand_is_not_pruned(cli: Cli, team: Any) -> None:
    team(TEAM, "--yes")
    cli("user", "delete", "ben", "--yes", "-q")
    cli("user", "register", "ben", "--email", "ben@example.org", "--invite", "-q")
    assert team("owner: operations\ngroups: [{name: staff}]\n", "--prune", "--yes").out == "- ann\n"


def test_all_faults_are_shown_at_once(cli: Cli, team: Any, tmp_path: Path) -> None:
    (tmp_path / "more.json").write_text('{"users": [\n {"username": "ann"},\n {"username": 7, "active": 3}]}')
    faulty = TEAM.replace("ANN@example.org", "nope").replace("[staff]", "[staff, ghosts]").replace("active", "actve")
    (tmp_path / "team.yaml").write_text(faulty + "  password: secret\n- state: gone\n")
    outcome = cli("apply", "team.yaml", "more.json", "--yes")
    assert (outcome.status, outcome.out) == (7, "")
    assert outcome.err.splitlines() == [
        "error: team.yaml, more.json have 8 faults. Nothing was changed.",
        "team.yaml:7:10: 'nope' is not a valid e-mail address. An email address must have an @-sign.",
        "team.yaml:8:19: There is no group ghosts. List it under groups to create it.",
        "team.yaml:13:3: There is no key actve here. Did you mean active?",
        "team.yaml:14:3: password is not allowed: a file has no passwords. Users who are new are invited.",
        "team.yaml:15:3: username is missing.",
        "team.yaml:15:10: state must be present or absent.",
        "more.json:2:2: The user ann comes twice. It is in team.yaml:6 already.",
        "more.json:3:28: active must be true or false.",
    ]
    in_json = cli("apply", "team.yaml", "-o", "json")
    error = json.loads(in_json.err)["error"]
    assert (error["code"], len(error["faults"])) == ("invalid_file", 6)
    missing = "users:\n- username: new\n- username: newer\n  email: n@example.org\n  groups: [ghosts]\n"
    assert team(missing).err.splitlines()[1:] == [
        "team.yaml:2:3: new is new and needs an email.",
        "team.yaml:5:12: There is no group ghosts. List it under groups to create it.",
    ]


def test_one_failure_does_not_stop_the_others(cli: Cli, team: Any) -> None:
    text = "users:\n- {username: ann, email: a@example.org}\n- {username: ben, email: b@example.org}\n"
    team(text, "--yes")
    outcome = team("owner: o\n" + text.replace("ben", "cid") + "- {username: dan, email: d@example.org}\n", "--yes")
    assert outcome == (
        8,
        "! cid  The e-mail address 'b@example.org' is taken.\n+ dan  d@example.org\n",
        "1 created, 1 failed, 1 unchanged.\nWrote an invitation to ~/data/lback/mail (transport: file).\n",
    )
    failed = [event for event in events(cli) if event["signal"] == "user_registration_failed"]
    assert [event["subject"] for event in failed] == ["cid"]


def test_the_brake_holds(team: Any) -> None:
    users = [f"- {{username: u{n}, email: u{n}@example.org}}\n" for n in range(6)]
    team(f"users:\n{''.join(users)}", "--yes")
    away = "users:\n" + "".join(
        f"- {{username: u{n}, {'state: absent' if n % 2 else 'active: false'}}}\n" for n in range(6)
    )
    for option in ("--yes", "--plan"):
        assert team(away, option) == (
            7,
            "",
            (
                "error: This would delete or deactivate 6 of 6 users (100 %). The limit is 10 %.\n"
                "       If that is what you want, add --max-share 100.\n"
            ),
        )
    assert team(away, "--drift").status == 8
    assert team(away, "--yes", "--max-share", "100").status == 0


def test_a_terminal_shows_the_changes_and_asks(team: Any, terminal: Any) -> None:
    team(TEAM, "--plan")
    child = terminal("apply", "team.yaml")
    child.expect_exact("+ ann  ann@example.org, +staff\r\n+ ben  ben@example.org\r\nApply 3 changes (create 3)? [y/N] ")
    child.sendline("n")
    assert ended(child) == (3, "n\nNothing was changed.\n")
    child = terminal("apply", "team.yaml")
    child.expect_exact("[y/N] ")
    child.sendline("y")
    assert ended(child) == (0, f"y\n3 created.\n{MAILED}")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "No file is named."),
        (("nosuch.yaml",), "Cannot read nosuch.yaml: No such file or directory."),
        (("team.txt",), "The name of team.txt does not show its format."),
        (("team.yaml", "--plan", "--drift"), "Use either --plan or --drift."),
        (("team.yaml",), "There is no terminal to ask for confirmation."),
    ],
)
def test_what_cannot_be_applied_is_exit_2(cli: Cli, team: Any, words: tuple[str, ...], message: str) -> None:
    team(TEAM, "--plan")
    outcome = cli("apply", *words)
    assert (outcome.status, outcome.out) == (2, "")
    assert f"error: {message}\n" in outcome.err


def test_an_export_describes_what_there_is(cli: Cli, team: Any, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[attributes]\nbadge = { type = "integer" }\nvip = { type = "boolean" }\n')
    text = TEAM + "  attributes: {badge: 7, vip: yes}\n- {username: zoé, email: z@example.org, display_name: 'no'}\n"
    variables = {"LBACK_USERS_UNICODE_NAMES": "true"}
    assert team(text, "--yes", **variables).status == 0
    assert cli("user", "export", "--to", "apply", "--file", "out.yaml", "-q", **variables).status == 0
    exported = (tmp_path / "out.yaml").read_text()
    assert exported.startswith("groups:\n- name: staff\n  description: People who work here\nusers:\n- username: ann\n")
    assert "basic_user" not in exported
    assert cli("apply", "out.yaml", "--drift", **variables) == (0, "", "Nothing differs.\n")
    for name in ("ann", "ben"):
        cli("user", "delete", name, "--yes", "-q")
    assert cli("apply", "out.yaml", "--yes", "-q", **variables).status == 0
    cli("user", "export", "--to", "apply", "--file", "again.yaml", "-q", **variables)
    assert sorted((tmp_path / "again.yaml").read_text().split("- ")) == sorted(exported.split("- "))
    assert cli("user", "export", "--to", "apply", "--with-hashes").status == 2


def test_the_schema_has_exactly_the_keys_that_are_read(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[attributes]\nbadge = { type = "integer" }\n')
    schema = json.loads(cli("apply", "--schema").out)
    user = schema["properties"]["users"]["items"]
    assert list(schema["properties"]) == ["owner", "groups", "users"]
    assert list(user["properties"]["attributes"]["properties"]) == ["badge"]
    keys = "".join(f"  {key}: x\n" for key in (*user["properties"], "other"))
    outcome = cli("apply", "-", "--yes", input=f"users:\n-\n{keys}")
    assert re.findall("There is no key ([a-z_]+) here", outcome.err) == ["other"]
    assert (user["required"], user["additionalProperties"]) == (["username"], False)
