"""Passwords from a prompt, standard input, a file or the generator."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.cli.terminals import ended
from tests.installed_command import in_one_line

Cli = Callable[..., Any]

REGISTER = ("user", "register", "alice", "--email", "alice@example.org", "--verified", "-q")


def test_the_prompt_asks_twice_and_shows_nothing(terminal: Cli, password: str) -> None:
    child = terminal(*REGISTER)
    for prompt in ("Password: ", "Repeat the password: "):
        child.expect_exact(prompt)
        child.waitnoecho()
        child.sendline(password)
    status, shown = ended(child)
    assert (status, password in shown) == (0, False)
    child = terminal("user", "authenticate", "alice", "-q")
    child.expect_exact("Password of alice: ")
    child.waitnoecho()
    child.sendline(password)
    assert ended(child)[0] == 0


@pytest.mark.parametrize("prompt", ["Password: ", "Repeat the password: "])
def test_ctrl_c_and_ctrl_d_end_a_prompt(terminal: Cli, password: str, prompt: str) -> None:
    for key, status, message in (
        ("\x03", 130, "\nInterrupted.\n"),
        ("\x04", 2, "error: No password was entered.\n"),
    ):
        child = terminal(*REGISTER)
        child.expect_exact("Password: ")
        if prompt != "Password: ":
            child.waitnoecho()
            child.sendline(password)
            child.expect_exact(prompt)
        child.waitnoecho()
        child.send(key)
        child.expect(pexpect.EOF)
        assert child.before.decode().replace("\r\n", "\n").endswith(message)
        child.close()
        assert child.exitstatus == status


def test_sigterm_at_a_prompt_restores_the_echo(lback: Any) -> None:
    # A shell around it keeps the terminal open, so that its state can be asked afterwards.
    command = f"{lback.program} {' '.join(REGISTER)}; echo ended $?; stty -a; read line"
    child = pexpect.spawn("bash", ["-c", command], env=lback.environment, cwd=str(lback.directory), timeout=20)
    child.expect_exact("Password: ")
    child.waitnoecho()
    children = Path(f"/proc/{child.pid}/task/{child.pid}/children")
    if not children.exists():
        pytest.skip("this system does not list the children of a process")
    os.kill(int(children.read_text().split()[0]), 15)
    child.expect_exact("ended 143")
    child.expect(r"[ ;](-?)echo ")
    assert child.match.group(1) == b""
    child.close(force=True)


def test_a_prompt_refuses_bytes_that_are_not_text(terminal: Cli) -> None:
    child = terminal(*REGISTER)
    child.expect_exact("Password: ")
    child.waitnoecho()
    child.sendline(b"\xff\xfe purple giraffes")
    status, shown = ended(child)
    assert (status, shown.strip()) == (2, "error: The password is not text in the terminal's encoding.")


def test_update_with_ask_password_prompts(terminal: Cli, lback: Any, password: str) -> None:
    assert lback(*REGISTER, "--password-stdin", input=password).status == 0
    child = terminal("user", "update", "alice", "--ask-password", "-q")
    for prompt in ("Password: ", "Repeat the password: "):
        child.expect_exact(prompt)
        child.waitnoecho()
        child.sendline("nine lazy walruses hum softly")
    assert ended(child)[0] == 0
    assert lback("user", "authenticate", "alice", "--password-stdin", input="nine lazy walruses hum softly").status == 0


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("Yes", 0), ("n", 3), ("", 3), ("\x04", 3)])
def test_delete_prompts_and_accepts_only_yes(terminal: Cli, cli: Cli, register: Cli, answer: str, status: int) -> None:
    register("alice")
    child = terminal("user", "delete", "alice")
    child.expect_exact("Delete the user alice (id 1, alice@example.org, in basic_user)? [y/N] ")
    child.send(answer if answer == "\x04" else f"{answer}\n")
    code, shown = ended(child)
    assert (code, "Nothing was changed." in shown) == (status, status == 3)
    assert cli("user", "exists", "alice").status == (5 if status == 0 else 0)


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (REGISTER, "--password-stdin, --password-file, --generate-password or --invite"),
        (("user", "reset-password", "alice"), "--password-stdin, --password-file or --generate-password"),
        (("user", "reset-password", "--token", "x"), "--password-stdin, --password-file or --generate-password"),
        (("user", "authenticate", "alice"), "--password-stdin or --password-file"),
        (
            ("user", "update", "alice", "--ask-password"),
            "--password-stdin, --password-file or --generate-password",
        ),
    ],
)
def test_a_prompt_without_a_terminal_is_exit_2_with_the_options(
    cli: Cli, command: tuple[str, ...], options: str
) -> None:
    assert cli(*command, input="never read") == (
        2,
        "",
        f"error: There is no terminal to ask for the password.\n       Use {options}.\n",
    )


@pytest.mark.parametrize(("start", "end"), [("", ""), ("", "\n"), ("", "\r\n"), ("\ufeff", "\r\n")])
@pytest.mark.parametrize("source", ["stdin", "file"])
def test_one_line_end_and_a_byte_order_mark_are_stripped_from_a_password(
    *, cli: Cli, tmp_path: Path, password: str, source: str, start: str, end: str
) -> None:
    file = tmp_path / "secret"
    file.write_bytes(f"{start}{password}{end}".encode())
    file.chmod(0o600)
    options = ("--password-stdin",) if source == "stdin" else ("--password-file", str(file))
    assert cli(*REGISTER, *options, input=f"{start}{password}{end}").status == 0
    assert cli("user", "authenticate", "alice", "--password-stdin", input=password).status == 0


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "The password has 0 characters; the minimum is 15."),
        (b"\n", "The password has 0 characters; the minimum is 15."),
        (b"purple giraffes \xff yodel", "The password is not valid Unicode text. Send it as UTF-8."),
        (b"purple giraffes \0 yodel", "The password contains a control character"),
        (b"purple giraffes\nyodel at dusk\n", "The password contains a control character"),
        (b"x" * 1024 * 1024, "The password has more than 1024 characters."),
        ("é".encode() * 512 * 1024, "The password has more than 1024 characters."),
    ],
    ids=["empty", "only a line end", "not UTF-8", "NUL", "two lines", "1 MiB", "1 MiB of two-byte characters"],
)
@pytest.mark.parametrize("source", ["stdin", "file"])
def test_an_invalid_password_is_refused_with_the_failure_signal(
    cli: Cli, tmp_path: Path, raw: bytes, message: str, source: str
) -> None:
    file = tmp_path / "secret"
    file.write_bytes(raw)
    file.chmod(0o600)
    options = ("--password-stdin",) if source == "stdin" else ("--password-file", str(file))
    outcome = cli(*REGISTER, *options, "--trace-format", "json", "-o", "json", input=raw)
    *trace, error = map(json.loads, outcome.err.splitlines())
    assert (outcome.status, outcome.out) == (7, "")
    assert error["error"]["code"] == "validation_error"
    assert in_one_line(error["error"]).startswith(message)
    assert [line["signal"] for line in trace] == ["user_registration_started", "user_registration_failed"]
    assert trace[-1]["args"]["error_type"] == "validation_error"


def test_an_unreadable_password_file_is_exit_2(cli: Cli, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert cli(*REGISTER, "--password-file", str(missing)) == (
        2,
        "",
        f"error: --password-file: cannot read {missing}: No such file or directory.\n",
    )
    assert cli(*REGISTER, "--password-file", str(tmp_path)) == (
        2,
        "",
        f"error: --password-file: cannot read {tmp_path}: Is a directory.\n",
    )


def test_a_password_file_readable_by_others_causes_a_warning(cli: Cli, tmp_path: Path, password: str) -> None:
    file = tmp_path / "secret"
    file.write_text(password)
    file.chmod(0o640)
    outcome = cli(*REGISTER, "--password-file", str(file))
    assert (outcome.status, outcome.err) == (0, f"warning: Other users can read {file}. Run: chmod 600 {file}\n")


def test_a_password_file_can_be_a_pipe(lback: Any, password: str) -> None:
    reader, writer = os.pipe()
    os.write(writer, password.encode())
    os.close(writer)
    outcome = lback(*REGISTER, "--password-file", f"/dev/fd/{reader}", pass_fds=(reader,))
    os.close(reader)
    assert (outcome.status, outcome.err) == (0, "")


def test_a_generated_password_is_shown_once_and_is_valid(cli: Cli) -> None:
    outcome = cli(*REGISTER, "--generate-password", "-o", "json", "--trace-format", "json", "--debug")
    user = json.loads(outcome.out)
    generated = user.pop("generated_password")
    assert outcome.status == 0
    assert outcome.out.count(generated) == 1
    assert generated not in outcome.err
    assert cli("user", "authenticate", "alice", "--password-stdin", input=generated).status == 0
    assert json.loads(cli("user", "show", "alice", "-o", "json").out)["password"] == "set"


def test_generated_passwords_differ_and_have_the_minimum_length(cli: Cli, register: Cli) -> None:
    register("alice")
    reset = ("user", "reset-password", "alice", "--generate-password")
    table = cli(*reset, LBACK_PASSWORD_MINIMUM_LENGTH="64").out
    found = re.search(r"^generated password +(\S+)$", table, re.MULTILINE)
    assert found is not None
    assert len(found[1]) >= 64
    assert json.loads(cli(*reset, "-o", "json").out)["generated_password"] != found[1]
    header, row = cli(*reset, "-o", "csv").out.splitlines()
    assert (header.split(",")[-2:], "'" in row) == (["generated_password", "outcome"], False)


@pytest.mark.parametrize(
    "options",
    [
        ("--password-stdin", "--generate-password"),
        ("--password-stdin", "--password-file", "x"),
        ("--password-file", "x", "--generate-password", "--password-stdin"),
    ],
)
def test_several_password_sources_are_exit_2(cli: Cli, options: tuple[str, ...]) -> None:
    known = "--password-stdin, --password-file{} --generate-password{}"
    for command, names in (
        (REGISTER, known.format(",", " or --invite")),
        (("user", "update", "alice"), known.format(" or", "")),
        (("user", "reset-password", "alice"), known.format(" or", "")),
    ):
        assert cli(*command, *options) == (2, "", f"error: Use one of {names}, not several.\n")
    assert cli(*REGISTER, "--invite", options[0], "x").status == 2


@pytest.mark.parametrize("raw", [b"", b"\xff\n", b"x" * 1024 * 1024, b"a\0b", b"[/red]"])
def test_an_invalid_token_from_stdin_is_refused_with_the_failure_signal(cli: Cli, raw: bytes) -> None:
    for command, signal in (
        (("user", "verify-email", "-"), "user_email_verification_failed"),
        (("user", "reset-password", "--token", "-", "--generate-password"), "password_reset_failed"),
    ):
        outcome = cli(*command, "--trace-format", "json", "-o", "json", input=raw)
        *trace, error = map(json.loads, outcome.err.splitlines())
        assert (outcome.status, outcome.out, error["error"]["code"]) == (7, "", "invalid_token")
        assert trace[-1]["signal"] == signal
        assert len(trace[-1]["args"]["token_prefix"]) <= 10


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_password_file_of_another_user_causes_a_warning(cli: Cli, tmp_path: Path, password: str) -> None:
    file = tmp_path / "secret"
    file.write_text(password)
    file.chmod(0o600)
    os.chown(file, 65534, 65534)
    outcome = cli(*REGISTER, "--password-file", str(file))
    warning = f"warning: {file} belongs to another user, who can read it. Use a file of your own.\n"
    assert (outcome.status, outcome.err) == (0, warning)
