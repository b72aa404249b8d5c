from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from lback_cli.models import Purpose, Token, User
from lback_cli.repositories.unit_of_work import UnitOfWork

Person = Callable[..., User]

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def ann(person: Person) -> User:
    return person("ann")


def digests(work: UnitOfWork) -> list[str]:
    return list(work.session.scalars(select(Token.digest).order_by(Token.digest)))


def test_token_is_used_once(work: UnitOfWork, ann: User, now: datetime) -> None:
    work.tokens.issue(ann, Purpose.RESET_PASSWORD, "digest", now=now, expires_at=now + HOUR)
    tries = [work.tokens.consume("digest", Purpose.RESET_PASSWORD, now=now) for _ in range(3)]
    assert tries == [True, False, False]
    found = work.tokens.find("digest", Purpose.RESET_PASSWORD)
    assert found is not None
    work.session.refresh(found)
    assert (found.user_id, found.email, found.used_at) == (ann.id, "ann@example.org", now)


@pytest.mark.parametrize(("moment", "alive"), [(HOUR - SECOND, True), (HOUR, True), (HOUR + SECOND, False)])
def test_a_token_works_until_its_last_moment(
    work: UnitOfWork, ann: User, now: datetime, moment: timedelta, alive: bool
) -> None:
    work.tokens.issue(ann, Purpose.VERIFY_EMAIL, "digest", now=now, expires_at=now + HOUR)
    assert work.tokens.consume("digest", Purpose.VERIFY_EMAIL, now=now + moment) is alive


def test_token_is_valid_only_for_its_purpose(work: UnitOfWork, ann: User, now: datetime) -> None:
    work.tokens.issue(ann, Purpose.VERIFY_EMAIL, "digest", now=now, expires_at=now + HOUR)
    assert work.tokens.find("digest", Purpose.RESET_PASSWORD) is None
    assert not work.tokens.consume("digest", Purpose.RESET_PASSWORD, now=now)
    assert work.tokens.consume("digest", Purpose.VERIFY_EMAIL, now=now)


def test_unknown_token_is_not_used(work: UnitOfWork, ann: User, now: datetime) -> None:
    work.tokens.issue(ann, Purpose.VERIFY_EMAIL, "digest", now=now, expires_at=now + HOUR)
    assert work.tokens.find("another", Purpose.VERIFY_EMAIL) is None
    assert not work.tokens.consume("another", Purpose.VERIFY_EMAIL, now=now)


def test_new_token_replaces_tokens_of_the_same_user_and_purpose(
    work: UnitOfWork, person: Person, ann: User, now: datetime
) -> None:
    ben = person("ben")
    for digest, user, purpose in (
        ("ann old", ann, Purpose.RESET_PASSWORD),
        ("ann other", ann, Purpose.VERIFY_EMAIL),
        ("ben", ben, Purpose.RESET_PASSWORD),
        ("ann new", ann, Purpose.RESET_PASSWORD),
    ):
        work.tokens.issue(user, purpose, digest, now=now, expires_at=now + HOUR)
    assert digests(work) == ["ann new", "ann other", "ben"]


def test_revoking_deletes_unused_tokens_and_deleting_deletes_all(
    work: UnitOfWork, person: Person, ann: User, now: datetime
) -> None:
    ben = person("ben")
    work.tokens.issue(ann, Purpose.RESET_PASSWORD, "used", now=now, expires_at=now + HOUR)
    work.tokens.issue(ann, Purpose.VERIFY_EMAIL, "unused", now=now, expires_at=now + HOUR)
    work.tokens.issue(ben, Purpose.VERIFY_EMAIL, "ben", now=now, expires_at=now + HOUR)
    work.tokens.consume("used", Purpose.RESET_PASSWORD, now=now)
    work.tokens.revoke_all(ann)
    assert digests(work) == ["ben", "used"]
    work.tokens.delete_all(ann)
    assert digests(work) == ["ben"]
