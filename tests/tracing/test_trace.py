"""The trace of real operations on real streams: files, pipes and pseudo-terminals."""

# ruff: noqa: E501 - expected lines are as long as the trace writes them

import contextlib
import fcntl
import gc
import io
import json
import logging
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from blinker import ANY
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from sqlalchemy import event
from sqlalchemy.orm import Session

from lback_cli import signals
from lback_cli.errors import LbackError, OperationRejected
from lback_cli.managers.user_manager import UserManager
from lback_cli.models import User
from lback_cli.settings import DatabaseSettings, EmailSettings, PasswordSettings, Settings
from lback_cli.signals import CATALOGUE, Delivery, delivered
from lback_cli.text.escaping import safe
from lback_cli.tracing.trace import Trace
from lback_cli.tracing.values import as_text
from tests.user_results import UNSET_CHANGES

PASSWORD = "correct horse battery staple"
HOSTILE = "[red]\x1b[31mEve\x07\n\r\x9b2J\u202egro\u200b[/red]\ud800"
HOSTILE_SHOWN = r"[red]\x1b[31mEve\x07\x0a\x0d\x9b2J\u202egro\u200b[/red]\ud800"


# Helpers


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture(autouse=True)
def _no_receiver_is_left() -> Iterator[None]:
    yield
    for signal in [delivered, *(spec.signal for spec in CATALOGUE.values())]:
        for receiver in list(signal.receivers_for(ANY)):
            signal.disconnect(receiver)


def new_manager(directory: Path) -> UserManager:
    return UserManager.from_settings(
        Settings(
            database=DatabaseSettings(url="sqlite://"),
            email=EmailSettings(directory=directory),
            password=PasswordSettings(memory=19456, iterations=2, parallelism=1),
        )
    )


@pytest.fixture
def manager(tmp_path: Path) -> UserManager:
    return new_manager(tmp_path)


@pytest.fixture(scope="module")
def empty_manager(tmp_path_factory: pytest.TempPathFactory) -> UserManager:
    """A manager shared by all examples of a property that registers no user."""
    return new_manager(tmp_path_factory.mktemp("mail"))


class Terminal:
    """A pseudo-terminal of *columns*. `stream` writes to it, and `close` returns what was written."""

    def __init__(self, columns: int, encoding: str = "utf-8") -> None:
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.stream = os.fdopen(slave, "w", encoding=encoding)
        self._read: list[bytes] = []
        self._thread = threading.Thread(target=self._pump)
        self._thread.start()

    def _pump(self) -> None:
        try:
            while data := os.read(self._master, 65536):
                self._read.append(data)
        except OSError:  # the other end is closed
            pass

    def close(self) -> str:
        self.stream.close()
        self._thread.join()
        os.close(self._master)
        return b"".join(self._read).decode()


def on_terminal(columns: int, run: Callable[[], object], *, color: bool | None = None, encoding: str = "utf-8") -> str:
    """Return the trace of *run* on a terminal."""
    terminal = Terminal(columns, encoding)
    try:
        with Trace(terminal.stream, color=color):
            run()
    finally:
        shown = terminal.close()
    return shown


def in_file(run: Callable[[], object], encoding: str = "utf-8") -> str:
    """Return the trace of *run* in a file."""
    binary = io.BytesIO()
    stream = io.TextIOWrapper(binary, encoding=encoding, newline="\n")
    with Trace(stream):
        run()
    return binary.getvalue().decode(encoding)


def as_json(run: Callable[[], object]) -> list[dict[str, Any]]:
    """Return the objects of the JSON trace of *run*, one from each line."""
    stream = io.StringIO()
    with Trace(stream, format="json"):
        run()
    return [json.loads(line) for line in stream.getvalue().split("\n")[:-1]]


def refused(operation: Callable[..., object], *arguments: Any, **options: Any) -> None:
    with pytest.raises(LbackError):
        operation(*arguments, **options)


