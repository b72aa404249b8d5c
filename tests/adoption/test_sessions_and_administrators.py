"""The application's sessions and administrators, when lback changes a user."""

from collections.abc import Callable
from typing import Any

import pytest

from lback_cli.errors import ValidationError

from .framework import Application
from .shared import Shared

NEW_PASSWORD = "purple giraffes yodel at dusk"


def reset(shared: Shared, user_id: int) -> None:
    shared.users.reset_password_request("bob@example.org")
    shared.users.reset_password(shared.token("reset"), NEW_PASSWORD)
    assert user_id == shared.application.user("bob").id


ENDING: dict[str, Callable[[Shared, int], Any]] = {
    "deactivation": lambda shared, bob: shared.users.update_user(bob, {"is_active": False}),
    "deletion": lambda shared, bob: shared.users.delete_user(bob),
    "new password": lambda shared, bob: shared.users.update_user(bob, {"password": NEW_PASSWORD}),
    "reset by an administrator": lambda shared, bob: shared.users.reset_user_password(bob, NEW_PASSWORD),
    "reset": reset,
}


@pytest.mark.parametrize("change", ENDING)
def test_change_ends_the_sessions_of_the_user_and_no_other(shared: Shared, change: str) -> None:
    application = shared.application
    application.add_admin(2, "boss", "boss@example.org")
    bob = application.user("bob")
    assert bob.id == 2
    for number in range(20):
        application._begin_session({"user_id": 20 + number, "user_type": "user", "username": "other"})
    others = [application.log_in("root"), application.log_in("quiet"), application.log_in_admin("boss")]
    ended = [application.log_in("bob"), application.log_in("bob")]
    assert [application.whoami(cookie) for cookie in ended] == ["bob", "bob"]
    ENDING[change](shared, bob.id)
    assert [application.whoami(cookie) for cookie in ended] == [None, None]
    assert [application.whoami(cookie) for cookie in others] == [None, "quiet", "boss"]
    assert len(application.rows()["sessions"]) == 23


@pytest.mark.parametrize(
    ("update_data", "name"),
    [
        ({"username": "robert"}, "robert"),
        ({"is_active": True}, "bob"),
        ({"email": "robert@example.org"}, "bob"),
        ({"add_groups": []}, "bob"),
    ],
)
def test_other_changes_leave_the_user_logged_in(shared_file: Shared, update_data: dict[str, Any], name: str) -> None:
    cookie = shared_file.application.log_in("bob")
    shared_file.users.update_user(2, update_data)
    assert shared_file.application.whoami(cookie) == name


def test_failed_change_ends_no_session(shared_file: Shared) -> None:
    cookie = shared_file.application.log_in("bob")
    with pytest.raises(ValidationError):
        shared_file.users.update_user(2, {"is_active": False, "username": "\0"})
    shared_file.application.execute("DROP TABLE lback_events")
    with pytest.raises(Exception, match="lback_events"):
        shared_file.users.update_user(2, {"is_active": False})
    assert shared_file.application.whoami(cookie) == "bob"


@pytest.mark.parametrize("table", ["sessions", "admin_users"])
def test_application_without_such_a_table_works(shared_file: Shared, table: str) -> None:
    shared_file.application.execute(f"DROP TABLE {table}")
    shared_file.users.update_user(2, {"add_groups": ["admin"]})
    shared_file.users.delete_user(2)
    assert shared_file.application.user("bob") is None


def test_user_with_the_id_of_an_administrator_cannot_join_admin(shared: Shared) -> None:
    application = shared.application
    application.add_admin(2, "boss", "boss@example.org")
    application.add_admin(3, "alice", "alice@example.org")
    with pytest.raises(ValidationError) as caught:
        shared.users.update_user(2, {"add_groups": ["ADMIN"], "username": "robert"})
    assert caught.value.message == (
        "bob cannot join 'admin': the application would take bob for its administrator boss, who has the same id (2) in"
        " admin_users."
    )
    bob = application.user("bob")
    assert (bob.username, bob.group_names) == ("bob", ["basic_user"]), "nothing was changed"
    shared.users.update_user(3, {"add_groups": ["admin"]})
    assert application.user("Alice Smith").group_names == ["admin", "basic_user"], "it is the same person"
    application.add_admin(5, "chief", "chief@example.org")
    with pytest.raises(ValidationError, match="administrator chief"):
        shared.users.register_user("carol", "carol@example.org", NEW_PASSWORD, groups=["admin"])
    assert application.user("carol") is None


def command(lback: Callable[..., Any], application: Application) -> Callable[..., Any]:
    """Return a function that runs the command on the adopted database of *application*."""

    def run(*arguments: str, **options: Any) -> Any:
        return lback(*arguments, LBACK_DATABASE_URL=application.url, LBACK_COMPAT_LBACK_FRAMEWORK="true", **options)

    assert run("db", "adopt", "-q").status == 0
    return run


def test_command_says_what_the_application_makes_of_admin(lback: Callable[..., Any], on_sqlite: Application) -> None:
    run = command(lback, on_sqlite)
    done = run("user", "update", "bob", "--add-group", "Admin")
    assert done.status == 0
    assert done.err.splitlines()[0] == (
        "warning: The application loads a member of 'admin' from admin_users by id. Without a row of the same id there,"
        " the user cannot use it: see docs/adoption.md."
    )
    assert "warning" not in run("user", "update", "quiet", "--add-group", "basic_user").err
    on_sqlite.add_admin(4, "boss", "boss@example.org")
    refused = run("user", "update", "quiet", "--add-group", "admin")
    assert refused.status == 7
    assert "its administrator boss" in refused.err


def test_import_refuses_only_the_row(lback: Callable[..., Any], on_sqlite: Application) -> None:
    run = command(lback, on_sqlite)
    on_sqlite.add_admin(6, "boss", "boss@example.org")
    rows = "".join(
        f"{name},{name}@example.org,{group}\n" for name, group in (("ann", ""), ("ben", "admin"), ("cat", ""))
    )
    done = run(
        "user", "import", "-", "--format", "csv", "--mail", "none", "-o", "json", input="username,email,groups\n" + rows
    )
    assert done.status == 8, done.err
    assert "its administrator boss" in done.err + done.out
    assert [on_sqlite.user(name) is None for name in ("ann", "ben", "cat")] == [False, True, False]
