"""The installed command in many processes at once, on every database: exit codes, what each prints, what is left.

A round of each among few; with THOROUGH set, as tests/long does, a hundred among many. tests/managers/contests.py plays
more contests with the library.
"""

import json
import os
import socket
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from email.message import EmailMessage
from typing import Any

import pytest

ROUNDS, NAMES, TOKENS = (100, 16, 32) if "THOROUGH" in os.environ else (1, 6, 6)
SPELLINGS = 16  # of one name
PATIENCE = 120.0
"""Seconds after which whoever is missing is not waited for any longer."""

MEETING = """
import os
import socket

from lback_cli.signals import password_reset_started, receiver, user_pre_register


@receiver(user_pre_register)
@receiver(password_reset_started)
def wait_for_all(sender, **arguments):
    if "MEETING" in os.environ:
        with socket.create_connection(("127.0.0.1", int(os.environ["MEETING"]))) as door:
            assert door.recv(1) == b"!"
"""


def meet(door: socket.socket, number: int) -> None:
    """Let so many processes go on at once, when the last of them has come."""
    with ExitStack() as waiting:
        came = [waiting.enter_context(door.accept()[0]) for _ in range(number)]
        for one in came:
            one.sendall(b"!")


@pytest.fixture
def door() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=TOKENS) as listener:
        listener.settimeout(PATIENCE)
        yield listener


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def command(
    request: pytest.FixtureRequest,
    lback: Any,
    database_on: Callable[[str], AbstractContextManager[str]],
) -> Iterator[Any]:
    """`lback` on an empty database of each kind, with the receiver that waits."""
    (lback.directory / "meeting.py").write_text(MEETING)
    environment = {
        "PYTHONPATH": str(lback.directory),
        "LBACK_RECEIVERS_MODULES": "meeting",
        "LBACK_RECEIVERS_TIME_BUDGET": "600",
        "LBACK_USERS_UNICODE_NAMES": "true",
        "LBACK_DATABASE_BUSY_TIMEOUT": "60",
    }
    with ExitStack() as server:
        if request.param != "sqlite":
            environment["LBACK_DATABASE_URL"] = server.enter_context(database_on(request.param))
        made = replace(lback, environment={**lback.environment, **environment})
        assert made("db", "init").status == 0
        yield made


