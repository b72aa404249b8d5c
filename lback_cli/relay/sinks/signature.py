"""Signatures of webhooks, as Standard Webhooks 1.0.0 specifies them (https://www.standardwebhooks.com)."""

import base64
import binascii
import hashlib
import hmac

from lback_cli.errors import ConfigurationError
from lback_cli.settings.secret_file import read_secret_lines
from lback_cli.settings.sink_kinds import WebhookSettings
from lback_cli.text.shell_quoting import command_line

PREFIX = "whsec_"
MIN_BYTES, MAX_BYTES = 24, 64
"""The limits of a secret in the specification."""


def read_secrets(name: str, settings: WebhookSettings) -> list[bytes]:
    """Return the secrets of a webhook: one or, while it is being replaced, several.

    Raises:
        ConfigurationError: If there is none, or one is malformed.
    """
    key, file_key, text, file = f"relay.{name}.secrets", f"relay.{name}.secret_file", settings.secrets, "FILE"
    if settings.secret_file is not None:
        if text:
            raise ConfigurationError(f"{key} and {file_key} are both set.", hint="Remove one of them.")
        key, file = file_key, command_line([str(settings.secret_file)])
        text = " ".join(read_secret_lines(settings.secret_file, key))
    if not text.split():
        is_named = settings.secret_file is not None
        missing = f"{key} is empty" if is_named else f"Neither {file_key} nor {key} is set"
        run = "Run" if is_named else f"Set {file_key} to a file, and run"
        raise ConfigurationError(
            f"{missing}, but a webhook must be signed.",
            hint=f'{run}: (umask 077; echo "{PREFIX}$(openssl rand -base64 32)" > {file})',
        )
    return [_decoded(key, secret) for secret in text.split()]


def sign(secrets: list[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """Return the header ``webhook-signature``: one signature for each secret."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = (hmac.new(secret, signed, hashlib.sha256).digest() for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def _decoded(key: str, secret: str) -> bytes:
    try:
        if not secret.startswith(PREFIX):
            raise ValueError(PREFIX)  # noqa: TRY301 - all malformed secrets take one path
        decoded = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (ValueError, binascii.Error):
        decoded = b""
    if not MIN_BYTES <= len(decoded) <= MAX_BYTES:
        raise ConfigurationError(
            f"{key} has a secret that is not {PREFIX} and base64 of {MIN_BYTES} to {MAX_BYTES} bytes.",
            hint=f'Create one: echo "{PREFIX}$(openssl rand -base64 32)"',
        )
    return decoded