def masked(text: str) -> str:
    """Return *text* with every time as +0.000s, every date as DATE, and the ids of operations numbered."""
    numbers: dict[str, str] = {}

    def number(match: re.Match[str]) -> str:
        return numbers.setdefault(match[0], f"id-{len(numbers) + 1}")

    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d", "DATE", re.sub(r"\+\d\.\d{3}s", "+0.000s", text))
    return re.sub(r"(?<=[a-z ] )[0-9a-f]{8}(?= |$)", number, text, flags=re.MULTILINE)


def without_ansi(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def block(text: str) -> str:
    return dedent(text).removeprefix("\n")


def delivery_of(name: str, *, role: Any = "progress", elapsed: float = 0, **arguments: Any) -> Delivery:
    """Return a delivery whose arguments are None, except *arguments*."""
    spec = CATALOGUE[name]
    began = datetime.now(UTC)
    return Delivery(
        operation="register_user",
        operation_id="0123456789abcdef0123456789abcdef",
        seq=1,
        time=began + timedelta(seconds=elapsed),
        began=began,
        spec=spec,
        role=role,
        sender=None,
        arguments={argument.name: arguments.get(argument.name) for argument in spec.arguments},
        receivers=0,
        failures=[],
    )


# Files and pipes


def test_file_has_a_header_for_each_operation_and_a_line_for_each_signal(manager: UserManager) -> None:
    def run() -> None:
        manager.register_user("Alice", "Alice@Example.org", PASSWORD)
        refused(manager.register_user, "ALICE", "x@example.org", PASSWORD)
        refused(manager.update_user, 1, {"password": PASSWORD, "is_active": False, "add_groups": ["night shift"]})
        refused(manager.delete_user, 2)

    assert masked(in_file(run)) == block("""
        register_user id-1 DATE
           +0.000s ▸ user_registration_started           username=Alice  email=Alice@Example.org
           +0.000s • user_pre_register                   username=alice  email=alice@example.org
           +0.000s • user_email_verification_initiated   user=alice (id 1)
           +0.000s ✓ user_registered                     user=alice (id 1)
        register_user id-2 DATE
           +0.000s ▸ user_registration_started           username=ALICE  email=x@example.org
           +0.000s ✗ user_registration_failed            username=ALICE  email=x@example.org  error_type=validation_error  error_message="The user name 'alice' is taken."
        update_user id-3 DATE
           +0.000s ▸ user_update_started                 user_id=1  update_data={password=********, is_active=False, add_groups=["night shift"]}
           +0.000s ✗ user_update_failed                  user_id=1  update_data={password=********, is_active=False, add_groups=["night shift"]}  error_type=validation_error  user=alice (id 1)
        delete_user id-4 DATE
           +0.000s ▸ user_deletion_started               user_id=2
           +0.000s ✗ user_deletion_failed                user_id=2  error_type=user_not_found
    """)


def test_receivers_are_counted_and_failures_have_a_line_each(manager: UserManager) -> None:
    def fails(_sender: Any, **_arguments: Any) -> None:
        raise ValueError("boom")

    def works(_sender: Any, **_arguments: Any) -> None:
        pass

    for receiver in (fails, works):
        signals.user_deletion_started.connect(receiver)
    signals.user_deletion_failed.connect(works)

    prefix = f"{__name__}.test_receivers_are_counted_and_failures_have_a_line_each.<locals>"
    assert masked(in_file(lambda: refused(manager.delete_user, 7))) == block(f"""
        delete_user id-1 DATE
           +0.000s ▸ user_deletion_started               user_id=7
                     2 receivers
                   ! receiver {prefix}.fails failed: ValueError: boom
           +0.000s ✗ user_deletion_failed                user_id=7  error_type=user_not_found
                     1 receiver
    """)


def test_inner_operation_is_indented_and_outer_one_repeated(manager: UserManager) -> None:
    def activate(sender: UserManager, user: User, session: Session, **_extra: Any) -> None:
        sender.update_user(user.id, {"is_email_verified": True}, session=session)

    signals.user_registered.connect(activate)

    assert masked(in_file(lambda: manager.register_user("alice", "alice@example.org", PASSWORD))) == block("""
        register_user id-1 DATE
           +0.000s ▸ user_registration_started           username=alice  email=alice@example.org
           +0.000s • user_pre_register                   username=alice  email=alice@example.org
           +0.000s • user_email_verification_initiated   user=alice (id 1)
          update_user id-2 DATE
             +0.000s ▸ user_update_started                 user_id=1  update_data={is_email_verified=True}
             +0.000s • user_email_verification_successful  user=alice (id 1)  reason=set_by_administrator
             +0.000s ✓ user_updated                        user=alice (id 1)
        register_user id-1 DATE continued
           +0.000s ✓ user_registered                     user=alice (id 1)
                     1 receiver
    """)


def refuse_to_commit(_sender: Any, session: Session, **_extra: Any) -> None:
    """A receiver that makes the commit fail."""

    def fail(_session: Session) -> None:
        raise RuntimeError("the disk is full")

    event.listen(session, "before_commit", fail)


def test_failure_after_success_stays_in_its_operation(manager: UserManager) -> None:
    signals.user_registered.connect(refuse_to_commit)

    lines = masked(in_file(lambda: refused(manager.register_user, "alice", "alice@example.org", PASSWORD))).splitlines()

    assert lines[-3:] == [
        "   +0.000s ✓ user_registered                     user=alice (id 1)",
        "             1 receiver",
        "   +0.000s ✗ user_registration_failed            username=alice  email=alice@example.org  error_type=unexpected_exception  exception=RuntimeError: the disk is full",
    ]
    assert [line for line in lines if not line.startswith(" ")] == ["register_user id-1 DATE"]


def test_encoding_without_the_symbols_gets_ascii_symbols(manager: UserManager) -> None:
    def run() -> None:
        manager.register_user("zoe", "zoe@example.org", PASSWORD, verified=True)
        refused(manager.reset_password_request, "é" * 300)

    shown = r"\xe9" * 199
    assert masked(in_file(run, encoding="ascii")) == block(rf"""
        register_user id-1 DATE
           +0.000s > user_registration_started           username=zoe  email=zoe@example.org
           +0.000s - user_pre_register                   username=zoe  email=zoe@example.org
           +0.000s - user_email_verification_successful  user=zoe (id 1)  reason=set_by_administrator
           +0.000s + user_registered                     user=zoe (id 1)
        reset_password_request id-2 DATE
           +0.000s > password_reset_request_started      email={shown}...
           +0.000s x password_reset_request_failed       email={shown}...  error_type=user_not_found
    """)


# Terminals


def story_on_terminal(directory: Path, columns: int, *, color: bool | None = False) -> str:
    """Return the trace of an inner operation, a failing receiver and a failed operation on a terminal."""
    manager = new_manager(directory)

    def activate(sender: UserManager, user: User, session: Session, **_extra: Any) -> None:
        sender.update_user(user.id, {"is_email_verified": True}, session=session)

    def fails(_sender: Any, **_arguments: Any) -> None:
        raise ValueError("a reason that is long enough to need more than a single line on a terminal of 80 columns")

    def run() -> None:
        manager.register_user("alice", "alice@example.org", PASSWORD)
        refused(manager.register_user, "Alice", "alice@example.org", PASSWORD)

    fails.__qualname__, fails.__module__ = "welcome", "plugin"
    with (
        signals.user_registered.connected_to(activate),
        signals.user_email_verification_initiated.connected_to(fails),
    ):
        return on_terminal(columns, run, color=color)


def test_terminal_of_80_columns_has_rails_and_wraps(tmp_path: Path) -> None:
    assert masked(story_on_terminal(tmp_path, 80)) == block("""
        ╭ register_user id-1
        │  +0.000s ▸ user_registration_started  username=alice  email=alice@example.org
        │  +0.000s • user_pre_register  username=alice  email=alice@example.org
        │  +0.000s • user_email_verification_initiated  user=alice (id 1)
        │            1 receiver
        │          ! receiver plugin.welcome failed: ValueError: a reason that is long
        │              enough to need more than a single line on a terminal of 80
        │              columns
        │ ╭ update_user id-2
        │ │  +0.000s ▸ user_update_started  user_id=1
        │ │              update_data={is_email_verified=True}
        │ │  +0.000s • user_email_verification_successful  user=alice (id 1)
        │ │              reason=set_by_administrator
        │ ╰  +0.000s ✓ user_updated  user=alice (id 1)
        ├ register_user id-1 continued
        │  +0.000s ✓ user_registered  user=alice (id 1)
        ╰            1 receiver
        ╭ register_user id-3
        │  +0.000s ▸ user_registration_started  username=Alice  email=alice@example.org
        │  +0.000s ✗ user_registration_failed  username=Alice  email=alice@example.org
        │              error_type=validation_error
        ╰              error_message="The user name 'alice' is taken."
    """)


def test_wide_terminal_has_a_column_of_arguments(manager: UserManager) -> None:
    shown = on_terminal(
        120, lambda: refused(manager.register_user, "al ice", "alice@example.org", PASSWORD), color=False
    )

    assert masked(shown) == block("""
        ╭ register_user id-1
        │  +0.000s ▸ user_registration_started           username="al ice"  email=alice@example.org
        │  +0.000s ✗ user_registration_failed            username="al ice"  email=alice@example.org  error_type=validation_error
        ╰                                                error_message="The user name 'al ice' is not allowed."
    """)


def test_wrapped_argument_is_indented_and_ends_its_row(manager: UserManager) -> None:
    long = " ".join(["seven77"] * 12)
    shown = on_terminal(
        80, lambda: refused(manager.update_user, 9, {"username": long, "email": "字" * 60}), color=False
    )

    assert masked(shown) == block("""
        ╭ update_user id-1
        │  +0.000s ▸ user_update_started  user_id=9
        │              update_data={username="seven77 seven77 seven77 seven77 seven77
        │                seven77 seven77 seven77 seven77 seven77 seven77 seven77",
        │                email=字字字字字字字字字字字字字字字字字字字字字字字字字字字字
        │                字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字
        │                字}
        │  +0.000s ✗ user_update_failed  user_id=9
        │              update_data={username="seven77 seven77 seven77 seven77 seven77
        │                seven77 seven77 seven77 seven77 seven77 seven77 seven77",
        │                email=字字字字字字字字字字字字字字字字字字字字字字字字字字字字
        │                字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字
        │                字}
        ╰              error_type=user_not_found
    """)


def test_rail_continues_after_a_vetoed_success(manager: UserManager) -> None:
    def veto(_sender: Any, **_arguments: Any) -> None:
        raise OperationRejected("not on a Sunday")

    veto.__qualname__, veto.__module__ = "calendar", "plugin"
    signals.user_registered.connect(veto)
    shown = on_terminal(
        100, lambda: refused(manager.register_user, "bob", "bob@example.org", PASSWORD, verified=True), color=False
    )

    assert masked(shown) == block("""
        ╭ register_user id-1
        │  +0.000s ▸ user_registration_started  username=bob  email=bob@example.org
        │  +0.000s • user_pre_register  username=bob  email=bob@example.org
        │  +0.000s • user_email_verification_successful  user=bob (id 1)  reason=set_by_administrator
        │  +0.000s ✓ user_registered  user=bob (id 1)
        │            1 receiver
        │          ! receiver plugin.calendar refused: not on a Sunday
        │  +0.000s ✗ user_registration_failed  username=bob  email=bob@example.org
        ╰              error_type=rejected_by_receiver  error_message="not on a Sunday"
    """)


def test_colour_adds_only_escapes_and_differs_by_role(tmp_path: Path) -> None:
    colored = story_on_terminal(tmp_path, 80, color=None)
    uncolored = story_on_terminal(tmp_path, 80)

    styles = {symbol: code for code, symbol in re.findall(r"\x1b\[([0-9;]+)m *([▸•✓✗!]) ", colored)}
    cyan, magenta, green, bold_red = "36", "35", "32", "1;31"
    assert masked(without_ansi(colored)) == masked(uncolored)
    assert styles == {"▸": cyan, "•": magenta, "✓": green, "✗": bold_red, "!": bold_red}


@pytest.mark.parametrize("columns", [10, 30, 50, 79, 81, 109, 110, 111, 200])
def test_wrapping_keeps_all_text_within_the_width(tmp_path: Path, columns: int) -> None:
    unwrapped = story_on_terminal(tmp_path, 1000)
    shown = story_on_terminal(tmp_path, columns)

    assert re.sub(r"[╭├│╰\s]", "", masked(shown)) == re.sub(r"[╭├│╰\s]", "", masked(unwrapped))
    assert columns < 50 or max(map(cell_len, shown.splitlines())) <= columns


@pytest.mark.parametrize(
    ("environment", "terminal", "colored"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True, True),
    ],
)
def test_environment_and_stream_decide_about_colour(
    manager: UserManager, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], terminal: bool, colored: bool
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run() -> None:
        refused(manager.delete_user, 1)

    assert ("\x1b" in (on_terminal(80, run) if terminal else in_file(run))) is colored


