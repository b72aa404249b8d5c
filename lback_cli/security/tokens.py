"""Tokens: the secrets in mailed links, which are stored as digests only."""

import hashlib
import secrets

_ENTROPY_BYTES = 32
_PREFIX_LENGTH = 10


def generate_token() -> str:
    """Return a token of 256 random bits as 43 URL-safe characters (RFC 4648 section 5; ASVS 11.5.1).

    It never begins with a hyphen, so that a command line cannot mistake it for an option. That costs 0.02 bits.
    """
    while (token := secrets.token_urlsafe(_ENTROPY_BYTES)).startswith("-"):
        pass
    return token


def generate_hex_token(length: int) -> str:
    """Return a token of *length* lower-case hexadecimal digits, as the lback framework's endpoints expect it.

    *length* must be even.
    """
    return secrets.token_hex(length // 2)


def token_digest(token: str) -> str:
    """Return the SHA-256 of *token* in hexadecimal, the form that is stored and looked up.

    A fast hash is enough for a secret of this entropy (ASVS 6.5.2). *token* may be any string, even with lone
    surrogates, since it comes from outside.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def token_prefix(token: str) -> str:
    """Return the first 10 characters of *token*, which signals carry. The rest remains unguessable."""
    return str(token)[:_PREFIX_LENGTH]
