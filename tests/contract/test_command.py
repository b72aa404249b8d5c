"""The scenarios with the installed command: its trace, exit code and output."""

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.fork_server import ForkServer
from tests.user_results import UNSET

from .conftest import InstallationOf
from .environment import Installation, Rows, environment_of
from .requirements import ERRORS, OPERATIONS, SIGNALS
from .resetting import REQUEST, asked, not_mailed
from .scenario import INTERRUPT, MESSAGE, Scenario, Sent
from .scenarios import SCENARIOS

LBACK = Path(sys.executable).with_name("lback")
ARGV = ["-q", "-o", "json", "--trace-format", "json", "user"]
"""Quiet, so that stderr has the trace and errors only."""

_SUCCEEDED = {name: {sequence.succeeded} for name, sequence in OPERATIONS.items()} | {
    "resend_verification": {"user_email_verification_initiated", "user_email_verification_successful"},
    "reset_user_password": {"password_reset_successful"},
}
"""The signals that end each operation with success."""

_OUTCOMES = {
    "verify_user_email": "updated",
    "register_user": "created",
    "update_user": "updated",
    "reset_password": "updated",
    "reset_user_password": "updated",
}
"""What the result of each command calls a change."""

FROM_OUTSIDE = [scenario for scenario in SCENARIOS if not scenario.not_from_outside]
STARVED = 2 * 2**30
"""Bytes of address space, too few for the 4 GiB that a hash then asks for."""


@dataclass(frozen=True)
class Run:
    """An ended command and its installation."""

    installation: Installation
    before: Rows
    since: datetime
    until: datetime
    exit: int
    stdout: str
    stderr: list[str]

    @property
    def trace(self) -> list[dict[str, Any]]:
        """The lines of the trace on stderr."""
        return [line for line in map(json.loads, self.stderr) if "signal" in line]

    @property
    def errors(self) -> list[dict[str, str]]:
        """All other lines of stderr, which must be errors."""
        return [line["error"] for line in map(json.loads, self.stderr) if "signal" not in line]


def run(server: ForkServer, installation: Installation, scenario: Scenario) -> Run:
    before, since = installation.rows(), datetime.now(UTC)
    status, stdout, stderr = server.run(
        [*ARGV, *scenario.call.argv],
        environment=environment(installation),
        directory=installation.directory,
        stdin=scenario.call.stdin.encode(),
        memory=STARVED if scenario.starved else None,
    )
    return Run(installation, before, since, datetime.now(UTC), status, stdout.decode(), stderr.decode().splitlines())


def environment(installation: Installation) -> dict[str, str]:
    home = {
        name: str(installation.directory) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
    }
    path = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    return {**path, **home, **environment_of(installation.values)}