def test_forced_colour_in_a_pipe_does_not_wrap(manager: UserManager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")

    shown = without_ansi(in_file(lambda: refused(manager.update_user, 1, {"username": "x " * 50})))

    assert len(shown.splitlines()) == 3
    assert len(shown.splitlines()[1]) > 130


# Values


def test_hostile_name_is_escaped(manager: UserManager) -> None:
    def run() -> None:
        refused(manager.reset_password_request, HOSTILE)

    file = in_file(run)
    terminal = on_terminal(200, run, color=True)
    lines = as_json(run)

    assert f'email="{HOSTILE_SHOWN}"' in file
    assert f'email="{HOSTILE_SHOWN}"' in without_ansi(terminal).replace("\x1b", "ESC")
    # JSON text cannot hold a lone surrogate, so it is an escape.
    shown = HOSTILE.replace("\ud800", "\\ud800")
    assert [line["args"]["email"] for line in lines] == [shown, shown]


def test_hostile_message_of_a_receiver_is_escaped(manager: UserManager) -> None:
    def fails(_sender: Any, **_arguments: Any) -> None:
        raise OperationRejected(HOSTILE)

    fails.__qualname__, fails.__module__ = "\x1b[2J[b]evil", "plugin"
    signals.user_deletion_started.connect(fails)

    shown = in_file(lambda: refused(manager.delete_user, 1)).splitlines()[3]

    assert shown.strip() == (rf"! receiver plugin.\x1b[2J[b]evil refused: {HOSTILE_SHOWN}".replace(r"\x0a", " "))


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.binary(max_size=20)
    | st.text(max_size=300)
    | st.text(alphabet=st.characters(categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9) | st.integers(), inner, max_size=5),
    max_leaves=8,
)
update_data = st.dictionaries(st.text(max_size=20), anything, max_size=4)


