"""The tokens in links: lback's own, and those that an application built on the lback framework accepts."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from lback_cli.managers.dependencies import Dependencies
from lback_cli.models import Purpose, User
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.security.tokens import generate_hex_token, generate_token, token_digest

_FRAMEWORK_LENGTHS = {Purpose.VERIFY_EMAIL: 32, Purpose.RESET_PASSWORD: 64}
"""Characters of the framework's tokens. 32 hexadecimal digits are 128 random bits."""

_FRAMEWORK_LIFETIME = timedelta(minutes=60)
"""The lifetime of the framework's tokens."""

_HEXADECIMAL = re.compile("[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token that was sent to the address *email*."""

    user_id: int
    email: str
    expires_at: datetime
    used: bool = False

    def is_valid(self, now: datetime) -> bool:
        """Return True if the token could be used *now*."""
        return not self.used and self.expires_at >= now


class LinkTokens:
    """lback's own tokens. The database has only their digests."""

    def __init__(self, services: Dependencies) -> None:
        self._services = services

    def generate(self, purpose: Purpose) -> str:  # noqa: ARG002 - all purposes have the same tokens here
        """Return a new token."""
        return generate_token()

    def lifetime(self, purpose: Purpose) -> timedelta:
        """Return how long a token is valid."""
        settings = self._services.settings.tokens
        return settings.verification_lifetime if purpose is Purpose.VERIFY_EMAIL else settings.reset_lifetime

    def issue(
        self,
        uow: UnitOfWork,
        user: User,
        purpose: Purpose,
        token: str,
        *,
        lifetime: timedelta | None = None,
        keep_others: bool = False,
    ) -> datetime:
        """Store a token.

        Args:
            uow: The transaction.
            user: The user who is sent the token.
            purpose: What the token is for.
            token: The token.
            lifetime: How long the token is valid, by default as long as `lifetime` says.
            keep_others: Whether the user's older tokens for this purpose stay valid.

        Returns:
            When the token expires.
        """
        now = self._services.now()
        expires_at = now + (self.lifetime(purpose) if lifetime is None else lifetime)
        store = uow.tokens.add if keep_others else uow.tokens.issue
        store(user, purpose, token_digest(token), now=now, expires_at=expires_at)
        return expires_at

    def find(self, uow: UnitOfWork, token: str, purpose: Purpose) -> IssuedToken | None:
        """Return the token, valid or not, or None if it was never issued or is deleted."""
        found = uow.tokens.find(token_digest(token), purpose)
        if found is None:
            return None
        return IssuedToken(found.user_id, found.email, found.expires_at, used=found.used_at is not None)

    def consume(self, uow: UnitOfWork, token: str, purpose: Purpose) -> bool:
        """Use the token, or return False if it is not valid. If several processes try at once, only one succeeds."""
        return uow.tokens.consume(token_digest(token), purpose, now=self._services.now())

    def revoke(self, uow: UnitOfWork, user: User, purpose: Purpose) -> None:
        """Revoke all tokens of *user* for *purpose*."""
        uow.tokens.revoke(user, purpose)

    def revoke_all(self, uow: UnitOfWork, user: User) -> None:
        """Revoke all unused tokens of *user*."""
        uow.tokens.revoke_all(user)


class FrameworkLinkTokens(LinkTokens):
    """Tokens that lback and an application built on the lback framework both accept, whichever of them issued them.

    The framework reads only the user's row, so that row decides: a token that was used or replaced on either side is
    invalid on both. lback's own row remembers the address and that the token was used.
    """

    def generate(self, purpose: Purpose) -> str:
        """Return a new token in the framework's format."""
        return generate_hex_token(_FRAMEWORK_LENGTHS[purpose])

    def lifetime(self, purpose: Purpose) -> timedelta:
        """Return how long a token is valid: not longer than the framework's own."""
        return min(super().lifetime(purpose), _FRAMEWORK_LIFETIME)

    def issue(
        self,
        uow: UnitOfWork,
        user: User,
        purpose: Purpose,
        token: str,
        *,
        lifetime: timedelta | None = None,
        keep_others: bool = False,
    ) -> datetime:
        """Store a token, as a digest for lback and in plain text for the framework.

        The arguments and the result are as for `LinkTokens.issue`, with two differences. The user's row has room for
        one token of each purpose, so the framework accepts only the newest, even with *keep_others*. The framework
        reads the expiry from that row, so the *lifetime* of an invitation may be longer than that of its own tokens.
        """
        expires_at = super().issue(uow, user, purpose, token, lifetime=lifetime, keep_others=keep_others)
        uow.framework_tokens.put(user, purpose, token, expires_at=expires_at)
        return expires_at

    def find(self, uow: UnitOfWork, token: str, purpose: Purpose) -> IssuedToken | None:
        """Return the token, valid or not, of lback or of the framework, or None if there is none."""
        own = super().find(uow, token, purpose)
        if not _is_hexadecimal(token, purpose):
            # Issued before lback_framework was turned on, so the framework never accepted it.
            return own
        stored = uow.framework_tokens.find(token, purpose)
        if own is None:
            return None if stored is None else IssuedToken(stored.user_id, stored.email, stored.expires_at)
        return IssuedToken(own.user_id, own.email, own.expires_at, used=own.used or stored is None)

    def consume(self, uow: UnitOfWork, token: str, purpose: Purpose) -> bool:
        """Use the token on both sides, or return False if it is not valid."""
        if not _is_hexadecimal(token, purpose):
            return super().consume(uow, token, purpose)
        consumed = uow.framework_tokens.consume(token, purpose, now=self._services.now())
        if consumed:
            super().consume(uow, token, purpose)
        return consumed

    def revoke(self, uow: UnitOfWork, user: User, purpose: Purpose) -> None:
        """Revoke all tokens of *user* for *purpose*, on both sides."""
        super().revoke(uow, user, purpose)
        uow.framework_tokens.clear(user, [purpose])

    def revoke_all(self, uow: UnitOfWork, user: User) -> None:
        """Revoke all unused tokens of *user*, on both sides."""
        super().revoke_all(uow, user)
        uow.framework_tokens.clear(user)


def link_tokens(services: Dependencies) -> LinkTokens:
    """Return the tokens that the settings select."""
    tokens = FrameworkLinkTokens if services.settings.compat.lback_framework else LinkTokens
    return tokens(services)


def _is_hexadecimal(token: str, purpose: Purpose) -> bool:
    """Return True if *token* has the framework's format. Other text need not reach the database."""
    return len(token) == _FRAMEWORK_LENGTHS[purpose] and _HEXADECIMAL.fullmatch(token) is not None