def arguments(line: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments in a line of the trace, with only the type of an exception."""
    found = dict(line["args"])
    if found.get("exception"):
        assert isinstance(found["exception"]["message"], str)
        found["exception"] = {"type": found["exception"]["type"]}
    return found


def check_trace(scenario: Scenario, ended: Run) -> None:
    trace = ended.trace
    assert [line["seq"] for line in trace] == list(range(1, len(trace) + 1))
    assert len({line["operation_id"] for line in trace}) == 1
    for line in trace:
        changes = ["changes"] if line["signal"] in _SUCCEEDED[scenario.call.method] else []
        assert list(line) == ["time", "operation_id", "seq", "signal", "sender", "args", *changes, "receivers"]
        assert (line["sender"], line["receivers"]) == ("UserManager", 0)
        assert ended.since <= datetime.fromisoformat(line["time"]) <= ended.until
        assert list(line["args"]) == [name.removesuffix("?") for name in SIGNALS[line["signal"]].arguments]
    assert [(line["signal"], arguments(line)) for line in trace] == expected_trace(scenario, ended)


def expected_trace(scenario: Scenario, ended: Run) -> list[Sent]:
    """Return the signals of the scenario. The shown error has a hint after the message."""
    message = ended.errors[0]["message"] if ended.errors else None
    traced = next((line["args"].get("error_message") for line in ended.trace if line["args"].get("error_message")), "")
    assert (message or "").startswith(traced or "")
    return [
        (name, {key: traced if value is MESSAGE else _in_json(value) for key, value in sent.items()})
        for name, sent in scenario.signals
    ]


def _in_json(value: Any) -> Any:
    """Return *value*, or its text if it is an integer of more than 53 bits (RFC 7493)."""
    return str(value) if isinstance(value, int) and value.bit_length() > 53 else value


def expected_result(scenario: Scenario, installation: Installation) -> dict[str, Any]:
    """Return the expected result on stdout, read from the database."""
    if scenario.call.method == "delete_user":
        return {"id": scenario.call.arguments["user_id"], "deleted": True, "outcome": "deleted"}
    if scenario.call.method == "reset_password_request":
        return {"email": scenario.call.arguments["email"], "requested": True}
    outcome = {}
    if scenario.call.method in _OUTCOMES:
        changed = scenario.rows and scenario.signals[-1][1].get("reason") != "already_verified"
        outcome = {"outcome": _OUTCOMES[scenario.call.method] if changed else "unchanged"}
    rows = installation.rows()
    user = rows[f"users {scenario.signals[-1][1]['user']['id']}"]
    names = {row["id"]: row["name"] for key, row in rows.items() if key.startswith("groups ")}
    memberships = [row for key, row in rows.items() if key.startswith("user_groups_association ")]
    return {
        "id": user["id"],
        "username": user["username"],
        "email": user["email"],
        **UNSET,
        "is_active": bool(user["is_active"]),
        "is_email_verified": bool(user["is_email_verified"]),
        "groups": sorted(names[row["group_id"]] for row in memberships if row["user_id"] == user["id"]),
        "attributes": {},
        "created_at": in_json(user["created_at"]),
        "updated_at": in_json(user["updated_at"]),
        "last_login": in_json(installation.last_login(user["id"])),
        "locked_until": None,
        "password": "set",
        **outcome,
    }


def in_json(moment: str | None) -> str | None:
    """Return a stored time in its JSON form, which has no fractions of a second."""
    return None if moment is None else f"{moment[:19].replace(' ', 'T')}Z"


def check(scenario: Scenario, ended: Run) -> None:
    check_trace(scenario, ended)
    assert ended.exit == (0 if scenario.code is None else ERRORS[scenario.code][1])
    assert [error["code"] for error in ended.errors] == ([] if scenario.code is None else [scenario.code])
    if scenario.code is None:
        assert json.loads(ended.stdout) == expected_result(scenario, ended.installation)
    else:
        assert ended.stdout == ""
    changes = ended.installation.changes(ended.before, since=ended.since, until=ended.until)
    assert changes == scenario.rows
    assert [(mail.kind, mail.recipient) for mail in ended.installation.mails()] == list(scenario.mails)


@pytest.mark.parametrize("scenario", FROM_OUTSIDE, ids=lambda scenario: scenario.id)
def test_forked_command_traces_the_same_signals(
    scenario: Scenario, fork_server: ForkServer, command_installation: InstallationOf
) -> None:
    check(scenario, run(fork_server, command_installation(scenario), scenario))


@pytest.mark.parametrize(
    "scenario",
    [scenario for scenario in FROM_OUTSIDE if scenario.id in {"register: ok", "register: commit fails", "reset: used"}],
    ids=lambda scenario: scenario.id,
)
def test_installed_script_traces_the_same_signals(scenario: Scenario, command_installation: InstallationOf) -> None:
    installation = command_installation(scenario)
    before, since = installation.rows(), datetime.now(UTC)

    ended = subprocess.run(
        [LBACK, *ARGV, *scenario.call.argv],
        input=scenario.call.stdin,
        capture_output=True,
        text=True,
        check=False,
        cwd=installation.directory,
        env=environment(installation),
        timeout=60,
    )

    until = datetime.now(UTC)
    check(scenario, Run(installation, before, since, until, ended.returncode, ended.stdout, ended.stderr.splitlines()))


def test_ctrl_c_while_a_mail_server_is_silent_ends_with_the_failure_signal_and_130(
    command_installation: InstallationOf,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        installation = command_installation(REQUEST[0])
        installation.values.update(
            {"email.transport": "smtp", "email.security": "none", "email.host": "127.0.0.1"},
            **{"email.port": silent.getsockname()[1]},
        )
        before = installation.rows()
        process = subprocess.Popen(
            [LBACK, *ARGV, *REQUEST[0].call.argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=installation.directory,
            env=environment(installation),
        )
        connection, _ = silent.accept()
        with connection:
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=60)

    *trace, last = stderr.splitlines()
    assert [(line["signal"], arguments(line)) for line in map(json.loads, trace)] == [
        asked(),
        not_mailed("unexpected_exception", exception=INTERRUPT),
    ]
    assert (process.returncode, stdout, last) == (130, "", "Interrupted.")
    assert installation.rows() == before
