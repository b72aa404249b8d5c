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


@dataclass(frozen=True, slots=True)
class FrameworkToken:
    """A token as a user's row has it; one without an expiry is none that the framework accepts."""

    user_id: int
    email: str
    expires_at: datetime


class FrameworkTokenRepository:
    """The framework's tokens in one session: one of each purpose a user, in plain text."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, token: str, purpose: Purpose) -> FrameworkToken | None:
        """The token, expired or not; compared once more here, as the column may take different text for the same."""
        column, expiry = _COLUMNS[purpose]
        statement = select(User.id, User.email, column, expiry).where(column == token, expiry.is_not(None))
        for user_id, email, stored, expires_at in self._session.execute(statement):
            if stored == token:
                return FrameworkToken(user_id, email, expires_at)
        return None

    def put(self, user: User, purpose: Purpose, token: str, *, expires_at: datetime) -> None:
        """Store a token for *user*, in place of the one it had for that purpose."""
        column, expiry = _COLUMNS[purpose]
        self._session.execute(update(User).where(User.id == user.id).values({column: token, expiry: expires_at}))

    def take(self, token: str, purpose: Purpose, *, now: datetime) -> bool:
        """Spend the token, if it is alive; whether it was. Of any number that try at once, one succeeds."""
        column, expiry = _COLUMNS[purpose]
        statement = update(User).where(column == token, expiry >= now).values({column: None, expiry: None})
        return cast("CursorResult[Any]", self._session.execute(statement)).rowcount > 0

    def clear(self, user: User, purposes: Iterable[Purpose] = tuple(Purpose)) -> None:
        """Make the tokens of *user* for *purposes* useless."""
        nothing = {column: None for purpose in purposes for column in _COLUMNS[purpose]}
        self._session.execute(update(User).where(User.id == user.id).values(nothing))
