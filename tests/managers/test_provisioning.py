from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from lback_cli import signals
from lback_cli.errors import UserExists, ValidationError

Office = Any


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
def asked(password: str) -> Callable[[], str]:
    """Gives the password, and remembers in ``asked.times`` how often."""

    def give() -> str:
        give.times += 1  # type: ignore[attr-defined]  # a function has any attribute
        return password

    give.times = 0  # type: ignore[attr-defined]
    return give


def times(asked: Callable[[], str]) -> int:
    found: int = vars(asked)["times"]
    return found


@pytest.mark.parametrize("skip_existing", [False, True])
def test_who_is_not_there_is_registered(office: Office, asked: Callable[[], str], skip_existing: bool) -> None:
    office.groups.create_group("staff")
    user, created = office.provisioning.register(
        "Ann", "Ann@Example.org", asked, skip_existing=skip_existing, groups=["staff"], verified=True, active=False
    )
    assert (created, times(asked)) == (True, 1)
    assert (user.username, user.email, user.is_active, user.is_email_verified) == (
        "ann",
        "ann@example.org",
        False,
        True,
    )
    assert {group.name for group in user.groups} == {"basic_user", "staff"}


def test_who_is_there_is_skipped_without_a_signal_a_question_or_a_change(
    office: Office, sent: list[str], asked: Callable[[], str]
) -> None:
    before = office.register("ann", verified=True)
    del sent[:]
    user, created = office.provisioning.register("ANN", "new@example.org", asked, skip_existing=True, active=False)
    assert (created, times(asked), sent) == (False, 0, [])
    assert (user.id, user.email, user.is_active, user.password_hash) == (
        before.id,
        "ann@example.org",
        True,
        before.password_hash,
    )
    assert office.mails == []


def test_who_is_there_is_a_failure_where_that_was_asked(
    office: Office, sent: list[str], asked: Callable[[], str]
) -> None:
    office.register("ann", verified=True)
    del sent[:]
    with pytest.raises(UserExists) as caught:
        office.provisioning.register("ann", "new@example.org", asked, skip_existing=False)
    assert caught.value.field == "username"
    assert sent == ["user_registration_started", "user_registration_failed"]


def test_somebody_elses_address_is_a_failure_in_any_case(office: Office, asked: Callable[[], str]) -> None:
    office.register("ann", verified=True)
    with pytest.raises(UserExists) as caught:
        office.provisioning.register("ben", "ann@example.org", asked, skip_existing=True)
    assert caught.value.field == "email"
    assert not office.directory.exists("ben")


def test_a_name_that_another_takes_in_between_is_skipped_too(office: Office, sent: list[str], password: str) -> None:
    def slowly_typed() -> str:
        office.register("ann", verified=True)
        del sent[:]
        return password

    user, created = office.provisioning.register("ann", "new@example.org", slowly_typed, skip_existing=True)
    assert (user.email, created) == ("ann@example.org", False)
    assert sent == ["user_registration_started", "user_registration_failed"]


def test_a_run_that_is_repeated_changes_nothing(office: Office, asked: Callable[[], str]) -> None:
    names = ["ann", "ben", "cid"]
    runs = [
        [
            office.provisioning.register(name, f"{name}@example.org", asked, skip_existing=True, verified=True)[1]
            for name in names
        ]
        for _ in range(2)
    ]
    assert (runs, times(asked)) == ([[True] * 3, [False] * 3], 3)


def test_a_refusal_is_passed_on(office: Office) -> None:
    with pytest.raises(ValidationError):
        office.provisioning.register("ann", "ann@example.org", lambda: "short", skip_existing=True)
    assert not office.directory.exists("ann")
