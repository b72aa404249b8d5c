"""Encrypted connections to sinks: always to a server that proves who it is."""

import ssl
from pathlib import Path

from lback_cli.errors import ConfigurationError


def tls_context(name: str, ca_file: Path | None) -> ssl.SSLContext:
    """What verifies the server's certificate and its name. Raises `ConfigurationError`."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigurationError(
            f"relay.{name}.ca_file: cannot use {ca_file}: {error.strerror or error}.",
            hint="It must be a PEM file of certificates.",
        ) from error


def one_line(error: BaseException, *secrets: str | None) -> str:
    """What *error* says, in one line of bounded length and without any of *secrets*."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"it could not prove who it is: {error.verify_message}"
    text = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return " ".join(text.split())[:_LONGEST].rstrip(".")


_LONGEST = 200
