"""The input, output and environment of hooks, and the messages about hooks that cannot be run."""

import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from lback_cli.errors import ConfigurationError
from lback_cli.receivers.loader import Receivers
from lback_cli.settings import ReceiverSettings, Settings
from lback_cli.signals import user_pre_register

Workshop = Any  # of conftest.py

OFF = "Use --no-receivers to run without hooks."
PRE = "user_pre_register"


def refusal(workshop: Workshop) -> tuple[int, str]:
    """Return the exit code and the message of a registration that a hook vetoes."""
    ended = workshop.register()
    assert ended.out == ""
    return ended.status, ended.error["message"]


# Input and environment


def test_hook_reads_the_line_of_the_json_trace(workshop: Workshop) -> None:
    for signal in ("user_registration_started", PRE, "user_registered"):
        workshop.hook(f"{signal}/save", "cat > event")

    assert workshop.register().status == 0

    for number, line in enumerate(map(json.loads, workshop.trace_file.read_text().splitlines())):
        del line["receivers"]
        line.pop("changes", None)
        saved = workshop.hooks_directory / line["signal"] / "event"
        assert saved.exists() == (number != 2), "the third signal has no hook"
        if saved.exists():
            assert saved.read_text() == json.dumps(line, separators=(",", ":")) + "\n"


def test_hook_gets_no_password(workshop: Workshop) -> None:
    assert workshop.register().status == 0
    workshop.hook("user_update_started/save", "cat > event; env > environment; tr '\\0' ' ' < /proc/$$/cmdline > line")

    changed = workshop("user", "update", "alice", "--password-stdin", input="seven giraffes sing at dawn")

    assert changed.status == 0
    directory = workshop.hooks_directory / "user_update_started"
    assert json.loads((directory / "event").read_text())["args"] == {
        "user_id": 1,
        "update_data": {"password": "********"},
    }
    assert "giraffes" not in "".join((directory / name).read_text() for name in ("event", "environment", "line"))


def test_hook_gets_only_listed_environment_variables(workshop: Workshop) -> None:
    hook = workshop.hook(f"{PRE}/save", "env > environment; pwd > place")

    url = f"sqlite:///{workshop.lback.directory}/other.db"
    assert workshop("db", "init", LBACK_DATABASE_URL=url).status == 0
    ended = workshop.register(LBACK_DATABASE_URL=url, SECRET="s3cret", LC_ALL="C.UTF-8", LD_LIBRARY_PATH="/tmp")

    assert ended.status == 0
    environment = dict(line.split("=", 1) for line in (hook.parent / "environment").read_text().splitlines())
    shell = {"PWD", "OLDPWD", "SHLVL", "_"}
    assert {name: value for name, value in environment.items() if name not in shell} == {
        "PATH": workshop.lback.environment["PATH"],
        "HOME": str(workshop.lback.directory),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "LBACK_HOOK": str(hook),
    }
    assert (hook.parent / "place").read_text() == f"{hook.parent}\n"


def test_hook_can_run_lback(workshop: Workshop) -> None:
    hook = workshop.hook(f"{PRE}/look", "lback user exists bob -o json > answer 2>&1; echo $? >> answer")
    assert workshop.register(PYTHONPATH="").status == 0
    assert (hook.parent / "answer").read_text() == '{\n  "user": "bob",\n  "exists": false\n}\n5\n'


@pytest.mark.parametrize("shebang", [f"#!{sys.executable}", "#!/usr/bin/env python3"])
def test_hook_can_be_a_script_in_any_language(workshop: Workshop, shebang: str) -> None:
    workshop.hook(
        f"{PRE}/check",
        """
        import json, sys

        if json.load(sys.stdin)["args"]["username"] == "alice":
            sys.exit("No Alice here.")
        """,
        shebang=shebang,
    )
    assert refusal(workshop) == (7, "No Alice here.")


def test_hook_can_be_a_link_to_a_binary(workshop: Workshop) -> None:
    workshop.hook(f"{PRE}/10-script", "exit 0")
    false = shutil.which("false", path="/usr/bin:/bin")
    assert false is not None
    (workshop.hooks_directory / PRE / "20-binary").symlink_to(false)
    assert refusal(workshop) == (7, f"The hook {PRE}/20-binary ended with exit code 1.")