@given(email=st.text(), data=update_data)
def test_any_values_give_one_ascii_line_of_json_for_each_signal(
    empty_manager: UserManager, email: str, data: dict[str, Any]
) -> None:
    stream = io.StringIO()
    with Trace(stream, format="json"):
        refused(empty_manager.reset_password_request, email)
        refused(empty_manager.update_user, 1, data)

    assert stream.getvalue().isascii()
    lines = [json.loads(line, parse_constant=pytest.fail) for line in stream.getvalue().splitlines()]
    assert [line["signal"] for line in lines] == [
        "password_reset_request_started",
        "password_reset_request_failed",
        "user_update_started",
        "user_update_failed",
    ]
    assert lines[0]["args"] == {"email": email}


@given(email=st.text(), data=update_data)
def test_any_values_give_one_safe_line_in_a_file_for_each_signal(
    empty_manager: UserManager, email: str, data: dict[str, Any]
) -> None:
    def run() -> None:
        refused(empty_manager.reset_password_request, email)
        refused(empty_manager.update_user, 1, data)

    lines = in_file(run).split("\n")

    assert len(lines) == 7
    assert [line for line in lines if line != safe(line)] == []


@given(data=update_data)
def test_any_values_give_safe_lines_within_the_width_of_a_terminal(
    empty_manager: UserManager, data: dict[str, Any]
) -> None:
    shown = on_terminal(80, lambda: refused(empty_manager.update_user, 1, data), color=False)

    assert [line for line in shown.split("\n") if line != safe(line) or cell_len(line) > 80] == []


