"""The trace shows lback's signals and those of the framework's dispatcher."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lback.core.signals import dispatcher

from lback_cli.compat.framework import trace_signals

from .conftest import PASSWORD

Application = Any


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """A stream that the trace is written to, as JSON."""
    monkeypatch.setattr(dispatcher, "send", dispatcher.send)
    stream = io.StringIO()
    trace = trace_signals(stream, format="json")
    yield stream
    trace.disconnect()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_each_signal_is_shown_once(application: Application, stream: io.StringIO) -> None:
    application.call("register_user", "alice", "alice@example.org", PASSWORD)
    dispatcher.send("order_placed", sender=application, order=7, session=application.session())
    dispatcher.send("order_placed", sender=None)
    shown = lines(stream)
    assert [(line["signal"], line["receivers"]) for line in shown] == [
        ("user_registration_started", 1),
        ("user_pre_register", 1),
        ("user_email_verification_initiated", 1),
        ("user_registered", 1),
        ("order_placed", 0),
        ("order_placed", 0),
    ]
    assert [line["args"] for line in shown[-2:]] == [{"order": 7, "session": "Session"}, {}]


def test_framework_without_the_adapter_is_shown_without_its_secrets(
    application: Application, stream: io.StringIO
) -> None:
    from lback.utils.user_manager import UserManager
    from lback.utils.validation import PasswordValidator, ValidationError

    manager = UserManager(application.sender, PasswordValidator())
    session = application.session()
    manager.register_user(session, "alice", "alice@example.org", PASSWORD)
    session.commit()
    manager.update_user(session, 1, {"username": "alicia", "password": PASSWORD + "0"})
    with pytest.raises(ValidationError):
        manager.reset_password(session, "0123456789abcdef", PASSWORD)
    dispatcher.send("csrf_token_generated", sender=manager, session_id="5e1f", csrf_token="8f3c")
    dispatcher.send("server_request_received", headers={"COOKIE": "session_id=5e1f", "HOST": "shop"}, request=object())
    assert PASSWORD not in stream.getvalue()
    shown = {line["signal"]: line["args"] for line in lines(stream)}
    assert shown["user_registered"]["user"] == {"id": 1, "username": "alice", "email": "alice@example.org"}
    assert shown["user_update_started"]["update_data"] == {"username": "alicia", "password": "********"}
    assert shown["password_reset_failed"] == {"token_prefix": "0123456789...", "error_type": "invalid_token"}
    assert shown["csrf_token_generated"] == {"session_id": "********", "csrf_token": "********"}
    assert shown["server_request_received"] == {
        "headers": {"COOKIE": "********", "HOST": "shop"},
        "request": "<object>",
    }


RECEIVERS = """
from lback.core.signals import dispatcher
from lback_cli.compat.framework import forward_signals


def greet(sender, user, session):
    user.auth_token = f"welcome {user.username}"
    dispatcher.send("greeted", sender=sender, name=user.username)


dispatcher.connect("user_registered", greet)
forward_signals()
"""


def test_receivers_of_the_application_hear_what_the_command_does(
    database: Path, tmp_path: Path, application: Application
) -> None:
    (tmp_path / "shop_receivers.py").write_text(RECEIVERS)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "lback_cli", "user", "register", "alice", "--email", "alice@example.org"),
            *("--generate-password", "--trace-signals", "--database-url", f"sqlite:///{database}"),
        ],
        env={
            "HOME": str(tmp_path),
            "PYTHONPATH": str(tmp_path),
            "LBACK_RECEIVERS_MODULES": "shop_receivers",
            "LBACK_COMPAT_LBACK_FRAMEWORK": "true",
            "PATH": "/usr/bin:/bin",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (alice,) = application.call("get_all_users")
    assert (alice.username, alice.auth_token) == ("alice", "welcome alice")
    assert "user_registered" in done.stderr
    assert "greeted" in done.stderr
    assert "name=alice" in done.stderr
