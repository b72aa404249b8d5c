"""TLS that verifies the server against the authorities that the configuration names."""

import ssl
from pathlib import Path

from lback_cli.errors import ConfigurationError


def verifying_context(ca_file: Path | None, key: str) -> ssl.SSLContext:
    """Return a context that verifies servers against *ca_file*, or against the authorities of the system.

    Raises `ConfigurationError`, which names *key*, if the file cannot be used.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigurationError(
            f"{key}: cannot use {ca_file}: {error.strerror or error}.", hint="It must be a PEM file of certificates."
        ) from error
