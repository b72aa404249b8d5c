from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from lback_cli.errors import UserExists
from lback_cli.models import Group, User
from lback_cli.models.tables import MEMBERSHIPS
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.repositories.user_reader import UserRecord

Person = Callable[..., User]


@pytest.mark.parametrize(
    ("name", "email", "taken"),
    [
        ("ann", "new@example.org", "username 'ann'"),
        ("new", "ann@example.org", "email 'ann@example.org'"),
        ("ann", "ann@example.org", "username 'ann'"),
        ("ann", "ben@example.org", "username 'ann'"),
    ],
)
def test_unique_indexes_identify_the_conflict_and_the_transaction_continues(
    work: UnitOfWork, person: Person, name: str, email: str, taken: str
) -> None:
    person("ann")
    person("ben")
    with pytest.raises(UserExists) as caught:
        person(name, email)
    field, value = taken.split()
    assert (caught.value.field, value in caught.value.message) == (field, True)
    assert isinstance(caught.value.__cause__, IntegrityError)
    person("cid")
    assert work.session.scalars(select(User.username).order_by(User.id)).all() == ["ann", "ben", "cid"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"username": "ben"}, "username"),
        ({"email": "ben@example.org"}, "email"),
        ({"username": "new", "email": "ben@example.org"}, "email"),
        ({"username": "ben", "email": "new@example.org"}, "username"),
    ],
)
def test_change_that_violates_an_index_is_rolled_back(
    work: UnitOfWork, person: Person, changes: dict[str, Any], field: str
) -> None:
    ann = person("ann")
    person("ben")
    with pytest.raises(UserExists) as caught:
        work.users.change(ann, **changes, is_active=False)
    assert caught.value.field == field
    assert (ann.username, ann.email, ann.is_active) == ("ann", "ann@example.org", True)
    work.users.change(ann, username="anna")
    assert work.session.scalar(select(User.username).where(User.id == ann.id)) == "anna"


def test_a_user_may_keep_name_and_address(work: UnitOfWork, person: Person) -> None:
    ann = person("ann")
    work.users.change(ann, username="ann", email="ann@example.org", is_active=False)
    assert not ann.is_active


def test_other_constraint_violation_is_not_a_name_conflict(work: UnitOfWork, person: Person) -> None:
    ann = person("ann")
    with pytest.raises(IntegrityError, match="NOT NULL"):
        work.users.change(ann, password_hash=None)


def test_taken_ignores_the_user_itself(work: UnitOfWork, person: Person) -> None:
    ann, ben = person("ann"), person("ben")

    def field(**asked: Any) -> str | None:
        conflict = work.users.taken(**asked)
        return None if conflict is None else conflict.field

    assert field(username="ann", email=None) == "username"
    assert field(username=None, email="ann@example.org") == "email"
    assert field(username="ann", email="ben@example.org", by_other_than=ann.id) == "email"
    assert field(username="ann", email="ann@example.org", by_other_than=ann.id) is None
    assert field(username="ann", email="ann@example.org", by_other_than=ben.id) == "username"
    assert field(username="new", email="new@example.org") is None
    assert field(username=None, email=None) is None


def test_first_spelling_with_a_user_is_found(work: UnitOfWork, person: Person) -> None:
    person("Ann", "Ann@example.org")
    person("ann", "ann@example.org")

    def name(user: UserRecord | None) -> str | None:
        return None if user is None else user.username

    assert name(work.users.find_by_username("Ann", "ann")) == "Ann"
    assert name(work.users.find_by_username("ANN", "ann")) == "ann"
    assert name(work.users.find_by_email("ANN@example.org", "Ann@example.org")) == "Ann"
    assert work.users.find_by_username("an") is None
    assert work.users.find_by_username() is None


def test_hash_is_replaced_only_if_it_is_unchanged(work: UnitOfWork, person: Person, now: datetime) -> None:
    ann = person("ann")
    later = now + timedelta(hours=1)
    assert work.users.replace_password_hash(ann, "first", now=later)
    work.session.refresh(ann)
    assert (ann.password_hash, ann.updated_at) == ("first", later)
    # Somebody else changes the password between the look at it and the replacement.
    work.session.execute(
        update(User)
        .where(User.id == ann.id)
        .values(password_hash="theirs")
        .execution_options(synchronize_session=False)
    )
    assert not work.users.replace_password_hash(ann, "second", now=now)
    work.session.refresh(ann)
    assert (ann.password_hash, ann.updated_at) == ("theirs", later)


def test_get_with_a_lock_reads_the_row_again(work: UnitOfWork, person: Person) -> None:
    ann = person("ann")
    work.session.execute(update(User).values(is_active=False).execution_options(synchronize_session=False))
    assert work.users.get(ann.id) is ann
    assert ann.is_active
    assert work.users.get(ann.id, lock=True) is ann
    assert not ann.is_active


def test_deletion_removes_only_the_memberships_of_the_user(work: UnitOfWork, person: Person, now: datetime) -> None:
    staff = work.groups.add("staff", now=now)
    ann, ben = person("ann", groups=[staff]), person("ben", groups=[staff])
    work.users.delete(ann)
    assert work.users.get(ann.id) is None
    assert work.session.execute(select(MEMBERSHIPS)).all() == [(ben.id, staff.id)]


def test_count_has_only_active_members_of_the_group(work: UnitOfWork, person: Person, now: datetime) -> None:
    admin, staff = work.groups.add("admin", now=now), work.groups.add("staff", now=now)
    person("ann", groups=[admin])
    person("ben", groups=[admin], is_active=False)
    person("cid", groups=[staff])
    person("dan", groups=[admin, staff])
    empty: Group = work.groups.add("empty", now=now)
    assert [work.users.count_active(group) for group in (admin, staff, empty)] == [2, 2, 0]
    assert work.session.scalar(select(func.count()).select_from(MEMBERSHIPS)) == 5
