"""RabbitMQ: the broker confirms each persistent message before the next one is sent."""

import logging
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NoReturn
from urllib.parse import urlsplit

import pika
from pika.adapters.utils.connection_workflow import AMQPConnectorStackTimeout
from pika.exceptions import (
    AMQPChannelError,
    AMQPConnectionError,
    AMQPError,
    AMQPHeartbeatTimeout,
    ChannelClosed,
    ChannelClosedByBroker,
    ConnectionBlockedTimeout,
    ConnectionClosed,
    IncompatibleProtocolError,
    NackError,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
    UnroutableError,
)

from lback_cli.deadline import Deadline
from lback_cli.errors import ConfigurationError
from lback_cli.relay.sinks.base import Message, MessageRejected, SinkUnavailable
from lback_cli.relay.sinks.network import broker_password, one_line, tls_context
from lback_cli.settings.sink_kinds import RabbitMqSettings

_TOO_LARGE = 406
"""PRECONDITION_FAILED (AMQP 0-9-1), with which RabbitMQ closes a channel after a message that is too large."""

_PERSISTENT = 2

_QUOTED = re.compile(r"ConnectionClosedByBroker: \((\d+)\) '([^']*)'")
"""The broker's reason, where the client has put it into the text of its own error."""

_REASONS: Mapping[type[Exception], str] = {
    ProbableAuthenticationError: "the broker refused the login",
    ProbableAccessDeniedError: "the broker refused access to the virtual host",
    IncompatibleProtocolError: "the server closed the connection or does not speak AMQP 0-9-1",
    ConnectionBlockedTimeout: "the broker accepts nothing at present, as it has too little memory or disk",
    AMQPHeartbeatTimeout: "the broker stopped answering",
    AMQPConnectionError: "the broker closed the connection",
    AMQPChannelError: "the broker closed the channel",
}
"""What the errors of the client mean, whose own texts are empty or names of classes. Subclasses come first."""

_GOODBYE = 1.0
"""Seconds that the broker has to close a connection."""


