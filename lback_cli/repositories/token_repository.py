"""Queries on tokens."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from lback_cli.models import Purpose, Token, User
from lback_cli.repositories.mail_queue_repository import MailQueueRepository


class TokenRepository:
    """Tokens in one session.

    A queued mail that asks for a link is a token not made yet: what makes tokens useless withdraws it too. That comes
    first, so that a token which is being made from it meanwhile is found afterwards.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._requests = MailQueueRepository(session)

    def find(self, digest: str, purpose: Purpose) -> Token | None:
        """The token with that digest, dead or alive."""
        statement = select(Token).where(Token.digest == digest, Token.purpose == purpose)
        return self._session.scalars(statement).first()

    def issue(self, user: User, purpose: Purpose, digest: str, *, now: datetime, expires_at: datetime) -> None:
        """Store a token for *user*, and revoke those it had for the same purpose."""
        self.revoke(user, purpose)
        self.add(user, purpose, digest, now=now, expires_at=expires_at)

    def add(self, user: User, purpose: Purpose, digest: str, *, now: datetime, expires_at: datetime) -> None:
        """Store a token for *user* beside those it has: another copy of a mail that may have arrived."""
        token = Token(
            user_id=user.id, purpose=purpose, digest=digest, email=user.email, created_at=now, expires_at=expires_at
        )
        self._session.add(token)
        self._session.flush()

    def consume(self, digest: str, purpose: Purpose, *, now: datetime) -> bool:
        """Spend the token, if it is alive; whether it was. Of any number that try at once, one succeeds."""
        statement = (
            update(Token)
            .where(Token.digest == digest, Token.purpose == purpose, Token.used_at.is_(None), Token.expires_at >= now)
            .values(used_at=now)
        )
        return cast("CursorResult[Any]", self._session.execute(statement)).rowcount > 0

    def revoke(self, user: User, purpose: Purpose) -> None:
        """Make every token of *user* for *purpose* useless."""
        self._requests.revoke_links(user.id, purpose)
        self._session.execute(delete(Token).where(Token.user_id == user.id, Token.purpose == purpose))

    def revoke_all(self, user: User) -> None:
        """Make every token of *user* that is still unused useless."""
        self._requests.revoke_links(user.id)
        self._session.execute(delete(Token).where(Token.user_id == user.id, Token.used_at.is_(None)))

    def delete_all(self, user: User) -> None:
        """Delete every token of *user*."""
        self._requests.revoke_links(user.id)
        self._session.execute(delete(Token).where(Token.user_id == user.id))
