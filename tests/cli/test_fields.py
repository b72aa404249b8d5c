"""The fields of lists: `--fields`, `-o value` and `-o wide`."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminals import ended

Cli = Callable[..., Any]


@pytest.fixture
def office(cli: Cli, register: Cli, tmp_path: Path) -> Cli:
    (tmp_path / "config.toml").write_text("[attributes]\nphone = { type = 'text' }\nbadge = { type = 'integer' }\n")
    cli("group", "create", "staff", "--description", "People", "-q")
    register("ann", "--verified", "--group", "staff", "--set", "phone==1+1", "--set", "badge=7")
    register("bob", "--inactive", "--set", "display_name=Bob, the \N{SNOWMAN}")
    return cli


@pytest.mark.parametrize(
    ("form", "out"),
    [
        ("table", "username  phone  groups             active\nann       =1+1   basic_user, staff  yes\n"),
        ("wide", "username  phone  groups             active\nann       =1+1   basic_user, staff  yes\n"),
        ("csv", "username,phone,groups,is_active\nann,'=1+1,basic_user;staff,true\n"),
        ("value", "ann\t=1+1\tbasic_user;staff\ttrue\n"),
        ("jsonl", '{"username": "ann", "phone": "=1+1", "groups": ["basic_user", "staff"], "is_active": true}\n'),
        (
            "json",
            '[\n  {"username": "ann", "phone": "=1+1", "groups": ["basic_user", "staff"], "is_active": true}\n]\n',
        ),
        (
            "yaml",
            '- username: ann\n  phone: "=1+1"\n  groups:\n  - basic_user\n  - staff\n  is_active: true\n',
        ),
    ],
)
def test_fields_choose_the_columns_and_their_order_in_every_format(office: Cli, form: str, out: str) -> None:
    command = ("user", "list", "--search", "ann", "--fields", "username,phone,groups,is_active", "-o", form)
    assert office(*command) == (0, out, "")
    shown = office("user", "show", "ann", "--fields", "username,badge", "-o", form)
    assert (shown.status, "ann" in shown.out, "7" in shown.out, "staff" in shown.out) == (0, True, True, False)


def test_a_value_has_no_header_and_one_line_for_each_record(office: Cli) -> None:
    assert office("user", "list", "--fields", "id,display_name", "-o", "value").out == (
        "1\t\n2\tBob, the \N{SNOWMAN}\n"
    )
    assert office("group", "list", "--fields", "name,description,members", "-o", "value").out == (
        "basic_user\t\t2\nstaff\tPeople\t1\n"
    )
    assert office("user", "exists", "ann", "-o", "value").out == "ann\ttrue\n"
    everything = office("user", "list", "-o", "value").out.splitlines()
    assert [line.count("\t") for line in everything] == [14, 14]
    assert office("user", "list", "--search", "nosuch", "-o", "value") == (0, "", "No users match.\n")


def test_wide_shows_all_fields_and_shortens_none(office: Cli) -> None:
    header, ann, _ = office("user", "list", "-o", "wide").out.splitlines()
    names = "id username email external id display name active verified groups badge phone created at updated at"
    assert header.split() == f"{names} last login locked until password".split()
    assert ann.split()[-1] == "set"
    assert office("user", "list", "--fields", "badge", "-o", "wide").out == "badge\n7\n\n"


def test_wide_is_a_block_for_each_user_on_a_narrow_terminal(office: Cli, terminal: Any) -> None:
    status, shown = ended(terminal("user", "list", "-o", "wide", "--no-pager"))
    assert status == 0
    ann, bob = shown.strip().split("\n\n")
    assert [ann.splitlines()[1], bob.splitlines()[1]] == ["username        ann", "username        bob"]
    assert "external id" not in ann, "a field without a value has no line"
    narrow = terminal("user", "list", "-o", "wide", "--fields", "id,username", "--no-pager")
    assert ended(narrow) == (0, "id  username\n1   ann\n2   bob\n")
    assert office("user", "list", "-o", "wide").out.count("\n") == 3


@pytest.mark.parametrize(
    ("command", "known"),
    [
        ("user list", "id, username, email, external_id, display_name, is_active, is_email_verified, groups, badge, "),
        ("user show ann", "id, username, email, external_id, display_name, is_active, is_email_verified, groups, "),
        ("group list", "id, name, description, members, created_at, updated_at."),
        ("events list", "seq, time, signal, outcome, subject_id, subject, actor, data, "),
        ("user history ann", "seq, time, signal, outcome, subject_id, subject, actor, data, "),
        ("events sinks", "sink, configured, position, lag, "),
        ("events dead-letters list", "sink, seq, tries, error, answer, given_up_at."),
        ("mail queue list", "id, state, template, recipient, "),
        ("signals list", "name, phase, can_veto, when, arguments, words."),
        ("user hashes", "scheme, users, outdated, weakness."),
        ("config show", "key, value, source."),
    ],
)
def test_an_unknown_field_is_exit_2_and_names_the_known_ones(office: Cli, command: str, known: str) -> None:
    outcome = office(*command.split(), "--fields", "id,nosuch,name", "-o", "json")
    error = json.loads(outcome.err)["error"]
    assert (outcome.status, outcome.out, error["code"]) == (2, "", "usage")
    assert error["message"].startswith("--fields: there is no field '")
    assert f"Fields are {known}" in error["hint"]


def test_fields_are_refused_that_say_nothing_clear(office: Cli) -> None:
    def hint(fields: str) -> str:
        status, out, err = office("user", "list", "--fields", fields)
        assert (status, out) == (2, "")
        return str(err)

    assert hint("actives") == (
        "error: --fields: there is no field 'actives'.\n       Did you mean is_active? Fields are id, username, email, "
        "external_id, display_name, is_active, is_email_verified, groups, badge, phone, created_at, updated_at, "
        "last_login, locked_until, password.\n"
    )
    assert "Did you mean username?" in hint("usrname")
    assert hint("active,is_active") == "error: --fields: is_active comes twice.\n"
    assert hint("id,id") == "error: --fields: id comes twice.\n"
    assert hint("id,").startswith("error: --fields: a name is missing.\n")
    assert hint("").startswith("error: --fields: a name is missing.\n")
    assert "'\\x1b[31m'" in hint("\x1b[31m")


def test_a_field_can_be_called_by_its_title_in_tables(office: Cli) -> None:
    shown = office("user", "list", "--fields", "username,Active,verified,email verified", "-o", "csv")
    assert (shown.status, shown.err.splitlines()[0]) == (2, "error: --fields: is_email_verified comes twice.")
    shown = office("user", "list", "--fields", "username,Active,verified,created at", "-o", "jsonl")
    assert [list(json.loads(line)) for line in shown.out.splitlines()] == [
        ["username", "is_active", "is_email_verified", "created_at"]
    ] * 2
    assert office("user", "show", "ann", "--fields", "email verified,last login", "-o", "value").out == "true\t\n"


def test_events_have_a_field_with_a_sentence(office: Cli) -> None:
    fields = ("--fields", "seq,actor,what", "--actor", "vera")
    assert office("user", "update", "ann", "--deactivate", "--actor", "vera", "-q").status == 0
    newest = office("events", "list", "--limit", "1", *fields, "-o", "csv", "-q").out
    assert list(csv.DictReader(io.StringIO(newest))) == [{"seq": "5", "actor": "vera", "what": "deactivated"}]
    history = office("user", "history", "ann", *fields, "-o", "jsonl", "-q").out.splitlines()
    assert [json.loads(line)["what"] for line in history] == [
        "deactivated",
        "registered as ann with ann@example.org, in basic_user, staff",
    ]
    assert "what" not in office("events", "list", "-o", "csv", "-q").out.partition("\n")[0].split(",")


def test_completion_offers_the_fields_that_are_not_there_yet(lback: Any, office: Cli) -> None:  # noqa: ARG001 - the data
    def offered(line: str) -> list[str]:
        done = lback(_LBACK_COMPLETE="fish", _LBACK_LINE=line)
        assert (done.status, done.err) == (0, "")
        return [str(word) for word in done.out.split()]

    assert offered("lback user list --fields ph") == ["phone"]
    assert offered("lback user list --fields is_active,is_") == ["is_active,is_email_verified"]
    assert offered("lback group list --fields name,m") == ["name,members"]
    assert offered("lback events list --fields w") == ["what"]
    (lback.directory / "config.toml").write_text("[")
    assert offered("lback user list --fields la") == ["last_login"], "without the configuration's attributes"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("user list --active --inactive", "--active and --inactive exclude each other."),
        ("user list --unverified --verified", "--verified and --unverified exclude each other."),
        ("user list --limit 1 --limit 2", "--limit was given twice."),
        ("user list --sort id --sort email", "--sort was given twice."),
        ("user list --fields id --fields email", "--fields was given twice."),
        ("user export --active --inactive", "--active and --inactive exclude each other."),
        ("user update ann --activate --deactivate", "--activate and --deactivate exclude each other."),
        ("events list --user ann --user bob", "--user was given twice."),
        ("events list --by ann --by bob", "--by was given twice."),
        ("events list --outcome ok --outcome failed", "--outcome was given twice."),
    ],
)
def test_an_option_that_contradicts_itself_is_refused(office: Cli, arguments: str, message: str) -> None:
    outcome = office(*arguments.split())
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.splitlines()[0].endswith(message)


def test_a_filter_given_twice_means_both(office: Cli) -> None:
    def names(*options: str) -> list[str]:
        return [
            str(name) for name in office("user", "list", *options, "--fields", "username", "-o", "value").out.split()
        ]

    assert names("--group", "basic_user", "--group", "staff") == ["ann"]
    assert names("--group", "staff", "--group", "basic_user") == ["ann"]
    assert names("--search", "B", "--search", "example") == ["bob"]
    assert names("--search", "ann", "--search", "bob") == []
    assert names("--active", "--active") == ["ann"]
    assert office("user", "export", "--group", "basic_user", "--group", "staff").out.count("@") == 1
    assert office("user", "list", "--group", "staff", "--group", "nosuch").status == 5


def test_lists_say_what_was_not_found(office: Cli) -> None:
    for command, words in {
        "user list --search nosuch": "No users match.",
        "events list --by nosuch": "No events match.",
        "mail queue list": "No mail.",
        "events sinks": "No sinks.",
        "events dead-letters list": "No dead letters.",
        "signals list --receivers": "No receivers.",
    }.items():
        assert office(*command.split()) == (0, "", f"{words}\n"), command
        assert office(*command.split(), "-q") == (0, "", "")
        assert office(*command.split(), "-o", "json") == (0, "[]\n", ""), "programs see an empty list"
