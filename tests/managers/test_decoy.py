"""A login with an unknown name takes the time of a login of an existing user."""

from collections.abc import Callable

import bcrypt
import pytest
from sqlalchemy import select, update

from lback_cli.errors import AuthenticationFailed
from lback_cli.managers.decoy import _bucket
from lback_cli.models.tables import EVENTS, USERS
from lback_cli.security.passwords import PasswordHasher, Verification
from lback_cli.settings import AuthenticationSettings

from .conftest import PASSWORD, Office

USERS_PER_SCHEME = 4
BCRYPT = bcrypt.hashpw(PASSWORD.encode(), b"$2b$04$CCCCCCCCCCCCCCCCCCCCC.").decode()
DES = "abJnggxhB/yWI"


class RecordingHasher(PasswordHasher):
    """A hasher that records the hashes that passwords are checked against."""

    def __init__(self, office: Office) -> None:
        super().__init__(office.services.settings.password)
        self.checked: list[str | None] = []

    def verify(self, password: str, stored: str | None) -> Verification:
        self.checked.append(stored)
        return super().verify(password, stored)


@pytest.fixture
def office(open_office: Callable[..., Office]) -> Office:
    office = open_office(authentication=AuthenticationSettings(max_failures=1000))
    office.services.hasher = RecordingHasher(office)
    return office


def checked_against(office: Office, name: str, password: str = PASSWORD) -> str | None:
    """Fail to log in, and return the hash that the password was checked against."""
    hasher = office.services.hasher
    assert isinstance(hasher, RecordingHasher)
    hasher.checked.clear()
    with pytest.raises(AuthenticationFailed):
        office.users.authenticate_user(name, password)
    assert hasher.operations
    [stored] = hasher.checked
    return stored


def hash_users(office: Office, *hashes: str) -> None:
    """Register users with these *hashes*, some with each."""
    count = USERS_PER_SCHEME * len(hashes)
    for number in range(count):
        office.users.register_user(f"user{number}", f"user{number}@example.org", PASSWORD, verified=True)
    with office.database.session() as session:
        for number in range(count):
            stored = hashes[number % len(hashes)]
            session.execute(update(USERS).where(USERS.c.id == number + 1).values(password=stored))


def test_an_unknown_name_costs_the_current_hash_where_there_are_no_users(office: Office) -> None:
    assert checked_against(office, "nobody") is None


def test_an_unknown_name_is_checked_against_the_hash_of_some_user(office: Office) -> None:
    hash_users(office, BCRYPT)
    found = {checked_against(office, f"nobody{number}") for number in range(5)}
    assert found == {BCRYPT}


def test_correct_password_of_the_decoy_user_is_refused_and_replaces_no_hash(office: Office) -> None:
    hash_users(office, BCRYPT)
    assert checked_against(office, "nobody", PASSWORD) == BCRYPT
    with office.database.reading() as session:
        assert set(session.scalars(select(USERS.c.password))) == {BCRYPT}
        last = session.execute(select(EVENTS).order_by(EVENTS.c.seq.desc()).limit(1)).one()
    assert (last.signal, last.outcome, last.subject_id) == ("user_authentication_failed", "user_not_found", None)


def test_schemes_are_chosen_as_often_as_users_have_them(office: Office) -> None:
    hash_users(office, BCRYPT, DES, "!", "!")
    found = [checked_against(office, f"nobody{number}", "wrong") for number in range(200)]
    assert set(found) == {BCRYPT, DES, "!"}
    assert found.count("!") > found.count(BCRYPT)


def test_spellings_of_an_unknown_name_have_one_hash(office: Office) -> None:
    hash_users(office, *(BCRYPT[:-1] + letter for letter in "CGKOSWae"))
    assert len({checked_against(office, name) for name in ("nobody", "Nobody", " NOBODY ")}) == 1
    assert len({checked_against(office, f"nobody{number}") for number in range(20)}) > 5


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 1000])
def test_a_new_user_changes_the_hash_of_few_names(count: int) -> None:
    numbers = range(0, 10**6, 7)
    before = [_bucket(number, count) for number in numbers]
    after = [_bucket(number, count + 1) for number in numbers]
    assert set(before) == set(range(count))
    assert all(new in {old, count} for old, new in zip(before, after, strict=True))