def spelling(name: str, number: int) -> str:
    """*name* in another case or another Unicode form for each number."""
    number *= SPELLINGS // NAMES
    cased = [name, name.upper(), name.title(), name.swapcase()[:3] + name[3:]][number % 4]
    form = unicodedata.normalize(("NFC", "NFD")[number // 4 % 2], cased)
    if number >= 8:  # full-width letters
        form = "".join(chr(ord(letter) + 0xFEE0) if letter in "zolerZOLER" else letter for letter in form)
    return form


def ended(processes: list[Any]) -> list[tuple[int, str, str]]:
    found = []
    for process in processes:
        out, err = process.communicate(timeout=PATIENCE)
        found.append((process.returncode, out.decode(), err.decode()))
    return found


def events_of(command: Any, subject: str) -> Counter[str]:
    rows = command("events", "list", "-o", "json", "--limit", "0").result
    return Counter(row["signal"] for row in rows if row["subject"] == subject)


def check_log(command: Any, events: int) -> None:
    verified = command("events", "verify", "-o", "json")
    assert (verified.status, verified.result["events"]) == (0, events)


def test_of_all_who_register_one_name_one_succeeds(command: Any, door: socket.socket) -> None:
    for turn in range(ROUNDS):
        name = f"zoé{turn}.müller"
        mails = len(mails_of(command))
        processes = [
            command.start(
                *("user", "register", spelling(name, number), "--email", f"person{turn}.{number}@example.org"),
                *("--generate-password", "-o", "json"),
                MEETING=door.getsockname()[1],
            )
            for number in range(NAMES)
        ]
        meet(door, NAMES)
        outcomes = ended(processes)

        assert Counter(status for status, *_ in outcomes) == {0: 1, 6: NAMES - 1}, outcomes
        ((_, out, err),) = [outcome for outcome in outcomes if outcome[0] == 0]
        user = json.loads(out)
        assert (user["username"], user["groups"]) == (name, ["basic_user"])
        assert err == f"Registered {name}; mailed a verification link to {user['email']}.\n"
        refusal = {"error": {"code": "user_exists", "message": f"The user name {name!r} is taken."}}
        for _, out, err in (outcome for outcome in outcomes if outcome[0] == 6):
            assert (out, json.loads(err)) == ("", refusal)

        shown = command("user", "show", name, "-o", "json").result
        assert shown == {key: value for key, value in user.items() if key != "password"}
        assert [mail["To"] for mail in mails_of(command)[mails:]] == [user["email"]]
        assert events_of(command, name)["user_registered"] == 1
    assert len(command("user", "list", "--limit", "0", "-o", "json").result) == ROUNDS
    rows = command("events", "list", "-o", "json", "--limit", "0").result
    assert Counter((row["signal"], row["outcome"]) for row in rows) == {
        ("user_registered", None): ROUNDS,
        ("user_registration_failed", "validation_error"): ROUNDS * (NAMES - 1),
    }
    check_log(command, ROUNDS * NAMES)


def test_of_all_who_use_one_token_one_succeeds(
    command: Any, door: socket.socket, token_in: Callable[[EmailMessage], str]
) -> None:
    passwords = [f"quiet harbor lantern {number}" for number in range(TOKENS)]
    for number, password in enumerate(passwords):
        path = command.directory / f"password{number}"
        path.write_text(password)
        path.chmod(0o600)
    for turn in range(ROUNDS):
        name = f"ann{turn}"
        registered = command(
            *("user", "register", name, "--email", f"{name}@example.org", "--verified", "--generate-password", "-q")
        )
        assert registered.status == 0
        assert command("user", "request-password-reset", name, "-q").status == 0
        mails = mails_of(command)
        token = command.directory / "token"
        token.write_text(token_in(mails[-1]))
        processes = []
        for number in range(TOKENS):
            with token.open() as stdin:
                processes.append(
                    command.start(
                        *("user", "reset-password", "--token", "-", "--password-file", f"password{number}"),
                        *("-o", "json"),
                        stdin=stdin,
                        MEETING=door.getsockname()[1],
                    )
                )
        meet(door, TOKENS)
        outcomes = ended(processes)

        assert Counter(status for status, *_ in outcomes) == {0: 1, 7: TOKENS - 1}, outcomes
        (winner,) = [number for number, outcome in enumerate(outcomes) if outcome[0] == 0]
        _, out, err = outcomes[winner]
        assert (json.loads(out)["username"], err) == (name, f"{name} has a new password.\n")
        message = "This reset token is used or expired. Request a new one; only the newest link works."
        refusal = {"error": {"code": "invalid_token", "message": message}}
        for _, out, err in (outcome for outcome in outcomes if outcome[0] == 7):
            assert (out, json.loads(err)) == ("", refusal)

        (notice,) = mails_of(command)[len(mails) :]
        assert notice["To"] == f"{name}@example.org"
        for number, status in ((winner, 0), ((winner + 1) % TOKENS, 4)):
            login = command("user", "authenticate", name, "--password-file", f"password{number}", "-q")
            assert login.status == status
    rows = command("events", "list", "-o", "json", "--limit", "0").result
    assert Counter((row["signal"], row["outcome"]) for row in rows) == {
        ("user_registered", None): ROUNDS,
        ("password_reset_request_processed", None): ROUNDS,
        ("password_reset_successful", None): ROUNDS,
        ("password_reset_failed", "invalid_token"): ROUNDS * (TOKENS - 1),
        ("user_authenticated", None): ROUNDS,
        ("user_authentication_failed", "incorrect_password"): ROUNDS,
    }
    check_log(command, ROUNDS * (TOKENS + 4))


def mails_of(command: Any) -> list[EmailMessage]:
    mails: list[EmailMessage] = command.mails
    return mails
