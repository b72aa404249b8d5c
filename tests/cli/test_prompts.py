"""What `lback` asks for on a terminal, how often, and that it shows no secret."""

import json
from collections.abc import Callable
from typing import Any

import pexpect
import pytest

from tests.cli.conftest import MAIL
from tests.cli.terminals import ended

Cli = Callable[..., Any]

RULES = "At least 15 characters; no common password, no pattern, no name or address.\r\n"
CHOOSE = f"Choose a password for alice (alice@example.org).\r\n{RULES}Password: "
REGISTER = ("user", "register", "alice", "--email", "alice@example.org", "-q")


def enter(child: Any, prompt: str, answer: str) -> None:
    """Wait for the whole *prompt*, and answer it."""
    child.expect_exact(prompt)
    assert child.before == b"", "nothing was shown before"
    if "assword" in prompt or "oken" in prompt:
        child.waitnoecho()
    child.sendline(answer)


def test_a_taken_name_is_reported_before_a_password_is_asked_for(terminal: Cli, register: Cli, cli: Cli) -> None:
    register("bob")
    hint = (
        "       Choose another name. 'lback user show bob' shows the user who has it, and\n"
        "       'lback user update bob' changes that user.\n"
    )
    taken = (6, f"error: The user name 'bob' is taken.\n{hint}")
    assert ended(terminal("user", "register", "Bob", "--email", "other@example.org")) == taken
    child = terminal("user", "register", "rob", "--email", "BOB@example.org")
    hint = "       'lback user show bob@example.org' shows the user who has it.\n"
    assert ended(child) == (6, f"error: The e-mail address 'bob@example.org' is taken.\n{hint}")
    (event, *_) = json.loads(cli("events", "list", "-o", "json").out)
    assert (event["signal"], event["subject"]) == ("user_registration_failed", "rob")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("user", "register", "a b", "--email", "a@example.org"), 7, "error: The user name 'a b' is not allowed."),
        ((*REGISTER, "--group", "nosuch"), 5, "error: There is no group 'nosuch'."),
        ((*REGISTER, "--set", "shoe_size=43"), 2, "error: --set: there is no attribute shoe"),
        (("user", "reset-password", "id:7"), 5, "error: There is no user 'id:7'."),
        (("user", "update", "id:7", "--ask-password"), 5, "error: There is no user 'id:7'."),
    ],
)
def test_what_no_password_can_repair_is_reported_before_one_is_asked_for(
    terminal: Cli, arguments: tuple[str, ...], status: int, message: str
) -> None:
    code, shown = ended(terminal(*arguments))
    assert (code, shown[: len(message)]) == (status, message)


def test_three_tries_for_a_password_that_is_refused_or_differs(terminal: Cli, lback: Any, password: str) -> None:
    child = terminal(*REGISTER)
    enter(child, CHOOSE, "short")
    refused = (
        "The password has 5 characters; the minimum is 15.\r\nUse several unrelated words, or a generated password."
    )
    enter(child, f"\r\n{refused}\r\nPassword: ", password)
    enter(child, "\r\nRepeat the password: ", password.upper())
    enter(child, "\r\nThe two passwords differ.\r\nPassword: ", password)
    enter(child, "\r\nRepeat the password: ", password)
    status, shown = ended(child)
    assert (status, shown) == (0, "\n")
    assert lback("user", "authenticate", "alice", "--allow-unverified", "--password-stdin", input=password).status == 0


def test_the_third_refusal_is_that_of_the_operation(terminal: Cli, cli: Cli) -> None:
    child = terminal(*REGISTER)
    for _ in range(3):
        child.expect_exact("Password: ")
        child.waitnoecho()
        child.sendline("alice@example.org")
    assert ended(child) == (
        7,
        (
            "\nerror: The password is based on the user's name or address, or on the\n"
            "       application's name.\n"
            "       Use several unrelated words, or a generated password.\n"
        ),
    )
    assert json.loads(cli("events", "list", "-o", "json").out)[0]["signal"] == "user_registration_failed"


def test_passwords_that_differ_three_times_are_exit_2(terminal: Cli, cli: Cli, password: str) -> None:
    child = terminal(*REGISTER)
    for _ in range(3):
        for prompt, answer in (("Password: ", password), ("Repeat the password: ", "another")):
            child.expect_exact(prompt)
            child.waitnoecho()
            child.sendline(answer)
    assert ended(child) == (2, "\nerror: The two passwords differ.\n")
    assert cli("user", "exists", "alice").status == 5


