"""Queries on the token columns of the lback framework's users table."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from lback_cli.models import Purpose, User

_COLUMNS: dict[Purpose, tuple[InstrumentedAttribute[Any], InstrumentedAttribute[Any]]] = {
    Purpose.VERIFY_EMAIL: (User.email_verification_token, User.email_verification_token_expiry),
    Purpose.RESET_PASSWORD: (User.auth_token, User.token_expiry),
}
"""The columns of a token and its expiry."""


@dataclass(frozen=True, slots=True)
class FrameworkToken:
    """A token in a user's row. The framework accepts none without an expiry."""

    user_id: int
    email: str
    expires_at: datetime


class FrameworkTokenRepository:
    """The framework's tokens in one session: for each user one of each purpose, in plain text."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, token: str, purpose: Purpose) -> FrameworkToken | None:
        """Return the token, expired or not.

        The comparison is repeated here, as the collation of the column may treat different text as equal.
        """
        column, expiry = _COLUMNS[purpose]
        statement = select(User.id, User.email, column, expiry).where(column == token, expiry.is_not(None))
        for user_id, email, stored, expires_at in self._session.execute(statement):
            if stored == token:
                return FrameworkToken(user_id, email, expires_at)
        return None

    def put(self, user: User, purpose: Purpose, token: str, *, expires_at: datetime) -> None:
        """Store a token for *user*, in place of the one for that purpose."""
        column, expiry = _COLUMNS[purpose]
        self._session.execute(update(User).where(User.id == user.id).values({column: token, expiry: expires_at}))

    def consume(self, token: str, purpose: Purpose, *, now: datetime) -> bool:
        """Use the token; return False if it is not valid. If several processes try at once, one of them succeeds."""
        column, expiry = _COLUMNS[purpose]
        statement = update(User).where(column == token, expiry >= now).values({column: None, expiry: None})
        return cast("CursorResult[Any]", self._session.execute(statement)).rowcount > 0

    def clear(self, user: User, purposes: Iterable[Purpose] = tuple(Purpose)) -> None:
        """Delete the tokens of *user* for *purposes*."""
        empty = {column: None for purpose in purposes for column in _COLUMNS[purpose]}
        self._session.execute(update(User).where(User.id == user.id).values(empty))
