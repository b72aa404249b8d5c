"""The outcome of an operation whose plugin or hook vetoes, fails, hangs or is slow."""

import json
import os
import re
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

Workshop = Any  # of conftest.py

PLUGIN = """
    import time
    from lback_cli import OperationRejected
    from lback_cli.signals import {signal}, receiver

    @receiver({signal})
    def listen(sender, **arguments):
        {code}
"""

SIGNALS = [
    "user_registration_started",
    "user_pre_register",
    "user_email_verification_initiated",
    "user_registered",
]
FAILED = "user_registration_failed"
DONE = "Registered alice; wrote a verification link to MAIL (transport: file).\n"


@dataclass(frozen=True)
class Case:
    """A receiver of the signal *at* that runs *what*, and the expected outcome.

    *word* is that of the failure event, None for success; *error* are the code, message and hint on stderr, *said* the
    warnings before them, and *failure* the failure of the receiver in the trace.
    """

    id: str
    kind: str
    at: str
    what: str
    status: int
    word: str | None
    error: tuple[str, str, str | None] | None = None
    said: tuple[str, ...] = ()
    failure: tuple[str, str] | None = None
    overrun: bool = False
    variables: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return "plugin.listen" if self.kind == "plugin" else f"{self.at}/10-listen"


PLUGIN_CASES = [
    Case(
        "veto before the insert",
        "plugin",
        "user_pre_register",
        "raise OperationRejected('Not today.')",
        7,
        "rejected_by_receiver",
        ("rejected_by_receiver", "Not today.", "The receiver plugin.listen of user_pre_register refused it."),
        failure=("OperationRejected", "Not today."),
    ),
    Case(
        "veto before the commit",
        "plugin",
        "user_registered",
        "raise OperationRejected('Not today.')",
        7,
        "rejected_by_receiver",
        ("rejected_by_receiver", "Not today.", "The receiver plugin.listen of user_registered refused it."),
        failure=("OperationRejected", "Not today."),
    ),
    Case(
        "crash without the session",
        "plugin",
        "user_pre_register",
        "raise LookupError('lost')",
        0,
        None,
        said=("The receiver plugin.listen of user_pre_register failed: LookupError: lost",),
        failure=("LookupError", "lost"),
    ),
    Case(
        "crash with the session",
        "plugin",
        "user_registered",
        "raise LookupError('lost')",
        1,
        "unexpected_exception",
        (
            "unexpected_exception",
            "The receiver plugin.listen of user_registered failed: LookupError: lost",
            "Nothing was changed, because the receiver's own changes may be incomplete.",
        ),
        failure=("LookupError", "lost"),
    ),
    Case(
        "an end of the program that says that all is well",
        "plugin",
        "user_pre_register",
        "raise SystemExit(0)",
        1,
        "unexpected_exception",
        (
            "unexpected_exception",
            "A receiver tried to end the program: SystemExit: 0",
            "It should raise OperationRejected.",
        ),
        failure=("SystemExit", "0"),
    ),
    Case(
        "slow",
        "plugin",
        "user_pre_register",
        "time.sleep(0.6)",
        0,
        None,
        said=(
            "The receiver plugin.listen of user_pre_register is still running after TIME; its time budget is 0.2 s.",
            "The receiver plugin.listen of user_pre_register took TIME; its time budget is 0.2 s.",
        ),
        overrun=True,
        variables={"LBACK_RECEIVERS_TIME_BUDGET": "0.2"},
    ),
]

HOOK_CASES = [
    Case(
        "veto before the insert",
        "hook",
        "user_pre_register",
        "echo 'Not today.' >&2; exit 3",
        7,
        "rejected_by_receiver",
        (
            "rejected_by_receiver",
            "Not today.",
            "The receiver user_pre_register/10-listen of user_pre_register refused it.",
        ),
        failure=("OperationRejected", "Not today."),
    ),
    Case(
        "veto without a reason",
        "hook",
        "user_registration_started",
        "exit 3",
        7,
        "rejected_by_receiver",
        ("rejected_by_receiver", "The hook user_registration_started/10-listen ended with exit code 3.", None),
        failure=("OperationRejected", "The hook user_registration_started/10-listen ended with exit code 3."),
    ),
    Case(
        "veto before the commit",
        "hook",
        "user_registered",
        "echo 'Not today.' >&2; exit 3",
        7,
        "rejected_by_receiver",
        ("rejected_by_receiver", "Not today.", "The receiver user_registered/10-listen of user_registered refused it."),
        failure=("OperationRejected", "Not today."),
    ),
    Case(
        "crash",
        "hook",
        "user_pre_register",
        "kill -SEGV $$",
        7,
        "rejected_by_receiver",
        ("rejected_by_receiver", "The hook user_pre_register/10-listen was killed by SIGSEGV.", None),
        failure=("OperationRejected", "The hook user_pre_register/10-listen was killed by SIGSEGV."),
    ),
    Case(
        "hang",
        "hook",
        "user_pre_register",
        'echo "Looking it up" >&2; sleep 600',
        7,
        "rejected_by_receiver",
        (
            "rejected_by_receiver",
            "The hook user_pre_register/10-listen did not end within 0.3 s and was killed: Looking it up",
            None,
        ),
        failure=(
            "OperationRejected",
            "The hook user_pre_register/10-listen did not end within 0.3 s and was killed: Looking it up",
        ),
        variables={"LBACK_RECEIVERS_TIME_BUDGET": "0.3"},
    ),
    Case("slow, but in time", "hook", "user_pre_register", "sleep 0.4", 0, None),
    Case(
        "agrees, and says something",
        "hook",
        "user_pre_register",
        "echo 'nothing against it' >&2; echo 'not for the result'",
        0,
        None,
        said=("The hook user_pre_register/10-listen says: nothing against it",),
    ),
]


