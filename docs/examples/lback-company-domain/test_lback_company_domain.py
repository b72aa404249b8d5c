import json

import lback_company_domain  # noqa: F401 - connects its receivers
import pytest

from lback_cli import OperationRejected
from lback_cli.errors import AuthenticationFailed

pytest_plugins = ["lback_cli.testing.fixtures"]


def test_strangers_are_refused(sandbox):
    with pytest.raises(OperationRejected, match="eve needs an address at"):
        sandbox.register("eve", "eve@example.com")
    assert sandbox.signals.names[-1] == "user_registration_failed"
    assert not sandbox.directory.exists("eve")


def test_colleagues_are_not(sandbox):
    sandbox.register("alice")
    assert [mail["To"] for mail in sandbox.mails] == ["alice@example.org"]
    assert sandbox.signals.failures == []


def test_a_failed_login_is_told(sandbox, tmp_path, monkeypatch):
    monkeypatch.setenv("FAILED_LOGINS", str(tmp_path / "failed"))
    with pytest.raises(AuthenticationFailed):
        sandbox.users.authenticate_user("mallory\n", "guess")
    told = json.loads((tmp_path / "failed").read_text())
    assert told == {
        "operation": sandbox.signals.deliveries[-1].operation_id,
        "username": "mallory\n",
        "reason": "user_not_found",
    }
