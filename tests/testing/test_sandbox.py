"""The sandbox and the recorder for tests of receivers, and the example plugin."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lback_cli.errors import AuthenticationFailed, OperationRejected, SignalNotFound
from lback_cli.settings.schema import UserSettings
from lback_cli.signals import user_pre_register
from lback_cli.testing import Sandbox, SignalRecorder
from lback_cli.testing.sandbox import PASSWORD

pytest_plugins = ["lback_cli.testing.fixtures"]

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "lback-company-domain"
REGISTRATION = [
    "user_registration_started",
    "user_pre_register",
    "user_email_verification_initiated",
    "user_registered",
]


def no(_sender: Any, **_arguments: Any) -> None:
    raise OperationRejected("no")


def test_sandbox_runs_real_operations(sandbox: Sandbox) -> None:
    alice = sandbox.register("Alice", groups=())
    sandbox.users.authenticate_user("alice", PASSWORD, allow_unverified=True)

    assert (alice.id, alice.username, alice.email) == (1, "alice", "alice@example.org")
    assert sandbox.directory.exists("alice")
    assert [mail["To"] for mail in sandbox.mails] == ["alice@example.org"]
    token = re.search(r"token=([\w-]{43})", sandbox.mails[0].get_body(("plain",)).get_content())  # type: ignore[union-attr]
    assert token is not None
    assert sandbox.users.verify_user_email(token[1]).is_email_verified
    assert sandbox.signals.names == [
        *REGISTRATION,
        "user_authentication_started",
        "user_authenticated",
        "user_email_verification_successful",
    ]
    assert sandbox.events.verify().events == 4, "the three operations and the creation of the default group"


def test_sandboxes_are_independent(sandbox: Sandbox) -> None:
    with Sandbox(users=UserSettings(default_group="staff")) as other:
        assert [group.name for group in other.register("alice").groups] == ["staff"]
        assert other.signals.names == REGISTRATION
    assert sandbox.signals.names == []
    assert not sandbox.directory.exists("alice")


def test_sandbox_writes_no_files(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    sandbox.register("alice")
    assert list(tmp_path.iterdir()) == []


def test_recorder_has_arguments_and_failures(sandbox: Sandbox) -> None:
    with user_pre_register.connected_to(no), pytest.raises(OperationRejected):
        sandbox.register("eve")
    assert sandbox.signals.names == ["user_registration_started", "user_pre_register", "user_registration_failed"]
    assert sandbox.signals.arguments("user_registration_failed")["error_type"] == "rejected_by_receiver"
    (failure,) = sandbox.signals.failures
    assert (failure.receiver, str(failure.exception)) == (f"{__name__}.no", "no")
    sandbox.signals.clear()
    assert (sandbox.signals.names, sandbox.signals.failures) == ([], [])


def test_recorder_distinguishes_unsent_from_unknown_signals(sandbox: Sandbox) -> None:
    with pytest.raises(AssertionError, match="user_registered was not sent, only nothing"):
        sandbox.signals.arguments("user_registered")
    with pytest.raises(AuthenticationFailed):
        sandbox.users.authenticate_user("nobody", "x")
    with pytest.raises(
        AssertionError,
        match="user_registered was not sent, only user_authentication_started, user_authentication_failed",
    ):
        sandbox.signals.arguments("user_registered")
    with pytest.raises(SignalNotFound):
        sandbox.signals.arguments("user_register")


def test_recorder_of_all_senders_records_while_connected(sandbox: Sandbox) -> None:
    with SignalRecorder() as recorder:
        sandbox.register("alice")
    sandbox.register("bob")
    assert recorder.names == REGISTRATION


# The example of docs/receivers.md


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory into which pip installed the example plugin, without a network."""
    if not EXAMPLE.exists():
        pytest.skip("needs the source tree")
    place = tmp_path_factory.mktemp("example")
    options = ("--no-build-isolation", "--no-deps", "--no-index", "--disable-pip-version-check", "--quiet")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", str(place / "site"), str(EXAMPLE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return place / "site"


def test_example_plugin_passes_its_tests(installed: Path, tmp_path: Path) -> None:
    test = tmp_path / "test_example.py"
    test.write_bytes((EXAMPLE / "test_lback_company_domain.py").read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(test)],
        env={"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_installed_example_plugin_receives_signals_of_the_command(installed: Path, lback: Any) -> None:
    log = lback.directory / "failed"
    variables = {"PYTHONPATH": str(installed), "FAILED_LOGINS": str(log)}
    listed = lback("signals", "list", "--receivers", "-o", "csv", **variables)
    assert listed.out.splitlines()[1:] == [
        (
            "user_pre_register,lback_company_domain.only_our_domain,"
            "entry point 'company-domain' of lback-company-domain 1.0.0"
        ),
        (
            "user_authentication_failed,lback_company_domain.log_for_fail2ban,"
            "entry point 'company-domain' of lback-company-domain 1.0.0"
        ),
    ]

    eve = ("user", "register", "eve", "--email", "eve@example.com", "--generate-password")
    assert lback(*eve, **variables) == (
        7,
        "",
        (
            "error: eve needs an address at example.org.\n       The receiver "
            "lback_company_domain.only_our_domain of user_pre_register refused it.\n"
        ),
    )
    failed = lback("user", "authenticate", "eve", "--password-stdin", input="guess", **variables)
    assert failed.status == 4
    assert '"username": "eve", "reason": "user_not_found"' in log.read_text()
    assert lback(*eve, "--no-receivers", **variables).status == 0


@pytest.mark.skipif(not EXAMPLE.exists(), reason="needs the source tree")
def test_page_shows_the_example_plugin() -> None:
    page = EXAMPLE.parents[1] / "receivers.md"
    for name in ("pyproject.toml", "lback_company_domain.py", "test_lback_company_domain.py"):
        assert (EXAMPLE / name).read_text("utf-8").strip() in page.read_text("utf-8"), name
