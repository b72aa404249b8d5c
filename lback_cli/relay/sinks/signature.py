"""Signatures of webhooks, the Standard Webhooks way (https://www.standardwebhooks.com, specification 1.0.0)."""

import base64
import binascii
import hashlib
import hmac

from lback_cli.errors import ConfigurationError
from lback_cli.settings import SinkSettings

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret, as the specification has them."""


def read_secrets(name: str, settings: SinkSettings) -> list[bytes]:
    """The secrets of a webhook, one or, while one is replaced, several. Raises `ConfigurationError`."""
    key, text = f"relay.{name}.secrets", settings.secrets
    if settings.secret_file is not None:
        if text:
            raise ConfigurationError(f"{key} and relay.{name}.secret_file are both set.", hint="Leave one out.")
        key = f"relay.{name}.secret_file"
        try:
            text = settings.secret_file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise ConfigurationError(f"{key}: cannot read {settings.secret_file}: {reason}.") from error
    if not text.split():
        raise ConfigurationError(
            f"{key} is empty, and a webhook must be signed.",
            hint=f'Make a secret: echo "{PREFIX}$(openssl rand -base64 32)"',
        )
    return [_decoded(key, secret) for secret in text.split()]


def sign(secrets: list[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The header ``webhook-signature``: one signature for each secret."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = (hmac.new(secret, signed, hashlib.sha256).digest() for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def _decoded(key: str, secret: str) -> bytes:
    try:
        if not secret.startswith(PREFIX):
            raise ValueError(PREFIX)  # noqa: TRY301 - one way to refuse a secret
        decoded = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (ValueError, binascii.Error):
        decoded = b""
    if not SHORTEST <= len(decoded) <= LONGEST:
        raise ConfigurationError(
            f"{key} has a secret that is not {PREFIX} and base64 of {SHORTEST} to {LONGEST} bytes.",
            hint=f'Make one: echo "{PREFIX}$(openssl rand -base64 32)"',
        )
    return decoded