@pytest.mark.parametrize("case", [*PLUGIN_CASES, *HOOK_CASES], ids=lambda case: f"{case.kind}: {case.id}")
def test_receiver_decides_the_outcome_of_an_operation(workshop: Workshop, case: Case) -> None:
    if case.kind == "plugin":
        workshop.module("plugin", PLUGIN.format(signal=case.at, code=case.what))
    else:
        workshop.hook(f"{case.at}/10-listen", case.what)

    ended = workshop.register(**case.variables)

    said = re.sub(r"(after|took) \d+\.\d s", r"\1 TIME", re.sub(r"\S+\.eml", "MAIL", ended.err))
    warnings = "".join(map(warning, case.said))
    sent = SIGNALS if case.word is None else [*SIGNALS[: SIGNALS.index(case.at) + 1], FAILED]
    if case.error is None:
        assert (ended.status, said) == (case.status, warnings + DONE)
        assert ended.result["username"] == "alice"
        assert workshop.rows == (["alice"], [("group_created", ""), ("user_registered", "")])
    else:
        assert (ended.status, ended.out, said) == (case.status, "", warnings + error(*case.error))
        assert workshop.rows == ([], [(FAILED, case.word)])
    heard: dict[str, Any] = {"receivers": 1}
    if case.failure is not None:
        heard["receiver_errors"] = [{"receiver": case.name, "type": case.failure[0], "message": case.failure[1]}]
    if case.overrun:
        heard["overruns"] = [case.name]
    assert workshop.trace == [{"signal": name} | (heard if name == case.at else {}) for name in sent]


@pytest.mark.parametrize(
    ("kind", "what", "failure"),
    [
        ("plugin", "raise OperationRejected('Too late.')", ("OperationRejected", "Too late.")),
        ("plugin", "raise LookupError('lost')", ("LookupError", "lost")),
        ("hook", "echo 'Too late.' >&2; exit 3", ("HookError", "ended with exit code 3. Too late.")),
        ("hook", "kill -KILL $$", ("HookError", "was killed by SIGKILL.")),
        ("hook", "sleep 600", ("HookError", "did not end within 0.3 s and was killed.")),
    ],
)
def test_failure_signal_cannot_be_vetoed(workshop: Workshop, kind: str, what: str, failure: tuple[str, str]) -> None:
    name = "plugin.listen" if kind == "plugin" else f"{FAILED}/10-listen"
    if kind == "plugin":
        workshop.module("plugin", PLUGIN.format(signal=FAILED, code=what))
    else:
        workshop.hook(f"{FAILED}/10-listen", what)

    ended = workshop.register("alice", "--group", "nobody", LBACK_RECEIVERS_TIME_BUDGET="0.3")

    said = warning(f"The receiver {name} of {FAILED} failed: {failure[0]}: {failure[1]}")
    hint = "'lback group list' shows all groups, and 'lback group create nobody' creates this one."
    refusal = error("group_not_found", "There is no group 'nobody'.", hint)
    assert (ended.status, ended.out, ended.err) == (5, "", said + refusal)
    assert workshop.trace[-1] == {
        "signal": FAILED,
        "receivers": 1,
        "receiver_errors": [{"receiver": name, "type": failure[0], "message": failure[1]}],
    }
    assert workshop.rows == ([], [(FAILED, "validation_error")])