def test_name_of_a_hook_is_not_passed_to_a_shell(workshop: Workshop) -> None:
    workshop.hook(f"{PRE}/$(touch hacked); echo", "echo ran >&2; exit 1")
    assert refusal(workshop) == (7, "ran")
    assert not list(workshop.lback.directory.rglob("hacked"))


# Output


def test_hook_need_not_read_its_input(workshop: Workshop) -> None:
    """The event is larger than the buffer of a pipe."""
    assert workshop.register().status == 0
    groups = [f"{number:03}{'x' * 1900}" for number in range(100)]
    workshop.hook("user_update_started/10-deaf", "exec 0<&-; exit 0")
    saving = workshop.hook("user_update_started/20-reads", "sleep 0.2; wc -c > size")
    options = [word for group in groups for word in ("--add-group", group)]

    ended = workshop("user", "update", "alice", *options)

    assert (ended.status, ended.out) == (5, "")
    assert ended.err.startswith("error: There is no group '000xxx")
    assert int((saving.parent / "size").read_text()) > 190_000


def test_long_output_is_read_and_cut(workshop: Workshop) -> None:
    workshop.hook(f"{PRE}/10-chatty", "yes out | head -c 5000000; yes no | head -c 5000000 >&2; exit 1")
    status, reason = refusal(workshop)
    assert (status, len(reason)) == (7, 2000)
    assert re.fullmatch(r"(no )+n?o?\u2026", reason)


def test_output_of_a_hook_is_escaped(workshop: Workshop) -> None:
    workshop.hook(f"{PRE}/10-rude", r"printf 'no\033[31m \302\233 \342\200\256\nway\t[red]\n' >&2; exit 1")
    ended = workshop("user", "register", "alice", "--email", "a@example.org", "--generate-password")
    refused = f"The receiver {PRE}/10-rude of {PRE} refused it."
    assert ended == (7, "", f"error: no\\x1b[31m \\x9b \\u202e way [red]\n       {refused}\n")


def test_output_that_is_not_utf_8_is_shown_as_bytes(workshop: Workshop) -> None:
    workshop.hook(f"{PRE}/10-latin", r"printf 'caf\351 ferm\351' >&2; exit 1")
    assert refusal(workshop) == (7, "caf\\xe9 ferm\\xe9")


def test_child_that_holds_the_pipe_is_not_waited_for(workshop: Workshop) -> None:
    workshop.hook(f"{PRE}/10-forks", "sleep 600 & echo $! > child; echo 'not you' >&2; exit 1")
    try:
        assert refusal(workshop) == (7, "not you")
    finally:
        os.kill(int((workshop.hooks_directory / PRE / "child").read_text()), 9)


def test_child_that_keeps_writing_is_not_read_for_ever(workshop: Workshop) -> None:
    workshop.hook(f"{PRE}/10-forks", "yes no >&2 & echo $! > child; sleep 0.2; exit 1")
    try:
        status, reason = refusal(workshop)
        assert (status, len(reason)) == (7, 2000)
    finally:
        child = int((workshop.hooks_directory / PRE / "child").read_text())
        if Path(f"/proc/{child}").exists():
            os.kill(child, 9)


# Hooks that cannot be run