class RabbitMq:
    """Publishes events to an exchange. An event that reaches no queue counts as not delivered."""

    settings = RabbitMqSettings

    def __init__(self, name: str, settings: RabbitMqSettings) -> None:
        """Check the settings.

        Raises:
            ConfigurationError: If a setting cannot be used.
        """
        logging.getLogger("pika").setLevel(logging.CRITICAL)  # The relay reports the errors.
        self._name = name
        self._settings = settings
        self._context = tls_context(name, settings)
        self._password: str | None = None
        self._parameters()
        self._deadline = Deadline()
        self._connection: _Connection | None = None
        self._channel: Any = None

    def send(self, message: Message) -> None:
        """Publish *message*, and return when the broker has confirmed it."""
        self._deadline.set(self._settings.timeout)
        try:
            if self._channel is None:
                self._connect()
            self._channel.basic_publish(
                self._settings.exchange,
                self._settings.routing_key or message.type,
                message.body,
                pika.BasicProperties(
                    content_type=f"{message.content_type}; charset=utf-8",
                    delivery_mode=_PERSISTENT,
                    message_id=message.id,
                    type=message.type,
                    app_id="lback",
                ),
                mandatory=True,
            )
        except UnroutableError as error:
            self.close()
            raise SinkUnavailable("no queue is bound to the exchange for this event") from error
        except NackError as error:
            self.close()
            raise SinkUnavailable("the broker did not accept the event") from error
        except ChannelClosedByBroker as error:
            self.close()
            kind = MessageRejected if error.reply_code == _TOO_LARGE else SinkUnavailable
            raise kind(one_line(ConnectionError(f"{error.reply_code} {error.reply_text}"), self._password)) from error
        except (TimeoutError, AMQPConnectorStackTimeout) as error:
            self.close()
            raise SinkUnavailable(f"no answer within {self._settings.timeout:g} s") from error
        except (AMQPError, OSError, ConfigurationError) as error:
            self.close()
            raise SinkUnavailable(self._reason(error)) from error

    def idle(self) -> None:
        """Answer heartbeats."""
        if self._connection is not None:
            self._deadline.set(self._settings.timeout)
            try:
                self._connection.process_data_events(0)
            except (AMQPError, OSError):
                self.close()

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            self._deadline.set(_GOODBYE)
            connection.end()

    def _connect(self) -> None:
        self._connection = _Connection(self._parameters(), self._deadline)
        self._channel = self._connection.channel()
        self._channel.confirm_delivery()

    def _parameters(self) -> pika.ConnectionParameters:
        try:
            parameters = pika.URLParameters(_with_a_password(self._settings.url))
        except Exception as error:  # pika fails on a bad URL with errors of every kind
            raise ConfigurationError(f"relay.{self._name}.url has a part that AMQP does not accept.") from error
        self._password = broker_password(self._name, self._settings)
        if self._password is not None:
            parameters.credentials = pika.PlainCredentials(parameters.credentials.username, self._password)
        timeout = self._settings.timeout
        parameters.socket_timeout = parameters.blocked_connection_timeout = timeout
        parameters.stack_timeout = timeout
        # The client gives up a silent broker after two heartbeats, also while it waits for a confirmation.
        parameters.heartbeat = max(2, int(timeout / 2))
        parameters.connection_attempts = 1
        if self._context is not None:
            parameters.ssl_options = pika.SSLOptions(self._context, parameters.host)
        return parameters

    def _reason(self, error: Exception) -> str:
        """Return what went wrong: the client wraps the error of the socket or the broker's reason in its own."""
        for cause in _inner_errors(error):
            if isinstance(cause, ssl.SSLError | OSError):
                return one_line(cause, self._password)
            if isinstance(cause, ConnectionClosed | ChannelClosed):
                return one_line(ConnectionError(f"{cause.reply_code} {cause.reply_text}"), self._password)
        if quoted := _QUOTED.search(str(error)):
            return one_line(ConnectionError(" ".join(quoted.groups())), self._password)
        known = next((text for kind, text in _REASONS.items() if isinstance(error, kind)), None)
        return known or one_line(error, self._password)


def _inner_errors(error: object) -> Iterator[object]:
    """Yield *error* and the errors in it."""
    yield error
    inner = getattr(error, "exception", None)
    for cause in (inner, *getattr(error, "args", ())):
        if isinstance(cause, BaseException):
            yield from _inner_errors(cause)


class _Connection(pika.BlockingConnection):  # type: ignore[misc]  # pika is checked as untyped
    """A connection whose every wait ends at a deadline, also if the broker sends byte by byte."""

    def __init__(self, parameters: pika.ConnectionParameters, deadline: Deadline) -> None:
        self._deadline = deadline
        super().__init__(parameters)

    def end(self) -> None:
        """Close the connection, and drop it if the broker does not say goodbye."""
        try:
            if self.is_open:
                self.close()
        except Exception:  # noqa: BLE001 - the client fails on a broker's nonsense with errors of every kind
            # Nothing public ends a connection at once.
            self._impl._transport._sock.close()  # noqa: SLF001
        # The client forgets it if the broker closes the connection while the client does, too.
        with suppress(Exception):
            self._cleanup()

    def _flush_output(self, *waiters: Callable[[], bool]) -> None:
        # The client forgets a timer with its connection, which it closes in here after an error.
        timer = self._impl.ioloop.call_later(self._deadline.left(), _time_out)
        super()._flush_output(*waiters)
        self._impl.ioloop.remove_timeout(timer)


def _time_out() -> NoReturn:
    raise TimeoutError


def _with_a_password(url: str) -> str:
    """Return *url* with an empty password if it has only a user, because pika then expects one."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}:@{host}").geturl() if at and ":" not in user else url
