"""Webhooks: each event is one signed POST over HTTPS."""

import http.client
import select
import socket
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlunsplit

from lback_cli.deadline import Deadline, connect
from lback_cli.errors import ConfigurationError
from lback_cli.relay.sinks.base import (
    DeliveryFailed,
    Message,
    MessageRejected,
    SinkError,
    SinkUnavailable,
)
from lback_cli.relay.sinks.headers import read_headers
from lback_cli.relay.sinks.network import is_loopback, one_line, split_url, tls_context
from lback_cli.relay.sinks.proxy import Proxy
from lback_cli.relay.sinks.signature import read_secrets, sign
from lback_cli.settings.sink_kinds import WebhookSettings
from lback_cli.version import __version__

MAX_ANSWER = 64 * 1024
"""Bytes of an answer that are read and ignored. The connection is not used again after a longer one."""

_SUCCESS, _REDIRECTION, _CLIENT_ERROR = (range(first, first + 100) for first in (200, 300, 400))

_ABOUT_THE_ENDPOINT = frozenset({401, 403, 404, 405, 407, 408, 410, 421, 425, 429, 502, 503, 504})
"""Answers about the endpoint, its proxies or its load, not about one event (RFC 9110, 6585, 8470)."""

_MAX_SHOWN = 200
"""Characters of an answer that a dead letter has."""

_MAX_DIGITS = 9
"""Digits of a delay in *Retry-After*; longer ones are ignored."""


class Webhook:
    """Posts events to one URL, over a connection that is kept open."""

    settings = WebhookSettings

    def __init__(self, name: str, settings: WebhookSettings) -> None:
        """Read the secrets, and check the settings.

        Raises:
            ConfigurationError: If a setting cannot be used.
        """
        url = split_url(name, settings.url)
        if url.username is not None or url.password is not None or url.fragment:
            raise ConfigurationError(
                f"relay.{name}.url has a user, a password or a fragment, which a webhook cannot have.",
                hint=f"Its requests are signed instead: set relay.{name}.secret_file.",
            )
        self._host = url.hostname or ""
        self._context = tls_context(name, settings)
        if self._context is None and not is_loopback(self._host):
            raise ConfigurationError(
                f"relay.{name}.url is not encrypted and leads to another machine.", hint="Use https://."
            )
        self._port = url.port or (80 if self._context is None else 443)
        self._proxy = (
            None if not settings.proxy else Proxy.of(name, settings.proxy, encrypted=self._context is not None)
        )
        self._headers = read_headers(name, settings)
        self._target = urlunsplit(("", "", url.path or "/", url.query, ""))
        self._name = name
        self._settings = settings
        self._secrets = read_secrets(name, settings)
        self._connection: http.client.HTTPConnection | None = None
        self._deadline = Deadline()

    def send(self, message: Message) -> None:
        """Post *message*, and return if the answer is 2xx."""
        self._deadline.set(self._settings.timeout)
        try:
            connection = self._connected()
        except (OSError, ValueError) as error:
            is_absent = isinstance(error, ConnectionRefusedError | socket.gaierror) and self._proxy is None
            where = f" ({self._host}:{self._port})" if is_absent else ""
            raise SinkUnavailable(f"{self._reason(error)}{where}") from error
        try:
            answer = self._post(connection, message)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            text = self._reason(error)
            raise DeliveryFailed(text if isinstance(error, TimeoutError) else f"no proper answer: {text}") from error
        if answer.status not in _SUCCESS:
            # The next attempt may have another secret, or reach another server of that name.
            self.close()
            raise _error_for(answer)

    def idle(self) -> None:
        """Do nothing: a connection that the server closed is noticed before it is used."""

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _post(self, connection: http.client.HTTPConnection, message: Message) -> "_Answer":
        """Send the request, and return the answer."""
        timestamp = int(time.time())
        headers = {
            **self._headers,
            "Content-Type": message.content_type,
            "User-Agent": f"lback/{__version__}",
            "webhook-id": message.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(self._secrets, message.id, timestamp, message.body),
        }
        connection.request("POST", self._target, message.body, headers)
        with connection.getresponse() as response:
            # The status is the answer; its body only decides whether the connection can be used again.
            body = b""
            try:
                body = response.read(MAX_ANSWER)
                complete = len(body) < MAX_ANSWER
            except (OSError, http.client.HTTPException):
                complete = False
        if response.will_close or not complete:
            self.close()
        return _Answer(response.status, _seconds(response.headers.get("Retry-After")), _beginning(body))

    def _connected(self) -> http.client.HTTPConnection:
        """Return a connection.

        Raises:
            SinkUnavailable: If the secrets cannot be read any more.
            OSError: If the server cannot be reached or is not trusted.
        """
        kept = self._connection
        if kept is None or kept.sock is None or select.select([kept.sock], [], [], 0)[0]:
            self.close()
            kept = self._connection = self._connect()
        return kept

    def _connect(self) -> http.client.HTTPConnection:
        self._read_secrets()
        connection = http.client.HTTPConnection(self._host, self._port)
        connection.response_class = _Response
        if self._proxy is None:
            connection.sock = connect(self._host, self._port, self._deadline, self._context)
        else:
            connection.sock = self._proxy.connect(self._host, self._port, self._deadline, self._context)
        if self._context is not None:
            connection.default_port = 443
        return connection

    def _read_secrets(self) -> None:
        """Read the secrets and headers again, so that they can be replaced while the relay runs."""
        try:
            self._secrets = read_secrets(self._name, self._settings)
            self._headers = read_headers(self._name, self._settings)
        except ConfigurationError as error:
            raise SinkUnavailable(error.message) from error

    def _reason(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"no answer within {self._settings.timeout:g} s"
        return one_line(error)


class _Response(http.client.HTTPResponse):
    """An answer that is not informational: `http.client` skips only 100 of the 1xx (RFC 9110, section 15.2)."""

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]  # it is private
        informational = HTTPStatus.SWITCHING_PROTOCOLS < status < HTTPStatus.OK
        return version, HTTPStatus.CONTINUE if informational else status, reason


class _Answer(NamedTuple):
    """An answer: its status, the delay that it asks for in seconds, and the beginning of its text."""

    status: int
    retry_after: float | None
    beginning: str | None


def _error_for(answer: _Answer) -> SinkError:
    status = answer.status
    phrase = next((f"{known.value} {known.phrase}" for known in HTTPStatus if known == status), str(status))
    if status in _REDIRECTION:
        return SinkUnavailable(f"it answers {phrase}, and redirects are not followed")
    if status in _ABOUT_THE_ENDPOINT:
        return SinkUnavailable(f"it answers {phrase}", retry_after=answer.retry_after)
    if status in _CLIENT_ERROR:
        return MessageRejected(f"it answers {phrase}", answer=answer.beginning)
    return DeliveryFailed(f"it answers {phrase}", retry_after=answer.retry_after, answer=answer.beginning)


def _beginning(body: bytes) -> str | None:
    """Return the beginning of an answer in one line, or None if it is empty."""
    text = " ".join(body[: 4 * _MAX_SHOWN].decode("utf-8", "replace").replace("\0", " ").split())
    return text[:_MAX_SHOWN] or None


def _seconds(retry_after: str | None) -> float | None:
    """Return the delay of *Retry-After*, a number of seconds or a date (RFC 9110, section 10.2.3)."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) <= _MAX_DIGITS else None
    try:
        until = parsedate_to_datetime(text)
        return max(0.0, (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