def test_long_values_are_cut_in_both_formats(manager: UserManager) -> None:
    def run() -> None:
        refused(manager.update_user, 1, {"username": "x" * 5000, "add_groups": [str(n) for n in range(5000)]})

    shown = in_file(run).splitlines()[1]
    data = as_json(run)[0]["args"]["update_data"]

    assert shown.endswith("update_data={username=" + "x" * 189 + "…")
    assert data == {"username": "x" * 1999 + "…", "add_groups": [*(str(n) for n in range(100)), "…"]}


def test_ambiguous_text_is_quoted() -> None:
    data = {"a": "None", "b": None, "c": "", "d": 'x"  error_type=y', "e": "plain", "f": b"\xff", "g": {"z", "y"}}

    assert as_text(data) == r"""{a="None", b=None, c="", d="x\"  error_type=y", e=plain, f=b'\xff', g=[y, z]}"""


# JSON


def test_json_has_every_key_in_order(manager: UserManager) -> None:
    def fails(_sender: Any, **_arguments: Any) -> None:
        raise ValueError("boom")

    fails.__qualname__, fails.__module__ = "welcome", "plugin"
    signals.user_email_verification_initiated.connect(fails)
    stream = io.StringIO()
    with Trace(stream, format="json"):
        manager.register_user("Alice", "Alice@Example.org", PASSWORD)

    lines = stream.getvalue().splitlines()
    objects = [json.loads(line) for line in lines]
    alice = {"id": 1, "username": "alice", "email": "alice@example.org"}
    given_names = {"username": "Alice", "email": "Alice@Example.org"}
    canonical = {"username": "alice", "email": "alice@example.org"}
    errors = [{"receiver": "plugin.welcome", "type": "ValueError", "message": "boom"}]
    expected = [
        {"seq": 1, "signal": "user_registration_started", "args": given_names, "receivers": 0},
        {"seq": 2, "signal": "user_pre_register", "args": canonical, "receivers": 0},
        {
            "seq": 3,
            "signal": "user_email_verification_initiated",
            "args": {"user": alice},
            "receivers": 1,
            "receiver_errors": errors,
        },
        {
            "seq": 4,
            "signal": "user_registered",
            "args": {"user": alice, "session": "Session"},
            "receivers": 0,
            "changes": {
                "username": {"to": "alice"},
                "email": {"to": "alice@example.org"},
                **UNSET_CHANGES,
                "is_active": {"to": True},
                "is_email_verified": {"to": False},
                "created_at": objects[3]["changes"]["created_at"],
                "groups": {"added": ["basic_user"], "removed": []},
                "password": "set",
            },
        },
    ]
    identity = objects[0]["operation_id"]
    assert [{k: v for k, v in line.items() if k != "time"} for line in objects] == [
        {"operation_id": identity, "sender": "UserManager", **line} for line in expected
    ]
    keys = ["time", "operation_id", "seq", "signal", "sender", "args", "receivers"]
    assert [list(line) for line in objects] == [
        keys,
        keys,
        [*keys, "receiver_errors"],
        [*keys[:-1], "changes", "receivers"],
    ]
    assert re.fullmatch(r"[0-9a-f]{32}", identity)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["time"]) for line in objects)
    assert lines == [json.dumps(line, separators=(",", ":")) for line in objects]


