"""Queries on tokens."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from lback_cli.models import Purpose, Token, User
from lback_cli.repositories.mail_queue_repository import MailQueueRepository


class TokenRepository:
    """Tokens in one session.

    A queued mail with a link is a token that is not issued yet, so a method that revokes tokens deletes such mail too.
    It deletes the mail first: if a delivery issues a token for the mail at that moment, that token is revoked too.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._mails = MailQueueRepository(session)

    def find(self, digest: str, purpose: Purpose) -> Token | None:
        """Return the token with that digest, valid or not."""
        statement = select(Token).where(Token.digest == digest, Token.purpose == purpose)
        return self._session.scalars(statement).first()

    def issue(self, user: User, purpose: Purpose, digest: str, *, now: datetime, expires_at: datetime) -> None:
        """Store a token for *user*, and revoke the older ones for that purpose."""
        self.revoke(user, purpose)
        self.add(user, purpose, digest, now=now, expires_at=expires_at)

    def add(self, user: User, purpose: Purpose, digest: str, *, now: datetime, expires_at: datetime) -> None:
        """Store a token for *user*, and keep the older ones, which are in other copies of the same mail."""
        token = Token(
            user_id=user.id, purpose=purpose, digest=digest, email=user.email, created_at=now, expires_at=expires_at
        )
        self._session.add(token)
        self._session.flush()

    def consume(self, digest: str, purpose: Purpose, *, now: datetime) -> bool:
        """Use the token; return False if it is not valid. If several processes try at once, one of them succeeds."""
        statement = (
            update(Token)
            .where(Token.digest == digest, Token.purpose == purpose, Token.used_at.is_(None), Token.expires_at >= now)
            .values(used_at=now)
        )
        return cast("CursorResult[Any]", self._session.execute(statement)).rowcount > 0

    def revoke(self, user: User, purpose: Purpose) -> None:
        """Revoke all tokens of *user* for *purpose*."""
        self._mails.delete_links(user.id, purpose=purpose)
        self._session.execute(delete(Token).where(Token.user_id == user.id, Token.purpose == purpose))

    def revoke_all(self, user: User) -> None:
        """Revoke all unused tokens of *user*."""
        self._mails.delete_links(user.id)
        self._session.execute(delete(Token).where(Token.user_id == user.id, Token.used_at.is_(None)))

    def revoke_all_of(self, user_ids: Sequence[int]) -> None:
        """Revoke all unused tokens of the users with *user_ids*."""
        self._mails.delete_links(*user_ids)
        self._session.execute(delete(Token).where(Token.user_id.in_(user_ids), Token.used_at.is_(None)))

    def delete_all(self, user: User) -> None:
        """Delete all tokens of *user*, used or not."""
        self._mails.delete_links(user.id)
        self._session.execute(delete(Token).where(Token.user_id == user.id))
