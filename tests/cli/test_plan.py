"""``--plan``: a command shows what it would change, and exits as it would, and changes nothing."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Cli = Callable[..., Any]


@pytest.fixture
def people(cli: Cli, register: Cli) -> Cli:
    """Ann in the group staff, and Ben."""
    cli("group", "create", "staff", "-q")
    register("ann", "--group", "staff", "--verified")
    register("ben")
    return cli


@pytest.mark.parametrize(
    ("words", "status", "lines", "signals"),
    [
        (
            ("user", "update", "ann", "--email", "new@example.org", "--deactivate"),
            0,
            "~ ann  email ann@example.org → new@example.org, deactivated, address unverified\n",
            (
                "user_email_verification_initiated 1, user_update_started 1, user_updated 1.\n"
                "Mails: email_changed 1, verify_email 1"
            ),
        ),
        (("user", "update", "ann", "--activate"), 0, "= ann  unchanged\n", "user_update_started 1, user_updated 1"),
        (
            ("user", "update", "ann", "--username", "anna"),
            0,
            "~ ann  username ann → anna\n",
            "user_update_started 1, user_updated 1",
        ),
        (("user", "delete", "ann"), 0, "- ann\n", "user_deleted 1, user_deletion_started 1"),
        (
            ("user", "delete", "ann", "nemo"),
            8,
            "user  outcome  error\nnemo  failed   There is no user 'nemo'.\n- ann\n",
            "user_deleted 1, user_deletion_started 1",
        ),
        (
            ("user", "register", "cid", "--email", "cid@example.org", "--invite", "--group", "staff"),
            0,
            "+ cid  cid@example.org, +basic_user, +staff\n",
            "user_pre_register 1, user_registered 1, user_registration_started 1.\nMails: invitation 1",
        ),
        (
            ("user", "register", "ann", "--email", "x@example.org", "--verified", "--if-exists", "update"),
            0,
            "~ ann  email ann@example.org → x@example.org\n",
            "user_email_verification_successful 1, user_update_started 1, user_updated 1.\nMails: email_changed 1",
        ),
        (
            ("group", "add", "staff", "--where", "active"),
            0,
            "= ann  unchanged\n~ ben  +staff\n",
            "user_update_started 2, user_updated 2",
        ),
        (("group", "remove", "staff", "ann"), 0, "~ ann  -staff\n", "user_update_started 1, user_updated 1"),
        (
            ("user", "request-password-reset", "ann"),
            0,
            "= ann  unchanged\n",
            "password_reset_request_processed 1, password_reset_request_started 1.\nMails: reset_password 1",
        ),
        (
            ("user", "resend-verification", "--where", "unverified"),
            0,
            "= ben  unchanged\n",
            "user_email_verification_initiated 1.\nMails: verify_email 1",
        ),
        (
            ("user", "reset-password", "ann", "--generate-password"),
            0,
            "~ ann  password changed\n",
            "password_reset_started 1, password_reset_successful 1.\nMails: password_changed 1",
        ),
    ],
)
def test_a_plan_says_what_would_change(  # noqa: PLR0917 - fixtures and the case
    people: Cli, lback: Any, words: tuple[str, ...], status: int, lines: str, signals: str
) -> None:
    def state() -> tuple[str, str, int]:
        users = people("user", "export", "--format", "jsonl", "--with-hashes", "--file", "-").out
        return users, people("events", "list", "--signal", "user_updated", "-o", "json").out, len(lback.mails)

    before = state()
    assert people(*words, "--plan") == (status, lines, f"Signals: {signals}.\nNothing was changed.\n")
    assert state() == before


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("group", "create", "press", "--description", "News"), "+ group press  description News\n"),
        (("group", "rename", "staff", "crew"), "~ group staff  name staff → crew\n"),
        (("group", "rename", "staff", "staff"), ""),
        (("group", "delete", "staff"), "- group staff\n"),
        (("user", "unlock", "ann"), "= ann  unchanged\n"),
    ],
)
def test_a_plan_without_signals_says_what_would_change(people: Cli, words: tuple[str, ...], line: str) -> None:
    before = people("group", "list", "-o", "json").out, people("events", "list", "-o", "json").out
    assert people(*words, "--plan") == (0, line, "Nothing was changed.\n")
    assert (people("group", "list", "-o", "json").out, people("events", "list", "-o", "json").out) == before


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("group", "create", "staff"), 6),
        (("group", "rename", "nosuch", "crew"), 5),
        (("user", "request-password-reset", "nemo"), 5),
        (("user", "unlock", "nemo"), 5),
        (("user", "update", "nemo", "--deactivate"), 5),
        (("user", "update", "ann", "--email", "ben@example.org"), 6),
        (("user", "register", "ann", "--email", "x@example.org", "--invite"), 6),
        (("user", "register", "cid", "--email", "nope", "--invite"), 7),
        (("user", "update", "ann", "--add-group", "nosuch"), 5),
        (("user", "update", "ann"), 2),
    ],
)
def test_a_plan_fails_as_the_run_would_and_leaves_no_event(people: Cli, words: tuple[str, ...], status: int) -> None:
    events = people("events", "list", "-o", "json").out
    planned = people(*words, "--plan")
    assert (planned.status, planned.out) == (status, "")
    assert people("events", "list", "-o", "json").out == events
    assert planned.err == people(*words).err


def test_a_plan_for_a_program_is_the_result_of_the_run(people: Cli) -> None:
    planned = json.loads(people("user", "update", "ben", "--add-group", "staff", "--plan", "-o", "json").out)
    assert (planned["groups"], planned["outcome"], planned["planned"]) == (["basic_user", "staff"], "updated", True)
    done = json.loads(people("user", "update", "ben", "--set", "display_name=Ben", "-o", "json").out)
    assert "planned" not in done
    (result,) = json.loads(people("user", "delete", "--where", "search=ben", "--plan", "-o", "json").out)
    assert (result["outcome"], result["planned"]) == ("deleted", True)
    made = people("user", "register", "cid", "--email", "c@example.org", "--generate-password", "--plan", "-o", "json")
    assert (json.loads(made.out)["id"], json.loads(made.out)["password"]) == (None, "set")
    assert people("user", "exists", "cid").status == 5


def test_a_restoration_and_a_verification_can_be_planned(
    people: Cli, lback: Any, token_in: Callable[[Any], str]
) -> None:
    token = token_in(lback.mails[-1])
    assert people("user", "verify-email", token, "--plan") == (
        0,
        "~ ben  address verified\n",
        "Signals: user_email_verification_successful 1.\nNothing was changed.\n",
    )
    assert people("user", "verify-email", token, "-q").status == 0
    people("user", "delete", "ben", "--yes", "-q")
    assert people("user", "restore", "ben", "--plan") == (
        0,
        "+ ben  ben@example.org, +basic_user\n",
        (
            "Signals: user_email_verification_successful 1, user_pre_register 1, user_registered 1, "
            "user_registration_started 1.\nNothing was changed.\n"
        ),
    )
    assert people("user", "exists", "ben").status == 5


def test_a_line_of_a_script_can_be_planned(people: Cli) -> None:
    script = "user delete ann --plan -q\nuser exists ann -q\nuser delete ann --yes -q\nuser exists ann -q\n"
    outcome = people("run", "-", "-k", "-o", "jsonl", input=script)
    assert [json.loads(line)["exit"] for line in outcome.out.splitlines()] == [0, 0, 0, 5]
