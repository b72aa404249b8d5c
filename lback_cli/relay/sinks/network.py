"""What sinks on the network share: their URLs, TLS, and the wording of errors."""

import ssl
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from lback_cli.errors import ConfigurationError

_MAX_LENGTH = 200
"""Characters of an error that a message repeats."""


def split_url(name: str, url: str) -> SplitResult:
    """Return the parts of the URL of the sink *name*.

    Raises:
        ConfigurationError: If it is not a URL. The message does not repeat it, as it may contain a password.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ConfigurationError(f"relay.{name}.url is not a valid URL.") from error
    if not (parts.hostname and url.isascii() and url.isprintable() and " " not in url):
        raise ConfigurationError(
            f"relay.{name}.url is not a valid URL.", hint="A URL looks like https://example.org/events, in ASCII."
        )
    return parts


def tls_context(name: str, ca_file: Path | None) -> ssl.SSLContext:
    """Return the context that verifies the certificate and the host name of the server of the sink *name*.

    Raises:
        ConfigurationError: If *ca_file* cannot be used.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigurationError(
            f"relay.{name}.ca_file: cannot use {ca_file}: {error.strerror or error}.",
            hint="It must be a PEM file of certificates.",
        ) from error


def one_line(error: BaseException, *secrets: str | None) -> str:
    """Return the text of *error* in one line of limited length, without any of *secrets*."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    text = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return " ".join(text.split())[:_MAX_LENGTH].rstrip(".")