def test_json_has_exceptions_by_type_and_message_and_no_password(manager: UserManager) -> None:
    manager.register_user("alice", "alice@example.org", PASSWORD)
    signals.user_updated.connect(refuse_to_commit)

    lines = as_json(
        lambda: refused(
            manager.update_user, 1, {"password": "another " + PASSWORD, "is_active": True, "username": None}
        )
    )

    update = {"password": "********", "is_active": True, "username": None}
    assert [line["args"] for line in lines] == [
        {"user_id": 1, "update_data": update},
        {"user": {"id": 1, "username": "alice", "email": "alice@example.org"}, "session": "Session"},
        {
            "user_id": 1,
            "update_data": update,
            "error_type": "unexpected_exception",
            "exception": {"type": "RuntimeError", "message": "the disk is full"},
            "user": {"id": 1, "username": "alice", "email": "alice@example.org"},
        },
    ]


# Times


def test_times_count_from_the_beginning_of_the_operation() -> None:
    stream = io.StringIO()
    with Trace(stream):
        delivered.send(None, delivery=delivery_of("user_pre_register", elapsed=200.25))
        delivered.send(None, delivery=delivery_of("user_pre_register", elapsed=-86400))  # the clock was changed

    assert re.findall(r"\+(\d+\.\d{3})s", stream.getvalue()) == ["200.250", "0.000"]


