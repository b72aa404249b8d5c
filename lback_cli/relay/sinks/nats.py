"""NATS JetStream: the stream acknowledges each event before the next one is sent."""

import asyncio
import logging
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

import nats.errors
import nats.js.errors
from nats.aio.client import Client

from lback_cli.errors import ConfigurationError
from lback_cli.relay.sinks.base import Message, MessageRejected, SinkUnavailable
from lback_cli.relay.sinks.network import broker_password, one_line, require_hosts, tls_context
from lback_cli.settings.secret_file import read_secret
from lback_cli.settings.sink_kinds import NatsSettings

R = TypeVar("R")

_TOO_LARGE = 10054
"""The error code of JetStream for a message that is larger than `max_msg_size` of the stream."""


class JetStream:
    """Publishes events to ``<subject>.<signal>``.

    The header ``Nats-Msg-Id`` is the id of the event, so that the stream drops an event that it has just received. The
    client runs on an event loop in its own thread, where it answers the server's pings while there is nothing to send.
    """

    settings = NatsSettings

    def __init__(self, name: str, settings: NatsSettings) -> None:
        """Check the settings.

        Raises:
            ConfigurationError: If a setting cannot be used.
        """
        logging.getLogger("asyncio").setLevel(logging.ERROR)  # It warns whenever a TLS connection is closed.
        self._name = name
        self._settings = settings
        self._password: str | None = None
        self._context = tls_context(name, settings)
        self._check()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: Any = None
        self._last_error: Exception | None = None

    def send(self, message: Message) -> None:
        """Publish *message*, and return when the stream has stored it."""
        self._last_error = None
        try:
            self._run(self._publish(message))
        except (nats.js.errors.NoStreamResponseError, nats.errors.NoRespondersError) as error:
            self.close()
            raise SinkUnavailable(f"no stream captures {self._settings.subject}.{message.signal}") from error
        except nats.errors.MaxPayloadError as error:
            raise MessageRejected("the event is larger than the server accepts") from error
        except nats.js.errors.APIError as error:
            if error.err_code == _TOO_LARGE:
                raise MessageRejected("the event is larger than the stream accepts") from error
            self.close()
            raise SinkUnavailable(one_line(error, self._password)) from error
        except TimeoutError as error:
            # The server reports that a permission is missing, and does not answer the publication.
            reported = None if self._last_error is None else one_line(self._last_error, self._password)
            self.close()
            raise SinkUnavailable(reported or f"no answer within {self._settings.timeout:g} s") from error
        except nats.errors.SecureConnWantedError as error:
            self.close()
            raise SinkUnavailable(
                "the server does not offer TLS, or something in between removes its offer, so nothing was sent"
            ) from error
        except nats.errors.NoServersError as error:
            self.close()
            raise SinkUnavailable(one_line(self._last_error or error, self._password)) from error
        except (nats.errors.Error, OSError, ConfigurationError) as error:
            self.close()
            raise SinkUnavailable(one_line(error, self._password)) from error

    def idle(self) -> None:
        """Do nothing: the event loop answers pings."""

    def close(self) -> None:
        """Close the connection, and stop the event loop."""
        loop, client, self._loop, self._client = self._loop, self._client, None, None
        if loop is None:
            return
        if client is not None:
            with suppress(nats.errors.Error, OSError, TimeoutError):
                asyncio.run_coroutine_threadsafe(client.close(), loop).result(1)
        loop.call_soon_threadsafe(loop.stop)

    async def _publish(self, message: Message) -> None:
        if self._client is None:
            await self._connect()
        headers = {"Nats-Msg-Id": message.id, "Content-Type": message.content_type}
        stream = self._client.jetstream(timeout=self._settings.timeout)
        subject = f"{self._settings.subject}.{message.signal}"
        await stream.publish(subject, message.body, self._settings.timeout, headers=headers)

    async def _connect(self) -> None:
        """Connect to the first server that can be used. Raises the error of the last one."""
        servers = self._servers()
        for server in servers:
            # Known before it is connected, so that a failed connection is closed too.
            self._client = _Client()
            try:
                async with asyncio.timeout(self._settings.timeout / len(servers)):
                    await self._client.connect(servers=[server], **self._options())
            except (nats.errors.Error, OSError) as error:  # TimeoutError is one of the latter
                if server == servers[-1]:
                    raise
                self._last_error = error
                await self._client.close()
            else:
                self._last_error = None
                return

    def _servers(self) -> list[str]:
        """Return the URLs of all servers."""
        parts = urlsplit(self._settings.url)
        login, at, _ = parts.netloc.rpartition("@")
        return [self._settings.url, *(f"{parts.scheme}://{login}{at}{server}" for server in self._settings.servers)]

    async def _remember(self, error: Exception) -> None:
        """Keep the reason for a failed connection, which the client does not raise."""
        self._last_error = error

    def _run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=_run_forever, args=(self._loop,), daemon=True).start()
        limited = asyncio.wait_for(coroutine, self._settings.timeout)
        # The client might catch the cancellation.
        return asyncio.run_coroutine_threadsafe(limited, self._loop).result(self._settings.timeout + 1)

    def _options(self) -> dict[str, Any]:
        settings = self._settings
        options: dict[str, Any] = {
            "name": "lback relay",
            "connect_timeout": settings.timeout,
            # The relay decides when to try again. The client counts one attempt too many, and 0 means no limit.
            "allow_reconnect": False,
            "max_reconnect_attempts": 1,
            "reconnect_time_wait": 0,
            "error_cb": self._remember,
        }
        if self._context is not None:
            options |= {"tls": self._context, "tls_handshake_first": settings.handshake_first}
        return options | self._login()

    def _login(self) -> dict[str, Any]:
        """Return the options that log in, if the URL does not."""
        settings, name = self._settings, f"relay.{self._name}"
        if settings.credentials_file is not None:
            read_secret(settings.credentials_file, f"{name}.credentials_file")
            return {"user_credentials": str(settings.credentials_file)}
        if settings.nkey_file is not None:
            return {"nkeys_seed_str": read_secret(settings.nkey_file, f"{name}.nkey_file").strip()}
        self._password = broker_password(self._name, settings)
        if settings.password_file is None:
            return {}
        user = urlsplit(settings.url).username
        return {"user": user, "password": self._password} if user else {"token": self._password}

    def _check(self) -> None:
        """Check the settings.

        Raises:
            ConfigurationError: If one cannot be used.
        """
        settings, name = self._settings, f"relay.{self._name}"
        logins = [
            *(["a user in url"] if urlsplit(settings.url).username and settings.password_file is None else []),
            *(key for key in ("password_file", "credentials_file", "nkey_file") if getattr(settings, key) is not None),
        ]
        if len(logins) > 1:
            raise ConfigurationError(f"{name} has two logins: {' and '.join(logins)}.", hint="Remove one of them.")
        if settings.handshake_first and self._context is None:
            raise ConfigurationError(
                f"{name}.handshake_first is set, but nats:// is not encrypted.", hint="Use tls://."
            )
        require_hosts(f"{name}.servers", settings.servers)
        if not settings.subject or not all(map(_is_token, settings.subject.split("."))):
            raise ConfigurationError(
                f"{name}.subject: {settings.subject!r} is not a subject.",
                hint="A subject is words with dots between them, such as lback.events, without * and >.",
            )
        self._login()


class _Client(Client):
    """A client that encrypts the connection if it was asked to, whatever the server says."""

    def _connect_command(self) -> bytes:
        """Return the command that logs in, which is the first that the client sends.

        Raises:
            nats.errors.SecureConnWantedError: If the connection is not encrypted, because the server, or an attacker in
                between, did not ask for TLS.
        """
        # The connection itself, and not what the server says about it.
        writer = getattr(self._transport, "_io_writer", None)
        if "tls" in self.options and (writer is None or writer.get_extra_info("ssl_object") is None):
            raise nats.errors.SecureConnWantedError
        return super()._connect_command()


def _run_forever(loop: asyncio.AbstractEventLoop) -> None:
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
