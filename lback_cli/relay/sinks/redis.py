"""Redis Streams: one entry for each event."""

import ssl
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.connection import Connection
from redis.exceptions import AskError, DataError, MovedError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from lback_cli.deadline import Deadline, DeadlineSocket, connect
from lback_cli.errors import ConfigurationError
from lback_cli.relay.sinks.base import Message, MessageRejected, SinkUnavailable
from lback_cli.relay.sinks.network import broker_password, one_line, tls_context
from lback_cli.settings.sink_kinds import RedisSettings


class RedisStream:
    """Appends events to one stream, each with the fields ``id``, ``type`` and ``event``."""

    settings = RedisSettings

    def __init__(self, name: str, settings: RedisSettings) -> None:
        """Check the settings.

        Raises:
            ConfigurationError: If a setting cannot be used.
        """
        self._name = name
        self._settings = settings
        url = urlsplit(settings.url)
        if (number := url.path.strip("/")) and not number.isdecimal():
            # The client would use database 0.
            raise ConfigurationError(f"relay.{name}.url: the path must be the number of a database.")
        self._host = url.hostname or ""
        self._context = tls_context(name, settings)
        self._deadline = Deadline()
        self._connect()
        self._client: Redis | None = None

    def send(self, message: Message) -> None:
        """Append *message*, and return when the server has done so."""
        self._deadline.set(self._settings.timeout)
        try:
            if self._client is None:
                self._client = self._connect()
            try:
                self._append(self._client, message)
            except MovedError as error:
                # The node of a cluster that has the stream, which is asked directly from now on.
                self.close()
                self._client = self._connect((error.host or self._host, error.port))
                self._append(self._client, message)
            except AskError as error:
                # The other node has the stream and not yet its slot, so it is asked for each event.
                pool = self._connect((error.host or self._host, error.port)).connection_pool
                with pool, Redis(connection_pool=pool, single_connection_client=True) as other:
                    other.execute_command("ASKING")
                    self._append(other, message)
        except DataError as error:
            raise MessageRejected(one_line(error, self._password)) from error
        except (TimeoutError, RedisTimeoutError) as error:
            self.close()
            raise SinkUnavailable(f"no answer within {self._settings.timeout:g} s") from error
        except (RedisError, OSError, ConfigurationError) as error:
            self.close()
            raise SinkUnavailable(one_line(error, self._password)) from error

    def idle(self) -> None:
        """Do nothing: the client replaces a connection that the server closed."""

    def close(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(RedisError, OSError):
                client.close()

    def _append(self, client: Redis, message: Message) -> None:
        entry: dict[str | bytes, str | bytes] = {"id": message.id, "type": message.type, "event": message.body}
        client.xadd(self._settings.stream, entry)  # type: ignore[arg-type]  # its dict is invariant

    def _connect(self, node: tuple[str, int] | None = None) -> Redis:
        """Return a client of the server, or of a *node* of its cluster, which connects with its first command."""
        self._password = broker_password(self._name, self._settings)
        try:
            pool = ConnectionPool.from_url(
                self._settings.url,
                connection_class=_Connection,
                context=self._context,
                deadline=self._deadline,
                # A retry of the client would append an event again if only the answer was late.
                retry=Retry(NoBackoff(), 0),
                password=self._password,
            )
            if node is not None:
                pool.connection_kwargs["host"], pool.connection_kwargs["port"] = node
            pool.make_connection()  # not connected yet: it only refuses parameters that it does not know
            return Redis(connection_pool=pool)
        except (ValueError, TypeError) as error:
            raise ConfigurationError(f"relay.{self._name}.url has a part that Redis does not accept.") from error


class _Connection(Connection):
    """A connection whose commands and answers share one deadline."""

    def __init__(self, *, context: ssl.SSLContext | None, deadline: Deadline, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._context = context
        self._deadline = deadline

    def _connect(self) -> DeadlineSocket:
        return connect(self.host, self.port, self._deadline, self._context)
