import json

import lback_company_domain  # noqa: F401 - connects its receivers
import pytest

from lback_cli import OperationRejected
from lback_cli.errors import AuthenticationFailed

pytest_plugins = ["lback_cli.testing.fixtures"]


def test_address_of_another_domain_is_refused(sandbox):
    with pytest.raises(OperationRejected, match="eve needs an address at"):
        sandbox.register("eve", "eve@example.com")
    assert sandbox.signals.names[-1] == "user_registration_failed"
    assert not sandbox.directory.exists("eve")


def test_address_of_the_company_is_accepted(sandbox):
    sandbox.register("alice")
    assert [mail["To"] for mail in sandbox.mails] == ["alice@example.org"]
    assert sandbox.signals.failures == []


def test_failed_login_is_logged(sandbox, tmp_path, monkeypatch):
    monkeypatch.setenv("FAILED_LOGINS", str(tmp_path / "failed"))
    with pytest.raises(AuthenticationFailed):
        sandbox.users.authenticate_user("mallory\n", "guess")
    logged = json.loads((tmp_path / "failed").read_text())
    assert logged == {
        "operation": sandbox.signals.deliveries[-1].operation_id,
        "username": "mallory\n",
        "reason": "user_not_found",
    }