# A trace that must not affect the operation


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_unloaded_user_is_shown_without_a_query(manager: UserManager) -> None:
    user = manager.register_user("alice", "alice@example.org", PASSWORD)
    session = Session()
    session.add(user)
    session.expire(user)

    def run() -> None:
        delivered.send(None, delivery=delivery_of("user_registered", user=user))
        session.expunge(user)
        delivered.send(None, delivery=delivery_of("user_registered", user=user))
        delivered.send(None, delivery=delivery_of("user_registered", user=User(username="bob")))
        delivered.send(None, delivery=delivery_of("user_registered", user=User()))

    # The session has no database, so any attempt to load would raise.
    assert re.findall(r"user=(.*)", in_file(run)) == ["id 1", "id 1", "bob", "User"]
    session.add(user)
    assert [line["args"]["user"] for line in as_json(run)] == [
        {"id": 1, "username": None, "email": None},
        {"id": 1, "username": None, "email": None},
        {"id": None, "username": "bob", "email": None},
        {"id": None, "username": None, "email": None},
    ]


def test_value_whose_str_fails_is_shown_by_its_type() -> None:
    def run() -> None:
        delivered.send(
            None, delivery=delivery_of("user_registration_failed", exception=UnprintableError(), username=10**5000)
        )

    assert re.findall(r"username=(\S+)", in_file(run)) == ["<int>"]
    assert in_file(run).endswith("exception=UnprintableError: <UnprintableError>\n")
    assert as_json(run)[0]["args"]["exception"] == {"type": "UnprintableError", "message": "<UnprintableError>"}


