"""What sinks on the network share: their URLs, TLS, and the wording of errors."""

import ipaddress
import ssl
from collections.abc import Iterable, Iterator
from urllib.parse import SplitResult, unquote, urlsplit

from lback_cli.errors import ConfigurationError
from lback_cli.settings.ca_file import verifying_context
from lback_cli.settings.secret_file import read_secret
from lback_cli.settings.sink_kinds import BrokerSettings, TlsSinkSettings

_MAX_LENGTH = 200
"""Characters of an error that a message repeats."""


def split_url(name: str, url: str) -> SplitResult:
    """Return the parts of the URL of the sink *name*.

    Raises:
        ConfigurationError: If it is not a URL. The message does not repeat it, as it may contain a password.
    """
    return parse_url(f"relay.{name}.url", url)


def parse_url(key: str, url: str) -> SplitResult:
    """Return the parts of the *url* that the setting *key* has; see `split_url`."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ConfigurationError(f"{key} is not a valid URL.") from error
    if not (parts.hostname and url.isascii() and url.isprintable() and " " not in url):
        raise ConfigurationError(
            f"{key} is not a valid URL.", hint="A URL looks like https://example.org/events, in ASCII."
        )
    return parts


def require_hosts(key: str, servers: Iterable[str]) -> None:
    """Require that each of the *servers* that the setting *key* has is a host, or a host and a port.

    Raises:
        ConfigurationError: If one is not. The message does not repeat it, as it may contain a password.
    """
    for server in servers:
        parts = parse_url(key, f"//{server}")
        if parts.username is not None or parts.path:
            raise ConfigurationError(
                f"{key} has more than hosts and ports.", hint="lback logs in to all as it does to url."
            )


def broker_password(name: str, settings: BrokerSettings) -> str | None:
    """Return the password with which the sink *name* logs in, which is in its URL or in ``password_file``, if any.

    Raises:
        ConfigurationError: If it is in both, or the file cannot be used.
    """
    in_url = unquote(urlsplit(settings.url).password or "")
    if settings.password_file is None:
        return in_url or None
    if in_url:
        raise ConfigurationError(f"relay.{name} has a password in url and a password_file.", hint="Remove one of them.")
    return read_secret(settings.password_file, f"relay.{name}.password_file")


def tls_context(name: str, settings: TlsSinkSettings) -> ssl.SSLContext | None:
    """Return the context that verifies the server of the sink *name*, or None if its URL promises no TLS.

    Raises:
        ConfigurationError: If a file for TLS cannot be used, or is set although the connection is not encrypted.
    """
    scheme = urlsplit(settings.url).scheme
    if scheme not in settings.encrypted_schemes:
        for key in ("ca_file", "client_certificate", "client_key"):
            if getattr(settings, key) is not None:
                raise ConfigurationError(
                    f"relay.{name}.{key} is set, but a connection with {scheme}:// is not encrypted.",
                    hint=f"Use {settings.encrypted_schemes[0]}://, or remove the key.",
                )
        return None
    context = verifying_context(settings.ca_file, f"relay.{name}.ca_file")
    if settings.client_certificate is not None:
        try:
            # A passphrase would be asked for on the terminal.
            context.load_cert_chain(settings.client_certificate, settings.client_key, password=lambda: "")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigurationError(
                f"relay.{name}.client_certificate: cannot use {settings.client_certificate}: {reason}.",
                hint="It must be a PEM file of a certificate, with its private key, or with that in client_key.",
            ) from error
    elif settings.client_key is not None:
        raise ConfigurationError(
            f"relay.{name}.client_key is set, but relay.{name}.client_certificate is not.", hint="Set it too."
        )
    return context


def one_line(error: BaseException, *secrets: str | None) -> str:
    """Return the text of *error* in one line of limited length, without any of *secrets*.

    A client library may raise an error of its own for one of TLS, which says more.
    """
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"it does not speak TLS as expected: {cause.reason or cause}"
    text = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return " ".join(text.split())[:_MAX_LENGTH].rstrip(".")


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__


def is_loopback(host: str) -> bool:
    """Return whether *host* is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
