"""What completion offers for a line, and the script of each shell in that shell."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

Cli = Callable[..., Any]

ATTRIBUTES = """\
[attributes]
remote = { type = "boolean" }
"""


@pytest.fixture
def complete(lback: Any) -> Callable[..., list[str] | None]:
    """Return what a shell is offered for the end of a line, without the meanings; None for the names of files."""

    def offered(line: str, shell: str = "fish", **variables: str) -> list[str] | None:
        finished = lback(_LBACK_COMPLETE=shell, _LBACK_LINE=line, _LBACK_BREAKS=" :=@", **variables)
        assert (finished.err, finished.status in {0, 1}) == ("", True)
        lines = [line.partition("\t")[0] for line in finished.out.splitlines()]
        return None if finished.status and not lines else lines

    return offered


@pytest.fixture
def people(cli: Cli, register: Cli, tmp_path: Path) -> None:
    """Three users, one of them in a group and with attributes."""
    (tmp_path / "config.toml").write_text(ATTRIBUTES)
    cli("group", "create", "staff", "-q")
    register("ada", "--verified", "--group", "staff", "--set", "display_name=Ada Lovelace", "--set", "external_id=a-1")
    register("adam", "--verified")
    register("ben", "--verified")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("lback s", ["signals"]),
        (
            "lback user re",
            [
                *("register", "resend-verification", "rename", "restore"),
                *("request-password-reset", "reset-password"),
            ],
        ),
        ("lback user dis", ["disable"]),
        ("lback user list -o js", ["json", "jsonl"]),
        ("lback user list --output=js", ["--output=json", "--output=jsonl"]),
        ("lback signals show user_del", ["user_deletion_started", "user_deleted", "user_deletion_failed"]),
        ("lback help user s", ["show"]),
        ("lback help o", ["options"]),
        ("lback completion ", ["bash", "zsh", "fish"]),
        ("lback user nosuch ", []),
        ("lback user show x 'open", []),
        ("lback user import ", None),
        ("lback --config ", None),
    ],
)
def test_commands_options_and_choices_are_offered(complete: Cli, line: str, expected: list[str] | None) -> None:
    assert complete(line) == expected


def test_completion_of_options_includes_those_of_every_command(complete: Cli) -> None:
    assert {"--generate-password", "--invite", "--trace-file"} <= set(complete("lback user register --"))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("lback user show ad", ["ada", "adam"]),
        ("lback user disable b", ["ben"]),
        ("lback user show 'ad", ["ada", "adam"]),
        ("lback user show id:", ["id:1", "id:2", "id:3"]),
        ("lback user show id:2", ["id:2"]),
        ("lback user show id:x", []),
        ("lback user show id:" + "9" * 400, []),
        ("lback user list --group st", ["staff"]),
        ("lback group remove staff ", ["ada"]),
        ("lback group remove staff id:", ["id:1"]),
        ("lback user update ada --set ", ["external_id=", "display_name=", "remote="]),
        ("lback user update ada --set remote=", ["remote=true", "remote=false"]),
        ("lback user update ada --set display_name=", []),
        ("lback user list --where display_name=A", ["display_name=Ada Lovelace"]),
        ("lback user list --where=external_id=", ["--where=external_id=a-1"]),
        ("lback user list --where email=", []),
    ],
)
@pytest.mark.usefixtures("people")
def test_users_groups_and_attributes_are_offered(complete: Cli, line: str, expected: list[str]) -> None:
    assert complete(line) == expected


@pytest.mark.usefixtures("people")
def test_ids_that_begin_alike_are_offered_in_order(complete: Cli, lback: Any) -> None:
    with sqlite3.connect(lback.database) as connection:
        for user, number in (("ada", 12), ("adam", 1203), ("ben", 120)):
            connection.execute("UPDATE users SET id = ? WHERE username = ?", (number, user))
    connection.close()
    assert complete("lback user show id:12") == ["id:12", "id:120", "id:1203"]
    assert complete("lback user show id:120") == ["id:120", "id:1203"]


@pytest.mark.usefixtures("people")
def test_bash_is_given_the_rest_of_a_word_that_it_splits_and_no_character_that_it_runs(
    complete: Cli, lback: Any
) -> None:
    with sqlite3.connect(lback.database) as connection:
        connection.execute("UPDATE users SET username = 'ad$(reboot);*' WHERE username = 'adam'")
    connection.close()
    assert complete("lback user show id:", "bash") == ["1", "2", "3"]
    assert complete("lback user list --where display_name=A", "bash") == [r"Ada\ Lovelace"]
    assert complete("lback user list --output=js", "bash") == ["json", "jsonl"]
    assert complete("lback user show ad", "bash") == [r"ad\$\(reboot\)\;\*", "ada"]
    assert complete('lback user show "ad', "bash") == ["ada"]


def test_control_characters_are_never_offered(complete: Cli, register: Cli, cli: Cli, lback: Any) -> None:
    for name in ("ada", "adam"):
        register(name, "--verified")
    cli("group", "create", "staff", "-q")
    with sqlite3.connect(lback.database) as connection:
        connection.execute("UPDATE users SET username = 'ad\x1b[31m' || char(10) || 'x' WHERE username = 'adam'")
        connection.execute(
            "INSERT INTO groups (name, created_at, updated_at)"
            " SELECT 'st\x9b', created_at, created_at FROM groups LIMIT 1"
        )
    connection.close()
    assert complete("lback user show ad") == ["ada"]
    assert complete("lback user show id:") == ["id:1"]
    assert complete("lback user list --group st") == ["staff"]


def test_an_unusable_database_offers_nothing(complete: Cli) -> None:
    for line in (
        "lback user show a",
        "lback user show id:",
        "lback group show s",
        "lback user list --where external_id=",
    ):
        assert complete(line, LBACK_DATABASE_URL="sqlite:////no/where") == []
        assert complete(line, LBACK_DATABASE_URL="nonsense") == []
    assert complete("lback user show a", LBACK_NO_SUCH="warned about elsewhere") == []


@pytest.mark.usefixtures("people")
def test_the_database_that_the_line_names_is_read(complete: Cli, lback: Any) -> None:
    elsewhere = {"LBACK_DATABASE_URL": "sqlite:////no/where"}
    assert complete(f"lback --database-url sqlite:///{lback.database} user show b", **elsewhere) == ["ben"]


@pytest.mark.parametrize(
    ("shell", "path"),
    [
        ("bash", "data/bash-completion/completions/lback"),
        ("zsh", ".zfunc/_lback"),
        ("fish", "config/fish/completions/lback.fish"),
    ],
)
def test_the_script_is_printed_and_is_written_to_a_file_only_when_asked(lback: Any, shell: str, path: str) -> None:
    printed = lback("completion", shell)
    assert (printed.status, printed.err, "_LBACK_COMPLETE" in printed.out) == (0, "", True)
    assert [found.name for found in lback.directory.iterdir()] == []
    installed = lback("completion", shell, "--install", "-o", "json")
    assert (installed.status, installed.result) == (0, {"shell": shell, "path": str(lback.directory / path)})
    assert (lback.directory / path).read_text() == printed.out
    assert installed.err.startswith(f"Wrote {lback.directory / path}. New shells read it")
    assert [found.name for found in lback.directory.iterdir()] == [path.partition("/")[0]], "no start-up file"


INTERRUPTION = """\
import os, signal, sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
from lback_cli.__main__ import main
main({arguments!r})
"""


@pytest.mark.parametrize("module", ["typer", "lback_cli.cli.user", "lback_cli.managers.directory"])
@pytest.mark.parametrize("completing", [True, False])
def test_ctrl_c_is_one_line_and_while_completing_none(lback: Any, module: str, completing: bool) -> None:
    environment = lback.environment | (
        {"_LBACK_COMPLETE": "bash", "_LBACK_LINE": "lback user show a"} if completing else {}
    )
    program = INTERRUPTION.format(module=module, arguments=["user", "show", "a"])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        cwd=lback.directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "" if completing else "Interrupted.\n")


@pytest.fixture
def shell(lback: Any) -> Iterator[Callable[..., Any]]:
    """Start a shell on a terminal, which has the prompt ``READY>``; skip the test if it is not installed."""
    started = []

    def start(name: str, *arguments: str, **variables: str) -> Any:
        program = shutil.which(name) or pytest.skip(f"{name} is not installed")
        environment = lback.environment | {"TERM": "dumb", "PS1": "READY> "} | variables
        child = pexpect.spawn(
            program, list(arguments), env=environment, cwd=str(lback.directory), timeout=20, dimensions=(24, 200)
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.close(force=True)


def press_tab(child: Any, typed: str, added: str) -> None:
    """Type a line and TAB, wait until the shell has added the rest, and clear the line."""
    child.send(typed)
    child.expect_exact(typed)
    child.send("\t")
    child.expect_exact(added)
    child.sendcontrol("u")


LINES = (
    ("lback user sh", "ow "),
    ("lback user show b", "en "),
    ("lback user show id:3", " "),
    ("lback user list --where disp", "lay_name="),
    ("lback user list --where display_name=Ad", r"a\ Lovelace "),
)


@pytest.mark.usefixtures("people")
def test_bash_completes(shell: Cli) -> None:
    child = shell("bash", "--norc", "--noprofile", "-i")
    child.expect_exact("READY> ")
    child.sendline("source <(lback completion bash)")
    child.expect_exact("READY> ")
    for typed, added in LINES:
        press_tab(child, typed, added)
    Path(child.cwd, "people.csv").touch()
    press_tab(child, "lback user import peo", "ple.csv ")


@pytest.mark.parametrize("installed", [True, False])
@pytest.mark.usefixtures("people")
def test_zsh_completes_at_the_first_tab(shell: Cli, lback: Any, installed: bool) -> None:
    load = "source <(lback completion zsh)"
    if installed:
        assert lback("completion", "zsh", "--install", "-q").status == 0
        load = ""
    rc = "fpath=(~/.zfunc $fpath)\nautoload -Uz compinit\ncompinit -u\nunset zle_bracketed_paste\nPROMPT='READY> '\n"
    (lback.directory / ".zshrc").write_text(rc + load)
    child = shell("zsh", "-i")
    child.expect_exact("READY> ")
    for typed, added in LINES:
        press_tab(child, typed, added)


@pytest.mark.usefixtures("people")
def test_fish_completes(shell: Cli) -> None:
    show_line = """bind \\cx 'echo "<"(commandline)">"'"""
    child = shell(
        *("fish", "--no-config", "-i", "-C"),
        f"function fish_prompt; echo 'READY> '; end; lback completion fish | source; {show_line}",
    )
    child.expect_exact("READY> ")
    for typed, added in LINES:
        child.send(f"{typed}\t")
        child.sendcontrol("x")  # fish draws only what differs from the screen, which need not show a last space
        child.expect_exact(f"<{typed}{added}>")
        child.sendcontrol("c")


def test_a_missing_shell_is_asked_for_in_words(cli: Any) -> None:
    message = "error: Missing argument 'SHELL'. Choose from: bash, zsh, fish.\n"
    assert cli("completion") == (2, "", f"{message}       lback completion --help shows the usage.\n")