@pytest.mark.parametrize("form", ["rich", "json"])
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/dev/null", "ValueError: I/O operation on closed file"),
        ("/dev/full", "OSError: [Errno 28] No space left on device"),
    ],
)
def test_failing_stream_ends_the_trace_with_one_warning(
    manager: UserManager, caplog: pytest.LogCaptureFixture, path: str, reason: str, form: Any
) -> None:
    stream = Path(path).open("w", encoding="utf-8")  # noqa: SIM115 - closing a full device raises
    if path == "/dev/null":
        stream.close()
    Trace(stream, format=form).connect()

    user = manager.register_user("alice", "alice@example.org", PASSWORD)
    with contextlib.suppress(OSError):
        stream.close()

    assert user.username == "alice"
    assert [(name, level, text.rstrip(".")) for name, level, text in caplog.record_tuples] == [
        ("lback_cli.receivers", logging.WARNING, f"The signal trace stops because it cannot be written: {reason}")
    ]
    assert not delivered.receivers


@pytest.mark.parametrize("color", [True, False])
def test_closed_pipe_ends_only_the_trace(
    manager: UserManager, caplog: pytest.LogCaptureFixture, *, color: bool
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w", encoding="utf-8")
    Trace(stream, color=color).connect()

    user = manager.register_user("alice", "alice@example.org", PASSWORD)
    with contextlib.suppress(OSError):
        stream.close()

    assert user.username == "alice"
    assert caplog.messages == [
        "The signal trace stops because it cannot be written: BrokenPipeError: [Errno 32] Broken pipe"
    ]


def run_python(code: str) -> str:
    """Run *code*, which must succeed, and return its output."""
    done = subprocess.run([sys.executable, "-c", dedent(code)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


SEND = """
import sys
from datetime import UTC, datetime
from lback_cli.tracing.trace import Trace
from lback_cli.signals import CATALOGUE, Delivery, delivered

def send():
    spec = CATALOGUE["user_deletion_started"]
    now = datetime.now(UTC)
    delivery = Delivery("delete_user", "0" * 32, 1, now, spec, "started", None, {"user_id": 1}, 0, [], began=now)
    delivered.send(None, delivery=delivery)
"""


@pytest.mark.parametrize("form", ["rich", "json"])
def test_closed_stderr_does_not_affect_the_operation(form: str) -> None:
    assert (
        run_python(f"{SEND}\nsys.stderr.close()\nTrace(sys.stderr, format={form!r}).connect()\nsend()\nprint(1)")
        == "1\n"
    )


@pytest.mark.parametrize("form", ["rich", "json"])
def test_rich_is_imported_only_for_a_terminal(form: str) -> None:
    code = f"{SEND}\nTrace(open('/dev/null', 'w'), format={form!r}).connect()\nsend()\nprint('rich' in sys.modules)"
    assert run_python(code) == "False\n"


# Connecting


def test_connected_trace_is_held_until_it_is_disconnected(manager: UserManager) -> None:
    stream = io.StringIO()
    Trace(stream).connect()
    gc.collect()
    refused(manager.delete_user, 1)
    assert len(stream.getvalue().splitlines()) == 3

    other = io.StringIO()
    trace = Trace(other)
    trace.connect()
    trace.connect()
    refused(manager.delete_user, 1)
    trace.disconnect()
    trace.disconnect()
    refused(manager.delete_user, 1)
    assert len(stream.getvalue().splitlines()) == 9
    assert len(other.getvalue().splitlines()) == 3


def test_each_signal_is_flushed_at_once(manager: UserManager, tmp_path: Path) -> None:
    path = tmp_path / "trace"
    seen: list[int] = []

    def look(_sender: Any, **_arguments: Any) -> None:
        seen.append(len(path.read_text("utf-8").splitlines()))

    signals.user_deletion_failed.connect(look)
    with path.open("w", encoding="utf-8") as stream, Trace(stream):
        refused(manager.delete_user, 1)

    assert seen == [2]


def test_muted_terminal_signals_do_not_indent_without_limit(manager: UserManager) -> None:
    def run() -> None:
        with signals.user_deletion_failed.muted():
            for _ in range(20):
                refused(manager.delete_user, 1)

    assert max(len(line) - len(line.lstrip()) for line in in_file(run).splitlines()) == 2 * 6 + 3
