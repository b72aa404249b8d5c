"""The framework's ``UserManager`` on lback: signatures, results, exceptions and signals are the framework's."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from lback.models.adminuser import AdminUser
from lback.models.user import Group, User
from lback.utils.user_manager import UserManager as FrameworkManager
from lback.utils.validation import ValidationError
from sqlalchemy import text

from lback_cli import OperationRejected
from lback_cli.compat.framework import UserManager

from .conftest import PASSWORD

Application = Any


@pytest.fixture
def alice(application: Application) -> Application:
    """An application with one user, alice, whose address is verified."""
    application.call("register_user", "alice", "alice@example.org", PASSWORD)
    application.call("verify_user_email", application.sender.token)
    application.heard.clear()
    return application


@pytest.mark.parametrize("name", [name for name in vars(UserManager) if not name.startswith("_")])
def test_signature_is_the_frameworks(name: str) -> None:
    own, framework = inspect.signature(getattr(UserManager, name)), inspect.signature(getattr(FrameworkManager, name))
    assert [(p.name, p.kind, p.default) for p in own.parameters.values()] == [
        (p.name, p.kind, p.default) for p in framework.parameters.values()
    ]


def test_registration_returns_the_frameworks_user_and_its_receivers_hear_it(application: Application) -> None:
    seen: list[bool] = []
    user = application.call("register_user", "alice", "alice@example.org", PASSWORD)
    assert isinstance(user, User)
    assert (user.id, user.username, user.is_active, user.is_email_verified, user.user_type) == (
        *(1, "alice", True, False, "user"),
    )
    assert [group.name for group in user.groups] == ["basic_user"]
    assert application.sender.link.startswith("http://127.0.0.1:10000/api/auth/verify-email/?token=")
    for name, arguments in application.heard:
        assert arguments["sender"] is application.manager
        if "user" in arguments:
            assert isinstance(arguments["user"], User)
            seen.append(name == "user_registered" and "session" in arguments)
    assert seen == [False, True]
    assert application.names() == [
        *("user_registration_started", "user_pre_register", "user_email_verification_initiated", "user_registered"),
    ]
    assert application.events()[-1] == ("user_registered", None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("alice", "other@example.org", PASSWORD), "The user name 'alice' is taken."),
        (("other", "alice@example.org", PASSWORD), "The e-mail address 'alice@example.org' is taken."),
        (("other", "other@example.org", "short"), "Password must be at least 8 characters long."),
        (("other", "other@example.org", "Short-1-pass"), "The password has 12 characters; the minimum is 15."),
        (("other", "other@example.org", None), "Password cannot be empty."),
        (("other", "no address", PASSWORD), None),
        (("", "other@example.org", PASSWORD), None),
    ],
)
def test_refused_registration_is_the_frameworks_error_and_one_failure(
    alice: Application, arguments: tuple[Any, ...], message: str | None
) -> None:
    with pytest.raises(ValidationError, match=message):
        alice.call("register_user", *arguments)
    assert alice.names() == ["user_registration_started", "user_registration_failed"]
    assert alice.events()[-1] == ("user_registration_failed", "validation_error"), "although the view rolled back"


def test_mail_that_is_not_accepted_is_a_runtime_error(application: Application) -> None:
    application.sender.works = False
    with pytest.raises(RuntimeError, match="did not accept the mail"):
        application.call("register_user", "alice", "alice@example.org", PASSWORD)
    name, arguments = application.heard[-1]
    assert (name, arguments["error_type"]) == ("user_registration_failed", "email_send_failed")
    assert application.call("get_all_users") == []


def test_login_returns_the_user_or_none_and_raises_for_an_unverified_address(application: Application) -> None:
    application.call("register_user", "alice", "alice@example.org", PASSWORD)
    with pytest.raises(ValidationError, match="Please verify your email address to log in"):
        application.call("authenticate_user", "alice", PASSWORD)
    assert application.call("authenticate_user", "alice", PASSWORD, require_email_verified=False).id == 1
    application.call("verify_user_email", application.sender.token)
    assert application.call("authenticate_user", "alice", PASSWORD).username == "alice"
    assert application.call("authenticate_user", "alice@example.org", PASSWORD).username == "alice"
    application.heard.clear()
    for name, password, reason in (
        ("alice", "wrong", "incorrect_password"),
        ("nobody", PASSWORD, "user_not_found"),
        ("alice", None, "validation_error"),
    ):
        if reason == "validation_error":
            with pytest.raises(ValidationError):
                application.call("authenticate_user", name, password)
        else:
            assert application.call("authenticate_user", name, password, commit=False) is None
        assert application.heard[-1][1]["reason"] == reason
        application.session().rollback()
        assert application.events()[-1] == ("user_authentication_failed", reason)


def test_failed_logins_lock_the_account_although_the_view_rolls_back(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LBACK_AUTHENTICATION_MAX_FAILURES", "3")
    alice = application
    alice.call("register_user", "alice", "alice@example.org", PASSWORD)
    alice.call("verify_user_email", alice.sender.token)
    for _ in range(3):
        session = alice.session()
        session.execute(text("UPDATE groups SET description = 'holds the write lock'"))
        assert alice.manager.authenticate_user(session, "alice", "wrong") is None
        session.rollback()
    assert alice.call("authenticate_user", "alice", PASSWORD) is None
    assert alice.heard[-1][1]["reason"] == "account_locked"


def test_update_writes_both_kinds_of_columns_and_ignores_unknown_names(alice: Application) -> None:
    heard: list[Any] = []
    alice.heard.clear()
    user = alice.call(
        "update_user",
        1,
        {"username": "alicia", "is_active": False, "auth_token": "api", "password": "", "role_name": "x", "unknown": 1},
    )
    assert (user.username, user.is_active, user.auth_token) == ("alicia", False, "api")
    for name, arguments in alice.heard:
        if name == "user_updated":
            heard.append(arguments["user"].auth_token)
        if name == "user_update_started":
            heard.append(arguments["update_data"])
    assert heard == [{"username": "alicia", "is_active": False, "auth_token": "api"}, "api"]
    alice.heard.clear()
    alice.call("update_user", 1, {"password": PASSWORD + "0", "is_active": True})
    assert repr(alice.heard[0][1]["update_data"]["password"]) == "********"
    assert alice.call("authenticate_user", "alicia", PASSWORD + "0").id == 1
    with pytest.raises(ValidationError, match="There is no user 'id:99'"):
        alice.call("update_user", 99, {"username": "x"})


def test_groups_are_changed_by_lbacks_rules(alice: Application) -> None:
    session = alice.session()
    basic, admin = session.query(Group).order_by(Group.id)
    user = alice.manager.update_user(session, 1, {"groups": [basic, "admin"]})
    assert sorted(group.name for group in user.groups) == ["admin", "basic_user"]
    with pytest.raises(ValidationError, match="last active member of 'admin'"):
        alice.manager.update_user(session, 1, {"groups": [basic]})
    session.add(AdminUser(id=2, username="boss", email="boss@example.org", password="x"))
    session.commit()
    alice.call("register_user", "bobby", "bobby@example.org", PASSWORD)
    with pytest.raises(ValidationError, match="its administrator boss"):
        alice.call("update_user", 2, {"groups": [basic.name, admin.name]})
    assert [group.name for group in alice.call("get_user_by_id", 2).groups] == ["basic_user"]


def test_validator_of_a_column_refuses_the_update(alice: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_user: User, value: str) -> None:
        raise ValueError(f"{value} is not a token.")

    monkeypatch.setattr(User, "nickname", property(fset=refuse), raising=False)
    with pytest.raises(ValidationError, match="x is not a token"):
        alice.call("update_user", 1, {"username": "alicia", "nickname": "x"})
    assert alice.call("get_user_by_id", 1).username == "alice"


def test_deleted_user_is_gone_for_the_session_too(alice: Application) -> None:
    session = alice.session()
    assert alice.manager.get_user_by_id(session, 1).username == "alice"
    assert alice.manager.delete_user(session, 1) is None
    assert alice.manager.get_user_by_id(session, 1) is None
    session.commit()
    assert alice.names() == ["user_deletion_started", "user_deleted"]
    with pytest.raises(ValidationError):
        alice.call("delete_user", 1)


def test_password_reset_uses_the_path_of_the_view(alice: Application) -> None:
    assert alice.call("reset_password_request", "nobody@example.org") is False
    assert alice.call("reset_password_request", "alice@example.org") is True
    assert alice.sender.link.startswith("http://127.0.0.1:10000/api/auth/reset-password/?token=")
    assert alice.call("reset_password_request", "alice@example.org", reset_url_path="/auth/new-password/") is True
    assert alice.sender.link.startswith("http://127.0.0.1:10000/auth/new-password/?token=")
    token = alice.sender.token
    with pytest.raises(ValidationError, match="8 characters"):
        alice.call("reset_password", token, "short")
    assert alice.call("reset_password", token, PASSWORD + "0") is True
    with pytest.raises(ValidationError, match="used or expired"):
        alice.call("reset_password", token, PASSWORD)
    with pytest.raises(ValidationError):
        alice.call("verify_user_email", "0" * 32)
    assert [alice.heard[-1][1][name] for name in ("token_prefix", "error_type")] == ["0000000000", "invalid_token"]


def test_receiver_of_the_application_writes_in_the_transaction_and_can_refuse(
    application: Application, connect: Callable[..., None]
) -> None:
    def welcome(sender: Any, user: User, session: Any) -> None:  # noqa: ARG001 - passed by name
        user.auth_token = "welcome"

    def broken(sender: Any, **arguments: Any) -> None:  # noqa: ARG001 - passed by name
        raise ValueError("the dispatcher logs this")

    def refuse(sender: Any, username: str, email: str) -> None:  # noqa: ARG001 - passed by name
        if username == "mallory":
            raise OperationRejected("mallory may not register.")

    connect("user_registered", broken)
    connect("user_registered", welcome)
    connect("user_pre_register", refuse)
    assert application.call("register_user", "alice", "alice@example.org", PASSWORD).auth_token == "welcome"
    application.heard.clear()
    with pytest.raises(ValidationError, match="mallory may not register"):
        application.call("register_user", "mallory", "mallory@example.org", PASSWORD)
    assert application.heard[-1][1]["error_type"] == "rejected_by_receiver"
    assert [user.username for user in application.call("get_all_users")] == ["alice"]


def test_receiver_that_commits_undoes_the_operation(application: Application, connect: Callable[..., None]) -> None:
    def commit(sender: Any, user: User, session: Any) -> None:  # noqa: ARG001 - passed by name
        session.commit()

    connect("user_registered", commit)
    with pytest.raises(Exception, match="tried to commit the session"):
        application.call("register_user", "alice", "alice@example.org", PASSWORD)
    assert application.call("get_all_users") == []
