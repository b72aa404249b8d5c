"""The table of exit codes, and the errors that cause them."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from blinker import NamedSignal

from lback_cli import errors, signals
from lback_cli.cli.exit_codes import MEANINGS, ExitCode, TerminatedBySignal, exit_code

Cli = Callable[..., Any]

EXITS = {
    "LbackError": ExitCode.BUG,
    "AuthenticationFailed": ExitCode.AUTHENTICATION_FAILED,
    "NotFound": ExitCode.NOT_FOUND,
    "UserNotFound": ExitCode.NOT_FOUND,
    "GroupNotFound": ExitCode.NOT_FOUND,
    "SignalNotFound": ExitCode.NOT_FOUND,
    "EventNotFound": ExitCode.NOT_FOUND,
    "ImportNotFound": ExitCode.NOT_FOUND,
    "SinkNotFound": ExitCode.NOT_FOUND,
    "DeadLetterNotFound": ExitCode.NOT_FOUND,
    "QueuedMailNotFound": ExitCode.NOT_FOUND,
    "BrokenEventLog": ExitCode.REFUSED,
    "Conflict": ExitCode.CONFLICT,
    "UserExists": ExitCode.CONFLICT,
    "GroupExists": ExitCode.CONFLICT,
    "Refused": ExitCode.REFUSED,
    "ValidationError": ExitCode.REFUSED,
    "InvalidToken": ExitCode.REFUSED,
    "OperationRejected": ExitCode.REFUSED,
    "StillReferenced": ExitCode.REFUSED,
    "AmbiguousUser": ExitCode.REFUSED,
    "InvalidFile": ExitCode.REFUSED,
    "ShareExceeded": ExitCode.REFUSED,
    "LastAdministrator": ExitCode.REFUSED,
    "TooManyRequests": ExitCode.REFUSED,
    "Unusable": ExitCode.UNUSABLE,
    "ConfigurationError": ExitCode.UNUSABLE,
    "DatabaseError": ExitCode.UNUSABLE,
    "NotWritable": ExitCode.UNUSABLE,
    "SchemaError": ExitCode.UNUSABLE,
    "OutcomeUnknown": ExitCode.UNUSABLE,
    "UnconfirmedCommit": ExitCode.UNUSABLE,
    "MailError": ExitCode.UNUSABLE,
    "SinkFailed": ExitCode.UNUSABLE,
    "PasswordHashingError": ExitCode.UNUSABLE,
    "Declined": ExitCode.DECLINED,
    "UsageError": ExitCode.USAGE,
    "UnexpectedError": ExitCode.BUG,
}


def _all_errors(base: type[errors.LbackError] = errors.LbackError) -> Iterator[type[errors.LbackError]]:
    # Only lback's own: other tests may have made some.
    if base.__module__ == errors.__name__:
        yield base
    for kind in base.__subclasses__():
        yield from _all_errors(kind)


@contextmanager
def receiving(signal: NamedSignal, receiver: Callable[..., None]) -> Iterator[None]:
    with signal.connected_to(receiver):
        yield


def test_every_error_has_its_documented_exit_code() -> None:
    for kind in _all_errors():
        assert kind.__name__ in EXITS, f"{kind.__name__} is new: which exit code has it, and is it documented?"
        error = kind.__new__(kind)
        assert exit_code(error) is EXITS[kind.__name__], kind


def test_the_exit_codes_are_unchanged() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "DONE": 0,
        "BUG": 1,
        "USAGE": 2,
        "DECLINED": 3,
        "AUTHENTICATION_FAILED": 4,
        "NOT_FOUND": 5,
        "CONFLICT": 6,
        "REFUSED": 7,
        "PARTLY_FAILED": 8,
        "UNUSABLE": 9,
        "HANGUP": 129,
        "INTERRUPTED": 130,
        "BROKEN_PIPE": 141,
        "TERMINATED": 143,
    }
    assert set(MEANINGS) == set(ExitCode)


def test_the_help_lists_the_exit_codes(cli: Cli) -> None:
    title, *lines = cli("help", "exit-codes").out.splitlines()
    assert title == "Exit codes:"
    assert [line.split(maxsplit=1) for line in lines] == [[str(code.value), MEANINGS[code]] for code in ExitCode]


def test_termination_by_a_signal_is_not_an_exception_that_receivers_catch() -> None:
    assert not issubclass(TerminatedBySignal, Exception)
    assert str(TerminatedBySignal(ExitCode.TERMINATED)) == "terminated"


def test_a_veto_is_exit_7_with_its_reason(cli: Cli, password: str) -> None:
    def veto(_sender: Any, **_arguments: Any) -> None:
        raise errors.OperationRejected("Not on a Sunday.")

    with receiving(signals.user_pre_register, veto):
        outcome = cli(
            "user", "register", "alice", "--email", "a@example.org", "--password-stdin", "-o", "json", input=password
        )
    error = json.loads(outcome.err)["error"]
    assert (outcome.status, outcome.out, error["code"]) == (7, "", "rejected_by_receiver")
    assert error["message"] == "Not on a Sunday."
    assert re.fullmatch(r"The receiver \S+veto of user_pre_register refused it\.", error["hint"])
    assert cli("user", "exists", "alice").status == 5


def test_a_crash_of_a_receiver_with_the_session_is_exit_1(cli: Cli, password: str) -> None:
    def crash(_sender: Any, **_arguments: Any) -> None:
        raise ZeroDivisionError("\x1b[31mred")

    command = ("user", "register", "alice", "--email", "a@example.org", "--password-stdin")
    with receiving(signals.user_registered, crash):
        plain = cli(*command, input=password)
        debugged = cli(*command, "--debug", input=password)
    message = plain.err.splitlines()
    assert (plain.status, plain.out, debugged.status) == (1, "", 1)
    assert message[0].startswith("error: The receiver ")
    assert message[0].endswith(" of user_registered failed: ZeroDivisionError: \\x1b[31mred")
    assert message[1].strip() == "Nothing was changed, because the receiver's own changes may be incomplete."
    assert len(message) == 2
    assert debugged.err.startswith("Traceback (most recent call last):\n")
    assert debugged.err.endswith("\n".join(message) + "\n")
    assert "\x1b" not in debugged.err
    assert cli("user", "exists", "alice").status == 5


def test_an_unexpected_exception_is_exit_1_and_called_a_bug(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: Any, **_options: Any) -> None:
        raise RuntimeError("no rule for this")

    monkeypatch.setattr("lback_cli.managers.directory.Directory.find_user", broken)
    assert cli("user", "show", "alice") == (
        1,
        "",
        "error: RuntimeError: no rule for this\n       This is a bug in lback. Use --debug to see the traceback.\n",
    )