def test_hanging_plugin_is_reported_and_ctrl_c_rolls_back(workshop: Workshop) -> None:
    workshop.module("plugin", PLUGIN.format(signal="user_registered", code="time.sleep(600)"))
    process = workshop.lback.start(
        *workshop.registration("alice"), stdin=-1, **workshop.variables, LBACK_RECEIVERS_TIME_BUDGET="0.2"
    )
    process.stdin.write(b"purple giraffes yodel at dusk")
    process.stdin.close()

    with process:
        report = json.loads(process.stderr.readline())["warning"]["message"]
        process.send_signal(signal.SIGINT)
        out, rest = process.stdout.read().decode(), process.stderr.read().decode().splitlines()

    name = "The receiver plugin.listen of user_registered"
    assert re.fullmatch(rf"{name} is still running after \d\.\d s; its time budget is 0\.2 s\.", report)
    took = json.loads(rest[0])["warning"]["message"]
    assert re.fullmatch(rf"{name} took \d\.\d s; its time budget is 0\.2 s\.", took)
    assert rest[1:] == ["Interrupted."]
    assert (process.returncode, out) == (130, "")
    assert workshop.rows == ([], [(FAILED, "unexpected_exception")])
    assert workshop.trace[-2:] == [
        {
            "signal": "user_registered",
            "receivers": 1,
            "receiver_errors": [{"receiver": "plugin.listen", "type": "KeyboardInterrupt", "message": ""}],
            "overruns": ["plugin.listen"],
        },
        {"signal": FAILED},
    ]


def test_hanging_hook_is_reported_once(workshop: Workshop) -> None:
    workshop.module("plugin", PLUGIN.format(signal="user_pre_register", code="pass"))
    workshop.hook("user_pre_register/10-hang", "sleep 600")

    ended = workshop.register(LBACK_RECEIVERS_TIME_BUDGET="0.3")

    killed = "The hook user_pre_register/10-hang did not end within 0.3 s and was killed."
    assert (ended.status, ended.err) == (7, error("rejected_by_receiver", killed))
    assert "overruns" not in workshop.trace[1]


def test_hook_is_killed_with_its_children(workshop: Workshop) -> None:
    workshop.hook("user_pre_register/10-hang", "sleep 600 & echo $! > child; wait")

    ended = workshop.register(LBACK_RECEIVERS_TIME_BUDGET="0.3")

    assert ended.status == 7
    _require_gone(int((workshop.hooks_directory / "user_pre_register" / "child").read_text()))


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_hook_is_killed_when_the_command_is_interrupted(workshop: Workshop, number: int, status: int) -> None:
    workshop.hook("user_pre_register/10-hang", "sleep 600 & echo $! > child.part; mv child.part child; wait")
    child = workshop.hooks_directory / "user_pre_register" / "child"
    process = workshop.lback.start(
        *workshop.registration("alice"), stdin=-1, **workshop.variables, LBACK_RECEIVERS_TIME_BUDGET="60"
    )
    process.stdin.write(b"purple giraffes yodel at dusk")
    process.stdin.close()
    with process:
        while not child.exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        assert process.stdout.read() == b""

    assert process.returncode == status
    _require_gone(int(child.read_text()))
    assert workshop.rows == ([], [(FAILED, "unexpected_exception")])


def test_all_receivers_run_in_order_and_the_first_veto_is_reported(workshop: Workshop) -> None:
    log = workshop.lback.directory / "log"
    workshop.module(
        "plugin", PLUGIN.format(signal="user_pre_register", code=f"open({str(log)!r}, 'a').write('plugin ')")
    )
    for name in ("20-second", "10-first", "9-last", ".off"):
        workshop.hook(f"user_pre_register/{name}", f"printf '{name} ' >> {log}; echo {name} says no >&2; exit 1")

    ended = workshop.register()

    assert log.read_text() == "plugin 10-first 20-second 9-last "
    assert (ended.status, ended.error["message"]) == (7, "10-first says no")
    assert workshop.trace[1]["receivers"] == 4


def test_no_receivers_option_loads_none(workshop: Workshop) -> None:
    workshop.module("plugin", PLUGIN.format(signal="user_pre_register", code="raise OperationRejected('no')"))
    workshop.hook("user_registered/10-no", "exit 1")
    workshop.module("missing_dependency", "import nothing_of_that_name")

    ended = workshop.register("alice", "--no-receivers")

    assert (ended.status, re.sub(r"\S+\.eml", "MAIL", ended.err)) == (0, DONE)
    assert [line.get("receivers") for line in workshop.trace] == [None] * 4


def error(code: str, message: str, hint: str | None = None) -> str:
    return json.dumps({"error": {"code": code, "message": message, "hint": hint}}) + "\n"


def warning(message: str) -> str:
    return json.dumps({"warning": {"message": message}}) + "\n"


def _state(pid: int) -> tuple[str, str] | None:
    """Return name and state of a process, or None if it has ended. Another process may have its id."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return stat[stat.index("(") + 1 : stat.rindex(")")], stat.rpartition(")")[2].split()[0]


def _require_gone(pid: int) -> None:
    """Wait until the process has ended, or is a zombie because no process reaps orphans."""
    deadline = time.monotonic() + 30
    while (state := _state(pid)) is not None and state[0] == "sleep" and state[1] != "Z":
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            pytest.fail(f"{pid} is still running")
        time.sleep(0.01)