def test_a_missing_address_is_asked_for(terminal: Cli, cli: Cli) -> None:
    child = terminal("user", "register", "alice", "--generate-password", "-q")
    enter(child, "E-mail address: ", "alice")
    child.expect_exact("Give one plain address such as alice@example.org.\r\nE-mail address: ")
    child.sendline("Alice@example.org")
    assert ended(child)[0] == 0
    assert json.loads(cli("user", "show", "alice", "-o", "json").out)["email"] == "alice@example.org"
    for key, status, message in (
        ("\x03", 130, "^C\nInterrupted.\n"),
        ("\x04", 2, "\nerror: No e-mail address was entered.\n"),
        ("\n", 2, "\nerror: No e-mail address was entered.\n"),
    ):
        child = terminal("user", "register", "bob")
        child.expect_exact("E-mail address: ")
        child.send(key)
        assert ended(child) == (status, message)


def test_a_refusal_above_a_question_breaks_between_words(terminal: Cli) -> None:
    child = terminal("user", "register", "alice", "--invite")
    enter(child, "E-mail address: ", "one two three four five six seven eight")
    child.expect_exact("E-mail address: ")
    refusal = child.before.decode().split("\r\n")[1:-1]
    assert len(refusal) == 3
    assert max(map(len, refusal)) <= 80
    assert " ".join(refusal).endswith("must have an @-sign. Give one plain address such as alice@example.org.")
    child.close()


def test_an_invited_user_is_asked_for_no_password_and_mailed_a_link(terminal: Cli, lback: Any) -> None:
    status, shown = ended(
        terminal("user", "register", "alice", "--email", "alice@example.org", "--invite", "-o", "json")
    )
    message, _, record = shown.partition("{")
    record = "{" + record
    assert status == 0
    assert MAIL.sub("MAIL", message) == "Registered alice; wrote an invitation to\nMAIL (transport: file).\n"
    assert (json.loads(record)["password"], json.loads(record)["outcome"]) == ("invited", "created")
    (mail,) = lback.mails
    assert (mail["To"], "password" in mail.get_body().get_content()) == ("alice@example.org", True)


def test_secrets_from_standard_input_are_not_shown_on_a_terminal(terminal: Cli, password: str) -> None:
    child = terminal(*REGISTER, "--password-stdin")
    enter(child, "Password: ", password)
    status, shown = ended(child)
    assert (status, password in shown) == (0, False)
    child = terminal("user", "verify-email", "-")
    enter(child, "Token: ", "secret token")
    assert ended(child)[0] == 7


def test_what_is_typed_stays_hidden_when_a_stopped_command_continues(lback: Any, password: str) -> None:
    environment = lback.environment | {"PS1": "READY> ", "NO_COLOR": "1"}
    shell = pexpect.spawn(
        "bash", ["--norc", "--noprofile", "-i"], env=environment, cwd=str(lback.directory), timeout=20
    )
    shell.expect_exact("READY> ")
    shell.sendline(f"{lback.program} {' '.join(REGISTER)}")
    shell.expect_exact("Password: ")
    shell.waitnoecho()
    shell.sendcontrol("z")
    shell.expect_exact("READY> ")
    shell.sendline("stty echo; fg")
    shell.expect_exact("Password: ")
    shell.waitnoecho()
    shell.sendline(password)
    shell.expect_exact("Repeat the password: ")
    shell.waitnoecho()
    shell.sendline(password)
    shell.expect_exact("READY> ")
    assert password not in shell.before.decode()
    shell.sendline("echo status $?; stty -a")
    shell.expect_exact("status 0")
    shell.expect(r"[ ;](-?)echo ")
    assert shell.match.group(1) == b""
    shell.close(force=True)


def test_a_command_at_the_end_of_an_error_stays_in_one_line(terminal: Cli) -> None:
    url = {"LBACK_RELAY_HOOK_URL": "http://127.0.0.1:1/x"}
    _, shown = ended(terminal("events", "sinks", "test", "hook", **url))
    *_, sentence, command = shown.splitlines()
    assert sentence == "       Set relay.hook.secret_file to a file, and run:"
    assert command == '       (umask 077; echo "whsec_$(openssl rand -base64 32)" > FILE)'


def test_a_command_that_is_longer_than_the_terminal_is_not_broken(terminal: Cli, lback: Any) -> None:
    (lback.directory / "users.csv").write_text("username,email\nann,ann@example.org\nben,nowhere\n")
    options = ("--mail", "none", "--on-error", "stop", "--format", "csv", "--report", "a-report-of-this-import.jsonl")
    ended(terminal("user", "import", "users.csv", *options))
    _, shown = ended(terminal("user", "import", "users.csv", *options))
    (command,) = [line.strip() for line in shown.splitlines() if line.strip().startswith("lback user import")]
    assert command.endswith("--resume")
    assert len(command) > 80


def test_a_path_in_a_message_stays_on_one_line(terminal: Cli) -> None:
    _, shown = ended(terminal("user", "register", "alice", "--email", "alice@example.org", "--invite"))
    first, second, *_ = shown.splitlines()
    assert first == "Registered alice; wrote an invitation to"
    assert MAIL.sub("MAIL", second) == "MAIL (transport: file)."
