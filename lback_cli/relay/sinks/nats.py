"""NATS JetStream: each event is acknowledged by the stream before the next one."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

import nats
import nats.errors
import nats.js.errors

from lback_cli.errors import ConfigurationError
from lback_cli.relay.sinks.base import CONTENT_TYPE, Message, MessageRejected, Sink, SinkUnavailable
from lback_cli.relay.sinks.tls import one_line, tls_context
from lback_cli.settings import SinkSettings
from lback_cli.settings.secret_file import read_secret

R = TypeVar("R")


def build(name: str, settings: SinkSettings) -> Sink:
    """A JetStream stream. Raises `ConfigurationError`."""
    return JetStream(name, settings)


class JetStream:
    """Publishes events to ``<subject>.<signal>``.

    ``Nats-Msg-Id`` is the event's id, so that the stream drops what it was sent shortly before. The client lives on an
    event loop in a thread of its own, where it answers the server's pings while there is nothing to send.
    """

    def __init__(self, name: str, settings: SinkSettings) -> None:
        self._name = name
        self._settings = settings
        self._password = urlsplit(settings.url).password
        self._context = tls_context(name, settings.ca_file)
        self._options()
        if not settings.subject or not all(map(_is_token, settings.subject.split("."))):
            raise ConfigurationError(
                f"relay.{name}.subject: {settings.subject!r} is not a subject.",
                hint="It is words with dots between, such as lback.events, without * and >.",
            )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: Any = None
        self._last_error: Exception | None = None

    def send(self, message: Message) -> None:
        """Publish *message*, and return when the stream has stored it."""
        try:
            self._run(self._publish(message))
        except (nats.js.errors.NoStreamResponseError, nats.errors.NoRespondersError) as error:
            self.close()
            raise SinkUnavailable(f"no stream takes the subject {self._settings.subject}.{message.signal}") from error
        except nats.errors.MaxPayloadError as error:
            raise MessageRejected("the event is larger than the server takes") from error
        except TimeoutError as error:
            self.close()
            raise SinkUnavailable(f"no answer within {self._settings.timeout:g} s") from error
        except nats.errors.NoServersError as error:
            self.close()
            raise SinkUnavailable(one_line(self._last_error or error, self._password)) from error
        except (nats.errors.Error, OSError, ConfigurationError) as error:
            self.close()
            raise SinkUnavailable(one_line(error, self._password)) from error

    def idle(self) -> None:
        """Nothing: the loop answers pings."""

    def close(self) -> None:
        """Close the connection, and end the loop."""
        loop, client, self._loop, self._client = self._loop, self._client, None, None
        if loop is None:
            return
        if client is not None:
            with suppress(nats.errors.Error, OSError, TimeoutError):
                asyncio.run_coroutine_threadsafe(client.close(), loop).result(1)
        loop.call_soon_threadsafe(loop.stop)

    async def _publish(self, message: Message) -> None:
        timeout = self._settings.timeout
        if self._client is None:
            self._client = await nats.connect(**self._options())
        headers = {"Nats-Msg-Id": message.id, "Content-Type": CONTENT_TYPE}
        stream = self._client.jetstream(timeout=timeout)
        await stream.publish(f"{self._settings.subject}.{message.signal}", message.body, timeout, headers=headers)

    async def _remember(self, error: Exception) -> None:
        """Why there is no connection, which the client tells nobody else."""
        self._last_error = error

    def _run(self, work: Coroutine[Any, Any, R]) -> R:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=_serve, args=(self._loop,), daemon=True).start()
        # A connection has a time of its own before the answer has one.
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(2 * self._settings.timeout)

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "servers": [self._settings.url],
            "name": "lback relay",
            "connect_timeout": self._settings.timeout,
            # The relay decides when to try again. (0 would mean without an end here, and 1 is one more.)
            "allow_reconnect": False,
            "max_reconnect_attempts": 1,
            "reconnect_time_wait": 0,
            "error_cb": self._remember,
        }
        if urlsplit(self._settings.url).scheme == "tls":
            options["tls"] = self._context
        if self._settings.password_file is not None:
            self._password = read_secret(self._settings.password_file, f"relay.{self._name}.password_file")
            options |= {"user": urlsplit(self._settings.url).username or "", "password": self._password}
        return options


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def _is_token(word: str) -> bool:
    return bool(word) and word.isprintable() and not set(word) & set(" *>")
