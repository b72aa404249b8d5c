"""The tokens in mailed links: lback's own, and those of an lback framework's application beside it."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from lback_cli.managers.dependencies import Dependencies
from lback_cli.models import Purpose, User
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.security.tokens import generate_hex_token, generate_token, token_digest

_FRAMEWORK_LENGTHS = {Purpose.VERIFY_EMAIL: 32, Purpose.RESET_PASSWORD: 64}
"""Characters of the framework's tokens; 32 of them are 128 random bits."""

_FRAMEWORK_LIFETIME = timedelta(minutes=60)
"""How long the framework lets either of its tokens live."""

_HEXADECIMAL = re.compile("[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token that somebody was sent at the address *email*; it works until *expires_at*, unless it is *spent*."""

    user_id: int
    email: str
    expires_at: datetime
    spent: bool = False

    def is_valid(self, now: datetime) -> bool:
        """Whether it could be used *now*."""
        return not self.spent and self.expires_at >= now


class LinkTokens:
    """lback's own tokens, of which the database keeps digests."""

    def __init__(self, services: Dependencies) -> None:
        self._services = services

    def generate(self, purpose: Purpose) -> str:  # noqa: ARG002 - one kind for every purpose here
        """A new token."""
        return generate_token()

    def lifetime(self, purpose: Purpose) -> timedelta:
        """How long a token works."""
        settings = self._services.settings.tokens
        return settings.verification_lifetime if purpose is Purpose.VERIFY_EMAIL else settings.reset_lifetime

    def issue(
        self,
        work: UnitOfWork,
        user: User,
        purpose: Purpose,
        token: str,
        *,
        lifetime: timedelta | None = None,
        beside_others: bool = False,
    ) -> datetime:
        """Store *token* for *user*, in place of older ones for that purpose or *beside_others*; until when it works.

        *lifetime* None is that of the purpose.
        """
        now = self._services.now()
        expires_at = now + (self.lifetime(purpose) if lifetime is None else lifetime)
        store = work.tokens.add if beside_others else work.tokens.issue
        store(user, purpose, token_digest(token), now=now, expires_at=expires_at)
        return expires_at

    def find(self, work: UnitOfWork, token: str, purpose: Purpose) -> IssuedToken | None:
        """The token, dead or alive; None where nobody was sent such a one, or it is forgotten."""
        found = work.tokens.find(token_digest(token), purpose)
        if found is None:
            return None
        return IssuedToken(found.user_id, found.email, found.expires_at, spent=found.used_at is not None)

    def consume(self, work: UnitOfWork, token: str, purpose: Purpose) -> bool:
        """Spend the token, if it is alive; whether it was. Of any number that try at once, one succeeds."""
        return work.tokens.consume(token_digest(token), purpose, now=self._services.now())

    def revoke(self, work: UnitOfWork, user: User, purpose: Purpose) -> None:
        """Make every token of *user* for *purpose* useless."""
        work.tokens.revoke(user, purpose)

    def revoke_all(self, work: UnitOfWork, user: User) -> None:
        """Make every unused token of *user* useless."""
        work.tokens.revoke_all(user)


class FrameworkLinkTokens(LinkTokens):
    """Tokens that the framework's endpoints accept, and the acceptance of those that they issued.

    The framework looks into the user's row and nowhere else, so what stands there decides: a token that was used or
    replaced on either side is dead on both. lback's own row beside it remembers the address and that it was used.
    """

    def generate(self, purpose: Purpose) -> str:
        """A new token in the framework's form."""
        return generate_hex_token(_FRAMEWORK_LENGTHS[purpose])

    def lifetime(self, purpose: Purpose) -> timedelta:
        """How long a token works: never longer than the framework's own."""
        return min(super().lifetime(purpose), _FRAMEWORK_LIFETIME)

    def issue(
        self,
        work: UnitOfWork,
        user: User,
        purpose: Purpose,
        token: str,
        *,
        lifetime: timedelta | None = None,
        beside_others: bool = False,
    ) -> datetime:
        """Store *token* for *user*, as a digest here and in plain text for the framework; until when it works.

        The framework goes by the moment in the user's row, so an invitation may have a *lifetime* beyond its own. It
        has room for one token of each purpose, so that those *beside_others* take the place of the others even so.
        """
        expires_at = super().issue(work, user, purpose, token, lifetime=lifetime, beside_others=beside_others)
        work.framework_tokens.put(user, purpose, token, expires_at=expires_at)
        return expires_at

    def find(self, work: UnitOfWork, token: str, purpose: Purpose) -> IssuedToken | None:
        """The token, whoever issued it, dead or alive."""
        own = super().find(work, token, purpose)
        if not _is_hexadecimal(token, purpose):
            # From before: the framework could not have accepted it either.
            return own
        stored = work.framework_tokens.find(token, purpose)
        if own is None:
            return None if stored is None else IssuedToken(stored.user_id, stored.email, stored.expires_at)
        return IssuedToken(own.user_id, own.email, own.expires_at, spent=own.spent or stored is None)

    def consume(self, work: UnitOfWork, token: str, purpose: Purpose) -> bool:
        """Spend the token on both sides, if it is alive; whether it was."""
        if not _is_hexadecimal(token, purpose):
            return super().consume(work, token, purpose)
        taken = work.framework_tokens.take(token, purpose, now=self._services.now())
        if taken:
            super().consume(work, token, purpose)
        return taken

    def revoke(self, work: UnitOfWork, user: User, purpose: Purpose) -> None:
        """Make every token of *user* for *purpose* useless, on both sides."""
        super().revoke(work, user, purpose)
        work.framework_tokens.clear(user, [purpose])

    def revoke_all(self, work: UnitOfWork, user: User) -> None:
        """Make every token of *user* useless, on both sides."""
        super().revoke_all(work, user)
        work.framework_tokens.clear(user)


def link_tokens(services: Dependencies) -> LinkTokens:
    """The tokens that the settings ask for."""
    kind = FrameworkLinkTokens if services.settings.compat.lback_framework else LinkTokens
    return kind(services)


def _is_hexadecimal(token: str, purpose: Purpose) -> bool:
    """Whether *token*, which may be any text, has the framework's form: other text need not reach the database."""
    return len(token) == _FRAMEWORK_LENGTHS[purpose] and _HEXADECIMAL.fullmatch(token) is not None