@pytest.mark.parametrize(
    ("break_it", "message", "hint"),
    [
        (lambda path: path.chmod(0o644), "{path} is not executable", "Run: chmod u+x {path}"),
        (lambda path: path.chmod(0o775), "others can write to {path}", "Run: chmod go-w {path}"),
        (lambda path: path.parent.chmod(0o777), "others can write to {path.parent}", "Run: chmod go-w {path.parent}"),
        (
            lambda path: path.parent.parent.chmod(0o757),
            "others can write to {path.parent.parent}",
            "Run: chmod go-w {path.parent.parent}",
        ),
        (
            lambda path: (path.unlink(), path.symlink_to("gone")),
            "{path.parent}/gone, to which {path} leads: No such file or directory",
            "Remove or repair it.",
        ),
        (lambda path: (path.unlink(), path.mkdir()), "{path} is not a file", "Hooks are executable files."),
        (
            lambda path: shutil.rmtree(path.parent.parent),
            "{path.parent.parent}: No such file or directory",
            "Remove or repair it.",
        ),
        pytest.param(
            lambda path: os.chown(path, 65534, -1),
            "{path} belongs to another user",
            "It must belong to the user who runs lback, or to root.",
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user"),
        ),
        (
            lambda path: path.parent.rename(path.parent.with_name("user_preregister")),
            "{path.parent.parent}/user_preregister: There is no signal 'user_preregister'",
            "Did you mean user_pre_register? 'lback signals list' shows all signals.",
        ),
        (
            lambda path: (path.parent.parent / "notes").write_text(""),
            "{path.parent.parent}/notes: There is no signal 'notes'",
            "'lback signals list' shows all signals.",
        ),
    ],
    ids=[
        *("not executable", "writable", "directory writable", "hooks_directory writable", "dangling", "directory"),
        *("missing", "foreign", "misspelt", "a file among the signals"),
    ],
)
def test_hook_that_cannot_be_run_is_a_configuration_error(
    workshop: Workshop, break_it: Any, message: str, hint: str
) -> None:
    path = workshop.hook(f"{PRE}/10-check", "exit 0")
    break_it(path)

    with pytest.raises(ConfigurationError) as raised:
        Receivers(Settings(receivers=ReceiverSettings(hooks_directory=workshop.hooks_directory))).connect()

    assert raised.value.message == f"receivers.hooks_directory: {message.format(path=path)}."
    assert raised.value.hint == f"{OFF} {hint.format(path=path)}"
    assert not user_pre_register.receivers


def test_backups_and_readmes_are_passed_over_with_a_warning(workshop: Workshop) -> None:
    names = ("#10-check#", "10-check.bak", "10-check.dpkg-old", "10-check.swp", "10-check~", "README.md")
    others = [workshop.hook(f"{PRE}/{name}", "echo It ran. >&2; exit 1") for name in names]
    others.insert(0, workshop.hooks_directory / "README")
    others[0].write_text("These are our hooks.")
    workshop.hook(f"{PRE}/10-check", "echo It accepts. >&2")

    ended = workshop("user", "register", "ann", "--email", "ann@example.org", "--generate-password", "-q")

    assert ended.status == 0
    assert ended.err.splitlines() == [
        *(f"warning: {path} is passed over: its name is not that of a hook." for path in others),
        f"warning: The hook {PRE}/10-check says: It accepts.",
    ]


def test_hook_that_cannot_be_run_stops_the_command(workshop: Workshop) -> None:
    path = workshop.hook(f"{PRE}/10-check", "exit 0")
    path.chmod(0o644)

    assert workshop("user", "delete", "id:1", "--yes") == (
        9,
        "",
        f"error: receivers.hooks_directory: {path} is not executable.\n       {OFF} Run: chmod u+x {path}\n",
    )
    assert workshop("user", "delete", "id:1", "--yes", "--no-receivers").status == 5
    assert workshop("user", "list").status == 0


def test_close_disconnects_hooks(workshop: Workshop) -> None:
    workshop.hook(f"{PRE}/10-check", "exit 0")
    receivers = Receivers(Settings(receivers=ReceiverSettings(hooks_directory=workshop.hooks_directory)))
    receivers.connect()
    assert user_pre_register.receivers
    receivers.close()
    assert not user_pre_register.receivers


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no shebang\n", "Exec format error"),
        (b"#!/no/such/interpreter\n", "No such file or directory"),
        (b"", "Exec format error"),
    ],
)
def test_hook_that_cannot_be_started_is_a_veto(workshop: Workshop, content: bytes, why: str) -> None:
    workshop.hook(f"{PRE}/10-odd", "").write_bytes(content)
    assert refusal(workshop) == (7, f"The hook {PRE}/10-odd cannot be run: {why}.")


def test_hook_is_checked_again_before_it_runs(workshop: Workshop) -> None:
    """The first hook makes the second one writable by others, as an attacker would."""
    second = workshop.hook(f"{PRE}/20-second", "echo ran > ran")
    workshop.hook("user_registration_started/10-first", f"chmod o+w {second}")
    assert refusal(workshop) == (7, f"The hook {PRE}/20-second cannot be run: others can write to {second}.")
    assert not (second.parent / "ran").exists()


def test_files_with_a_leading_dot_are_ignored(workshop: Workshop) -> None:
    workshop.hook(f"{PRE}/.10-off", "exit 1").chmod(0o666)
    workshop.hook(".git/10-off", "exit 1")
    assert workshop.register().status == 0
