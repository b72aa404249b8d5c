"""`UserManager.register_user` with a password that is asked for, and with user names that are taken."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Literal

import pytest

from lback_cli import signals
from lback_cli.errors import UserExists, ValidationError

Office = Any


class AskForPassword:
    """Returns the password, and counts its calls."""

    def __init__(self, password: str) -> None:
        self._password = password
        self.times = 0

    def __call__(self) -> str:
        self.times += 1
        return self._password


@pytest.fixture
def sent(office: Office) -> Iterator[list[str]]:
    """The names of the signals that were sent, in order."""
    names: list[str] = []
    with ExitStack() as connections:
        for name, spec in signals.CATALOGUE.items():

            def note(_sender: object, *, _name: str = name, **_arguments: Any) -> None:
                names.append(_name)

            connections.enter_context(spec.signal.connected_to(note, sender=office.users))
        yield names


@pytest.fixture
def ask(password: str) -> AskForPassword:
    return AskForPassword(password)


@pytest.mark.parametrize("if_exists", ["fail", "skip"])
def test_new_user_is_registered(office: Office, ask: AskForPassword, if_exists: Literal["fail", "skip"]) -> None:
    office.groups.create_group("staff")
    user = office.users.register_user(
        "Ann", "Ann@Example.org", ask, if_exists=if_exists, groups=["staff"], verified=True, active=False
    )
    assert ask.times == 1
    assert (user.username, user.email, user.is_active, user.is_email_verified) == (
        "ann",
        "ann@example.org",
        False,
        True,
    )
    assert {group.name for group in user.groups} == {"basic_user", "staff"}


def test_existing_user_is_skipped_without_signal_prompt_or_change(
    office: Office, sent: list[str], ask: AskForPassword
) -> None:
    before = office.register("ann", verified=True)
    del sent[:]
    assert office.users.register_user("ANN", "new@example.org", ask, if_exists="skip", active=False) is None
    assert (ask.times, sent, office.mails) == (0, [], [])
    user = office.directory.find_user("ann")
    assert (user.id, user.email, user.is_active, user.password_hash) == (
        before.id,
        "ann@example.org",
        True,
        before.password_hash,
    )


def test_existing_user_is_a_failure_by_default(office: Office, sent: list[str], ask: AskForPassword) -> None:
    office.register("ann", verified=True)
    del sent[:]
    with pytest.raises(UserExists) as caught:
        office.users.register_user("ann", "new@example.org", ask)
    assert (caught.value.field, ask.times) == ("username", 0)
    assert sent == ["user_registration_started", "user_registration_failed"]


def test_taken_address_is_a_failure_even_with_skip(office: Office, ask: AskForPassword) -> None:
    office.register("ann", verified=True)
    with pytest.raises(UserExists) as caught:
        office.users.register_user("ben", "ann@example.org", ask, if_exists="skip")
    assert (caught.value.field, ask.times) == ("email", 0)
    assert not office.directory.exists("ben")


def test_name_that_is_taken_during_the_operation_is_skipped(office: Office, sent: list[str], password: str) -> None:
    def ask_slowly() -> str:
        office.register("ann", verified=True)
        del sent[:]
        return password

    assert office.users.register_user("ann", "new@example.org", ask_slowly, if_exists="skip") is None
    assert office.directory.find_user("ann").email == "ann@example.org"
    assert sent == ["user_registration_started", "user_registration_failed"]


def test_skip_finds_uncommitted_users_of_the_caller(office: Office, ask: AskForPassword) -> None:
    with office.database.session() as session:
        office.register("ann", verified=True, session=session)
        again = office.users.register_user("ann", "ann@example.org", ask, if_exists="skip", session=session)
    assert (again, ask.times) == (None, 0)


def test_repeated_run_changes_nothing(office: Office, ask: Callable[[], str]) -> None:
    def register(name: str) -> bool:
        user = office.users.register_user(name, f"{name}@example.org", ask, if_exists="skip", verified=True)
        return user is not None

    runs = [[register(name) for name in ("ann", "ben", "cid")] for _ in range(2)]
    assert runs == [[True] * 3, [False] * 3]
    assert vars(ask)["times"] == 3


def test_refused_password_is_a_failure_even_with_skip(office: Office) -> None:
    with pytest.raises(ValidationError):
        office.users.register_user("ann", "ann@example.org", lambda: "short", if_exists="skip")
    assert not office.directory.exists("ann")
