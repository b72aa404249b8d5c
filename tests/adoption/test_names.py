"""Names and addresses that the application stored as they were typed."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from lback_cli.errors import AmbiguousUser, AuthenticationFailed, UserExists, UserNotFound
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.directory import Directory
from lback_cli.managers.user_manager import UserManager
from lback_cli.settings import DatabaseSettings, Settings

from .framework import PASSWORD, Application
from .shared import Shared

NEW_PASSWORD = "purple giraffes yodel at dusk"


@pytest.fixture
def named(shared_file: Shared) -> Shared:
    """Alice Smith (3), whose address is Alice@Example.ORG, Zoe (5), ZOE (6), and a user called id:2 (7)."""
    models = shared_file.application.models
    with shared_file.application.session() as session, session.begin():
        for number, name in enumerate(("Zoe", "ZOE", "id:2"), start=5):
            email = f"{name.replace(':', '')}@example.net"
            session.add(models.User(id=number, username=name, email=email, password="x", is_email_verified=True))
    return shared_file


def directory(shared: Shared, *, compatible: bool = True) -> Directory:
    settings = shared.users._services.settings if compatible else Settings(DatabaseSettings(url=shared.application.url))
    return Directory(shared.database, Dependencies(settings, data_directory=shared.mail))


@pytest.mark.parametrize(
    ("identifier", "user_id"),
    [
        ("Alice Smith", 3),
        ("alice smith", 3),
        ("ALICE@EXAMPLE.ORG", 3),
        ("Zoe", 5),
        ("ZOE", 6),
        ("id:3", 3),
        ("id:7", 7),
        ("id2@example.net", 7),
    ],
)
def test_user_is_found_in_any_spelling(named: Shared, identifier: str, user_id: int) -> None:
    found = directory(named)
    assert found.find_user(identifier).id == user_id
    assert found.resolve_id(identifier) == user_id


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        ("zoe", "'zoe' may be 'Zoe' (id:5) and 'ZOE' (id:6)."),
        ("zoe@example.net", "'zoe@example.net' may be 'Zoe@example.net' (id:5) and 'ZOE@example.net' (id:6)."),
        ("id:2", "'id:2' is the id of one user and the name of another (id:7)."),
    ],
)
def test_ambiguous_name_is_refused(named: Shared, identifier: str, message: str) -> None:
    for lookup in (directory(named).find_user, directory(named).resolve_id, directory(named).exists):
        with pytest.raises(AmbiguousUser) as caught:
            lookup(identifier)
        assert caught.value.message == message


def test_without_compatibility_only_the_stored_and_the_canonical_spelling_are_found(shared_file: Shared) -> None:
    found = directory(shared_file, compatible=False)
    assert found.find_user("Alice Smith").id == 3
    for identifier in ("alice smith", "ALICE@EXAMPLE.ORG"):
        with pytest.raises(UserNotFound):
            found.find_user(identifier)


@pytest.mark.parametrize(
    ("username", "email", "message"),
    [
        ("second", "alice@example.org", "address 'alice@example.org' is taken, in the spelling 'Alice@Example.ORG'."),
        ("second", "ALICE@example.org", "address 'alice@example.org' is taken, in the spelling 'Alice@Example.ORG'."),
        ("Bob", "second@example.org", "The user name 'bob' is taken."),
    ],
)
def test_name_in_other_capitals_is_taken(shared: Shared, username: str, email: str, message: str) -> None:
    with pytest.raises(UserExists) as caught:
        shared.users.register_user(username, email, NEW_PASSWORD)
    assert message in caught.value.message
    with pytest.raises(UserExists, match="taken"):
        shared.users.update_user(4, {"username": username, "email": email})
    assert len(shared.application.rows()["users"]) == 4


def test_own_name_in_other_capitals_is_free(shared_file: Shared) -> None:
    shared_file.users.update_user(3, {"email": "ALICE@example.org"})
    assert shared_file.application.user("Alice Smith").email == "alice@example.org"
    shared_file.application.execute("UPDATE users SET username = 'Bob' WHERE id = 2")
    assert shared_file.users.update_user(2, {"username": "bob"}).username == "bob"


def test_reset_link_goes_to_the_stored_address(shared_file: Shared) -> None:
    assert shared_file.users.reset_password_request("alice@example.org")
    assert shared_file.application.reset(shared_file.token("reset"), NEW_PASSWORD)


def test_login_takes_names_as_the_application_does(shared_file: Shared) -> None:
    assert shared_file.users.authenticate_user("Alice Smith", PASSWORD).id == 3
    assert shared_file.users.authenticate_user("BOB", PASSWORD).id == 2
    for name in ("alice smith", "alice@example.org"):
        with pytest.raises(AuthenticationFailed):
            shared_file.users.authenticate_user(name, PASSWORD)


def test_lookups_of_the_manager_find_the_same_person(shared_file: Shared) -> None:
    users: UserManager = shared_file.users
    found = users.get_user_by_email("alice@example.org")
    assert found is not None
    assert found == users.get_user_by_username("ALICE SMITH") == users.get_user_by_id(3)
    assert users.register_user("ALICE SMITH", "x@example.org", NEW_PASSWORD, if_exists="skip") is None


def run(lback: Callable[..., Any], application: Application, *arguments: str, **options: Any) -> Any:
    return lback(*arguments, LBACK_DATABASE_URL=application.url, LBACK_COMPAT_LBACK_FRAMEWORK="true", **options)


def test_command_says_which_spelling_the_application_accepts(lback: Callable[..., Any], on_sqlite: Application) -> None:
    assert run(lback, on_sqlite, "db", "adopt", "-q").status == 0
    register = ("user", "register", "Bob.Builder", "--email", "Bob.Builder@Example.ORG", "--generate-password")
    assert run(lback, on_sqlite, *register).err.splitlines()[-1] == (
        "warning: The application accepts only this spelling: bob.builder and bob.builder@example.org."
    )
    assert "spelling" not in run(lback, on_sqlite, "user", "update", "bob.builder", "--username", "builder").err
    renamed = run(lback, on_sqlite, "user", "update", "builder", "--username", "Builder.Bob")
    assert renamed.err.splitlines()[-1] == "warning: The application accepts only this spelling: builder.bob."


def test_command_refuses_an_ambiguous_user(lback: Callable[..., Any], on_sqlite: Application) -> None:
    assert run(lback, on_sqlite, "db", "adopt", "-q").status == 0
    on_sqlite.execute("UPDATE users SET username = 'id:2' WHERE username = 'quiet'")
    for command in (("delete", "--yes"), ("show",), ("history",), ("erase", "--confirm=id:2")):
        done = run(lback, on_sqlite, "user", command[0], "id:2", *command[1:], "-o", "json")
        assert (done.status, json.loads(done.err)["error"]["code"]) == (7, "ambiguous_user"), command
    assert len(on_sqlite.rows()["users"]) == 4


def test_ambiguous_user_of_a_set_is_left_alone(lback: Callable[..., Any], on_sqlite: Application) -> None:
    assert run(lback, on_sqlite, "db", "adopt", "-q").status == 0
    on_sqlite.execute("UPDATE users SET username = 'id:2' WHERE username = 'quiet'")
    done = run(lback, on_sqlite, "user", "update", "id:2", "Alice Smith", "--deactivate", "--yes", "--max-share", "100")
    assert (done.status, "'id:2' is the id of one user" in done.out + done.err) == (8, True), done.err
    assert on_sqlite.all("SELECT id FROM users WHERE NOT is_active") == [(3,)]


def test_import_refuses_a_name_in_other_capitals(lback: Callable[..., Any], on_sqlite: Application) -> None:
    assert run(lback, on_sqlite, "db", "adopt", "-q").status == 0
    rows = "username,email\nann,ann@example.org\nben,alice@example.org\n"
    done = run(lback, on_sqlite, "user", "import", "-", "--format", "csv", "--mail", "none", input=rows)
    assert done.status == 8, done.err
    assert [on_sqlite.user(name) is None for name in ("ann", "ben")] == [False, True]
