"""Webhooks: each event as one signed POST over HTTPS."""

import http.client
import ipaddress
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from urllib.parse import urlunsplit

from lback_cli import __version__
from lback_cli.errors import ConfigurationError
from lback_cli.relay.sinks import split_url
from lback_cli.relay.sinks.base import (
    CONTENT_TYPE,
    DeliveryFailed,
    Message,
    MessageRejected,
    Sink,
    SinkError,
    SinkUnavailable,
)
from lback_cli.relay.sinks.signature import read_secrets, sign
from lback_cli.relay.sinks.tls import one_line, tls_context
from lback_cli.settings import SinkSettings

LONGEST_ANSWER = 64 * 1024
"""Bytes of an answer that are read, and not looked at; a longer one costs the connection."""

_SUCCESS, _REDIRECTION, _CLIENT_ERROR, _SERVER_ERROR = (range(first, first + 100) for first in (200, 300, 400, 500))

_OF_THE_ENDPOINT = frozenset({401, 403, 404, 405, 407, 408, 410, 421, 425, 429, 502, 503, 504})
"""Answers that tell of the endpoint, its proxies or its load (RFC 9110, 6585, 8470), and of no event in particular."""


def build(name: str, settings: SinkSettings) -> Sink:
    """A webhook. Raises `ConfigurationError`."""
    return Webhook(name, settings)


class Webhook:
    """Posts events to one URL, over a connection that is kept."""

    def __init__(self, name: str, settings: SinkSettings) -> None:
        url = split_url(name, settings.url)
        if url.username is not None or url.password is not None or url.fragment:
            raise ConfigurationError(
                f"relay.{name}.url has a user, a password or a fragment, which a webhook cannot.",
                hint=f"Its requests are signed instead: relay.{name}.secret_file.",
            )
        self._host = url.hostname or ""
        self._encrypted = url.scheme == "https"
        if not self._encrypted and not _is_loopback(self._host):
            raise ConfigurationError(
                f"relay.{name}.url is not encrypted, and leads to another machine.", hint="Use https://."
            )
        self._port = url.port or (443 if self._encrypted else 80)
        self._target = urlunsplit(("", "", url.path or "/", url.query, ""))
        self._name = name
        self._settings = settings
        self._context = tls_context(name, settings.ca_file)
        self._secrets = read_secrets(name, settings)
        self._connection: http.client.HTTPConnection | None = None

    def send(self, message: Message) -> None:
        """Post *message*, and return if the answer is of the 2xx kind."""
        try:
            with self._within_time() as breaker:
                connection = self._connected(breaker)
                status, retry_after = self._post(connection, message, breaker)
        except SinkError:
            self.close()
            raise
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            if breaker.fired or isinstance(error, TimeoutError):
                reason = f"no answer within {self._settings.timeout:g} s"
                raise (DeliveryFailed if breaker.connected else SinkUnavailable)(reason) from error
            if breaker.connected:
                raise DeliveryFailed(f"no proper answer: {one_line(error)}") from error
            raise SinkUnavailable(one_line(error)) from error
        if status not in _SUCCESS:
            # The next try may have another secret, or find another server behind the name.
            self.close()
            raise _judged(status, retry_after)

    def idle(self) -> None:
        """Nothing: a connection that the other side gave up is noticed before it is used."""

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _post(
        self, connection: http.client.HTTPConnection, message: Message, breaker: "_DeadlineGuard"
    ) -> tuple[int, float | None]:
        timestamp = int(time.time())
        headers = {
            "Content-Type": CONTENT_TYPE,
            "User-Agent": f"lback/{__version__}",
            "webhook-id": message.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(self._secrets, message.id, timestamp, message.body),
        }
        connection.request("POST", self._target, message.body, headers)
        with connection.getresponse() as answer:
            if breaker.fired:
                # Where the headers were cut off, they look as if they had ended.
                raise TimeoutError
            # The status says it all; what comes behind it only decides whether the connection can be used again.
            try:
                done = len(answer.read(LONGEST_ANSWER)) < LONGEST_ANSWER and not answer.will_close
            except (OSError, http.client.HTTPException):
                done = False
        if not done or breaker.fired:
            self.close()
        return answer.status, _seconds(answer.headers.get("Retry-After"))

    def _connected(self, breaker: "_DeadlineGuard") -> http.client.HTTPConnection:
        kept = self._connection
        if kept is not None and kept.sock is not None and not select.select([kept.sock], [], [], 0)[0]:
            breaker.watch(kept.sock)
            breaker.connected = True
            return kept
        self.close()
        self._secrets = self._current_secrets()
        plain = socket.create_connection((self._host, self._port), timeout=self._settings.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        breaker.watch(plain)
        self._connection = connection = http.client.HTTPConnection(self._host, self._port)
        connection.sock = plain
        if self._encrypted:
            connection.default_port = 443
            connection.sock = self._context.wrap_socket(plain, server_hostname=self._host)
        breaker.connected = True
        return connection

    def _current_secrets(self) -> list[bytes]:
        """The secrets as their file has them now, so that they can be replaced while the relay runs."""
        try:
            return read_secrets(self._name, self._settings)
        except ConfigurationError as error:
            raise SinkUnavailable(error.message) from error

    @contextmanager
    def _within_time(self) -> Iterator["_DeadlineGuard"]:
        """Cut the connection when the time is over: a server that sends a byte now and then never runs into one."""
        breaker = _DeadlineGuard()
        timer = threading.Timer(self._settings.timeout, breaker.cut)
        timer.daemon = True
        timer.start()
        try:
            yield breaker
        finally:
            timer.cancel()
            breaker.close()


class _DeadlineGuard:
    """Cuts a connection from another thread. *connected* says that the server is there, and who it should be."""

    def __init__(self) -> None:
        self.connected = False
        self.fired = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def watch(self, connection: socket.socket) -> None:
        """Stand ready to cut *connection*; a copy of it, as what encrypts it takes the original over."""
        with self._lock:
            self._socket = socket.socket(fileno=socket.dup(connection.fileno()))

    def cut(self) -> None:
        """Cut it."""
        with self._lock:
            self.fired = True
            if self._socket is not None:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of it."""
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None


def _judged(status: int, retry_after: float | None) -> SinkError:
    phrase = next((f"{known.value} {known.phrase}" for known in HTTPStatus if known == status), str(status))
    if status in _REDIRECTION:
        return SinkUnavailable(f"it answers {phrase}, and redirects are not followed")
    if status in _OF_THE_ENDPOINT:
        return SinkUnavailable(f"it answers {phrase}", retry_after=retry_after)
    if status in _CLIENT_ERROR:
        return MessageRejected(f"it answers {phrase}")
    return DeliveryFailed(f"it answers {phrase}", retry_after=retry_after)


def _seconds(retry_after: str | None) -> float | None:
    """*Retry-After*, where it is a number of seconds (RFC 9110, section 10.2.3)."""
    text = (retry_after or "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < _DIGITS else None


_DIGITS = 10


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
