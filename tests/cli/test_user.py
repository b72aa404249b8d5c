"""The commands that change users: whole outcomes."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.installed_command import in_one_line

Cli = Callable[..., Any]

ALICE = "alice@example.org"
SEARCH = "'lback user list --search nobody' finds users by a part of the name or the address."

ALICE_TEXT = """\
id              1
username        alice
email           alice@example.org
active          yes
email verified  {verified}
groups          {groups}
created at      TIME
updated at      TIME
{last_login}password        set
"""

CSV_HEADER = (
    "id,username,email,external_id,display_name,is_active,is_email_verified,groups,"
    "created_at,updated_at,last_login,locked_until,password,outcome\n"
)


def alice(*, verified: str = "no", logged_in: bool = False) -> str:
    return ALICE_TEXT.format(
        verified=verified, groups="basic_user", last_login="last login      TIME\n" if logged_in else ""
    )


def alice_json(**changes: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "username": "alice",
        "email": "alice@example.org",
        "external_id": None,
        "display_name": None,
        "is_active": True,
        "is_email_verified": False,
        "groups": ["basic_user"],
        "attributes": {},
        "created_at": "TIME",
        "updated_at": "TIME",
        "last_login": None,
        "locked_until": None,
        "password": "set",
        "outcome": "created",
    } | changes


def has(command: str) -> str:
    return f"'lback user {command}' shows the user who has it."


def has_name(name: str) -> str:
    return f"Choose another name. {has(f'show {name}').rstrip('.')}, and 'lback user update {name}' changes that user."


def error(message: str, hint: str | None = None) -> str:
    return f"error: {message}\n" + (f"       {hint}\n" if hint else "")


def test_register_shows_the_user_and_a_message(cli: Cli, password: str) -> None:
    outcome = cli(
        *("user", "register", "Alice", "--email", "Alice@Example.ORG", "--verified", "--password-stdin"),
        input=f"{password}\n",
    )
    assert outcome == (0, alice(verified="yes"), "Registered alice.\n")


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("table", ""),
        ("json", json.dumps(alice_json(is_email_verified=True), indent=2) + "\n"),
        ("jsonl", json.dumps(alice_json(is_email_verified=True)) + "\n"),
        ("csv", CSV_HEADER + "1,alice,alice@example.org,,,true,true,basic_user,TIME,TIME,,,set,created\n"),
    ],
)
def test_quiet_register_shows_no_table(cli: Cli, password: str, form: str, expected: str) -> None:
    outcome = cli(
        *("user", "register", "alice", "--email", "alice@example.org", "--verified", "--password-stdin"),
        *("-q", "-o", form),
        input=password,
    )
    assert outcome == (0, expected, "")


def test_register_mails_a_verification_link(cli: Cli, lback: Any, password: str) -> None:
    outcome = cli(
        "user", "register", "alice", "--email", "alice@example.org", "--password-stdin", "-o", "json", input=password
    )
    assert (outcome.status, json.loads(outcome.out)) == (0, alice_json())
    assert outcome.err.startswith("Registered alice")
    (mail,) = lback.mails
    assert mail["To"] == "alice@example.org"


def test_register_adds_groups_and_can_create_an_inactive_user(cli: Cli, register: Cli) -> None:
    assert cli("group", "create", "staff", "-q").status == 0
    outcome = register("alice", "--group", "staff", "--group", "STAFF", "--inactive", "--verified", "-o", "json")
    assert json.loads(outcome.out) == alice_json(
        is_active=False, is_email_verified=True, groups=["basic_user", "staff"]
    )


@pytest.mark.parametrize(
    ("arguments", "status", "code", "message"),
    [
        (
            ("alice", "--email", "x@example.org"),
            6,
            "user_exists",
            f"The user name 'alice' is taken. {has_name('alice')}",
        ),
        (
            ("ALICE", "--email", "x@example.org"),
            6,
            "user_exists",
            f"The user name 'alice' is taken. {has_name('alice')}",
        ),
        (
            ("bob", "--email", "Alice@Example.org"),
            6,
            "user_exists",
            f"The e-mail address 'alice@example.org' is taken. {has('show alice@example.org')}",
        ),
        (
            ("bob", "--email", "bob@example.org", "--group", "nobodys"),
            5,
            "group_not_found",
            (
                "There is no group 'nobodys'. 'lback group list' shows all groups, "
                "and 'lback group create nobodys' creates this one."
            ),
        ),
        (
            ("b ob", "--email", "bob@example.org"),
            7,
            "validation_error",
            (
                "The user name 'b ob' is not allowed. Use 1 to 64 of the characters a-z, 0-9, '.', '_' and '-', "
                "beginning with a letter or digit."
            ),
        ),
        (
            ("bob", "--email", "bob"),
            7,
            "validation_error",
            (
                "'bob' is not a valid e-mail address. An email address must have an @-sign. "
                "Give one plain address such as alice@example.org."
            ),
        ),
    ],
)
def test_a_refused_registration_creates_no_user(  # noqa: PLR0917 - fixtures and the case
    cli: Cli, register: Cli, password: str, arguments: tuple[str, ...], status: int, code: str, message: str
) -> None:
    register("alice", "--verified")
    outcome = cli("user", "register", *arguments, "--password-stdin", "-o", "json", input=password)
    found = json.loads(outcome.err)["error"]
    assert (outcome.status, outcome.out, found["code"], in_one_line(found)) == (status, "", code, message)
    assert len(json.loads(cli("user", "list", "-o", "json").out)) == 1


def test_register_with_if_exists_skip_sends_no_signal(cli: Cli, register: Cli, password: str) -> None:
    register("alice", "--verified")
    outcome = cli(
        *("user", "register", "Alice", "--email", "other@example.org", "--if-exists", "skip", "--password-stdin"),
        *("--trace-signals", "--trace-format", "json"),
        input=password,
    )
    assert outcome == (0, alice(verified="yes"), "alice already exists: skipped.\n")


def test_if_exists_skip_still_refuses_a_taken_address(cli: Cli, register: Cli, password: str) -> None:
    register("alice", "--verified")
    outcome = cli(
        *("user", "register", "bob", "--email", "alice@example.org", "--if-exists", "skip", "--password-stdin"),
        input=password,
    )
    assert outcome == (6, "", error("The e-mail address 'alice@example.org' is taken.", has("show alice@example.org")))


def test_authenticate_accepts_user_name_and_address(cli: Cli, register: Cli, password: str) -> None:
    register("alice", "--verified")
    for login in ("alice", "ALICE", "alice@example.org"):
        outcome = cli("user", "authenticate", login, "--password-stdin", input=password)
        assert outcome == (0, alice(verified="yes", logged_in=True), "alice is authenticated.\n")


def test_authenticate_has_one_answer_for_every_failure(cli: Cli, register: Cli, password: str) -> None:
    register("alice", "--verified")
    register("inactive", "--verified", "--inactive")
    register("unverified")
    refused = {
        cli("user", "authenticate", login, "--password-stdin", input=tried)
        for login, tried in (
            ("alice", "wrong"),
            ("alice", ""),
            ("nobody", password),
            ("inactive", password),
            ("unverified", password),
            ("id:1", password),
        )
    }
    assert refused == {
        (4, "", error("Authentication failed.", "'lback events list --outcome failed' shows the reason."))
    }
    assert cli("user", "authenticate", "unverified", "--allow-unverified", "--password-stdin", input=password)[0] == 0


def test_verify_email_accepts_the_mailed_token_again_if_verified(
    cli: Cli, register: Cli, lback: Any, token_in: Callable[[Any], str]
) -> None:
    register("alice")
    token = token_in(lback.mails[0])
    result = alice(verified="yes")
    assert cli("user", "verify-email", "-", input=f"{token}\n") == (0, result, "alice@example.org is verified.\n")
    assert cli("user", "verify-email", token) == (0, result, "alice@example.org was already verified.\n")
    assert json.loads(cli("user", "verify-email", token, "-o", "json").out)["outcome"] == "unchanged"
    assert cli("user", "verify-email", f"{token}x") == (
        7,
        "",
        error("This verification token is unknown.", "Request a new one; only the newest link works."),
    )


def test_resend_verification_mails_a_new_link_and_revokes_the_old(
    cli: Cli, register: Cli, lback: Any, token_in: Callable[[Any], str]
) -> None:
    register("alice")
    assert cli("user", "resend-verification", "alice") == (
        0,
        alice(),
        f"Wrote a verification link for {ALICE} to MAIL (transport: file).\n",
    )
    old, new = map(token_in, lback.mails)
    assert cli("user", "verify-email", old).status == 7
    assert cli("user", "verify-email", new).status == 0
    assert cli("user", "resend-verification", "alice") == (
        0,
        alice(verified="yes"),
        "alice@example.org is already verified.\n",
    )
    assert len(lback.mails) == 2


def test_update_changes_only_the_named_fields(cli: Cli, register: Cli, password: str) -> None:
    register("alice", "--verified")
    cli("group", "create", "staff", "-q")
    outcome = cli(
        *("user", "update", "alice", "--username", "Alicia", "--email", "a@example.net", "--deactivate", "--verified"),
        *("--add-group", "staff", "--remove-group", "basic_user", "-o", "json"),
    )
    assert (outcome.status, outcome.err) == (
        0,
        (
            "~ alice  username alice → alicia, email alice@example.org → a@example.net, deactivated, +staff, "
            f"-basic_user\nWrote a notice for {ALICE} to MAIL (transport: file).\n"
        ),
    )
    assert json.loads(outcome.out) == alice_json(
        username="alicia",
        email="a@example.net",
        is_active=False,
        is_email_verified=True,
        groups=["staff"],
        outcome="updated",
    )
    activated = cli("user", "update", "id:1", "--activate", "--unverified", "-o", "jsonl", "-q")
    assert json.loads(activated.out) == alice_json(
        username="alicia", email="a@example.net", groups=["staff"], outcome="updated"
    )
    assert cli("user", "authenticate", "alicia", "--allow-unverified", "--password-stdin", input=password).status == 0


@pytest.mark.parametrize(
    ("arguments", "outcome"),
    [
        (("alice",), (2, error("There is nothing to change.", "lback user update --help lists the options."))),
        (
            ("nobody", "--activate"),
            (5, error("There is no user 'nobody'.", SEARCH)),
        ),
        (("id:9", "--activate"), (5, error("There is no user 'id:9'.", "'lback user list' shows all users."))),
        (("alice", "--username", "bob"), (6, error("The user name 'bob' is taken.", has_name("bob")))),
        (
            ("alice", "--email", "bob@example.org"),
            (6, error("The e-mail address 'bob@example.org' is taken.", has("show bob@example.org"))),
        ),
        (
            ("alice", "--set", "external_id=7"),
            (6, error("The external_id '7' is taken.", has("list --where external_id=7"))),
        ),
        (
            ("alice", "--add-group", "x"),
            (5, error("There is no group 'x'.", "'lback group list' shows all groups.")),
        ),
    ],
)
def test_a_refused_update_changes_nothing(
    cli: Cli, register: Cli, arguments: tuple[str, ...], outcome: tuple[int, str]
) -> None:
    register("alice", "--verified")
    register("bob", "--verified", "--set", "external_id=7")
    status, err = outcome
    assert cli("user", "update", *arguments) == (status, "", err)
    assert cli("user", "show", "alice").out == alice(verified="yes")


def test_update_that_changes_nothing_says_so(cli: Cli, register: Cli) -> None:
    register("alice", "--verified")
    before = json.loads(cli("user", "show", "alice", "-o", "json").out)
    nothing = ("--activate", "--verified", "--email", "ALICE@example.org", "--add-group", "basic_user")
    outcome = cli("user", "update", "alice", *nothing, "-o", "json")
    assert (outcome.status, json.loads(outcome.out)) == (0, before | {"outcome": "unchanged"})
    assert outcome.err == "alice is unchanged.\n"
    (event,) = json.loads(cli("events", "list", "--signal", "user_updated", "-o", "json").out)
    assert (event["outcome"], event["data"]["changes"]) == ("ok", {})


def test_delete_with_yes_deletes_without_a_prompt(cli: Cli, register: Cli) -> None:
    register("alice")
    assert cli("user", "delete", "alice", "--yes", "-o", "json", LBACK_USERS_KEEP_DELETED="0") == (
        0,
        '{\n  "id": 1,\n  "deleted": true,\n  "outcome": "deleted"\n}\n',
        "Deleted alice.\n",
    )
    assert cli("user", "delete", "alice", "--yes").status == 5
    assert cli("user", "delete", "id:1", "--yes").status == 5


def test_delete_without_a_terminal_needs_yes(cli: Cli, register: Cli) -> None:
    register("alice")
    assert cli("user", "delete", "alice", input="y\n") == (
        2,
        "",
        error("There is no terminal to ask for confirmation.", "Use --yes."),
    )
    assert cli("user", "exists", "alice").status == 0


def test_a_mailed_token_resets_the_password_once(
    cli: Cli, register: Cli, lback: Any, password: str, token_in: Callable[[Any], str]
) -> None:
    register("alice", "--verified")
    assert cli("user", "request-password-reset", "Alice", "-o", "jsonl") == (
        0,
        '{"email": "alice@example.org", "requested": true}\n',
        f"Wrote a reset link for {ALICE} to MAIL (transport: file).\n",
    )
    token = token_in(lback.mails[0])
    reset = ("user", "reset-password", "--token", token, "--password-stdin")
    assert cli(*reset, input="too short").status == 7, "a refused password does not spend the token"
    done = cli(*reset, input="nine lazy walruses hum softly")
    assert done == (0, alice(verified="yes"), "alice has a new password; wrote a notice to MAIL (transport: file).\n")
    assert cli(*reset, input="eight lazy walruses hum softly") == (
        7,
        "",
        error("This reset token is used or expired.", "Request a new one; only the newest link works."),
    )
    assert cli("user", "authenticate", "alice", "--password-stdin", input=password).status == 4


def test_request_password_reset_of_an_unknown_user_is_exit_5(cli: Cli, register: Cli) -> None:
    register("alice")
    hints = {"nobody": SEARCH, "nobody@example.org": SEARCH, "id:7": "'lback user list' shows all users."}
    for unknown, hint in hints.items():
        assert cli("user", "request-password-reset", unknown) == (
            5,
            "",
            error(f"There is no user '{unknown}'.", hint),
        )


def test_reset_password_of_a_named_user_needs_no_token(cli: Cli, register: Cli) -> None:
    register("alice", "--verified")
    outcome = cli("user", "reset-password", "alice", "--password-stdin", input="nine lazy walruses hum softly")
    assert outcome == (
        0,
        alice(verified="yes"),
        "alice has a new password; wrote a notice to MAIL (transport: file).\n",
    )


@pytest.mark.parametrize(
    ("arguments", "err"),
    [
        ((), error("Name either a USER or a --token.")),
        (("alice", "--token", "x"), error("Name either a USER or a --token.")),
        (
            ("--token", "-", "--password-stdin"),
            error("Token and password cannot both come from standard input.", "Use --password-file."),
        ),
    ],
)
def test_reset_password_refuses_contradicting_arguments(cli: Cli, arguments: tuple[str, ...], err: str) -> None:
    assert cli("user", "reset-password", *arguments, "--generate-password" if not arguments else "-q") == (2, "", err)


def test_a_misspelt_attribute_is_exit_2_and_leaves_no_event(cli: Cli, register: Cli) -> None:
    register("alice")
    events = cli("events", "list", "-o", "json").out
    assert cli("user", "update", "alice", "--set", "dispaly_name=A") == (
        2,
        "",
        error("--set: there is no attribute dispaly_name.", "Did you mean display_name?"),
    )
    assert cli("events", "list", "-o", "json").out == events
