"""The secrets in mailed links: made here, kept only as digests."""

import hashlib
import secrets

_ENTROPY_BYTES = 32
_PREFIX_LENGTH = 10


def generate_token() -> str:
    """Return a new secret of 256 random bits as 43 URL-safe characters (RFC 4648 section 5; ASVS 11.5.1).

    One that begins with a hyphen is drawn again, as a command line would take it for an option; that costs 0.02 bits.
    """
    while (token := secrets.token_urlsafe(_ENTROPY_BYTES)).startswith("-"):
        pass
    return token


def generate_hex_token(length: int) -> str:
    """Return a new secret of *length* lower-case hexadecimal digits, of four random bits each, *length* being even.

    It is what the lback framework's endpoints take; `generate_token` is for everybody else.
    """
    return secrets.token_hex(length // 2)


def token_digest(token: str) -> str:
    """Return the SHA-256 of *token* in hexadecimal: the form that is stored and looked up.

    A plain hash is enough for a secret of this entropy (ASVS 6.5.2). *token* comes from outside and may be any string,
    lone surrogates included.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def token_prefix(token: str) -> str:
    """Return the first 10 characters of *token*, by which signals name it; the rest stays unguessable."""
    return str(token)[:_PREFIX_LENGTH]
