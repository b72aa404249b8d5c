"""Kafka: all replicas in sync store each record before the next one is sent."""

import re
import ssl
import time
from typing import Any
from urllib.parse import unquote, urlsplit

from confluent_kafka import KafkaError, KafkaException, Producer

from lback_cli.errors import ConfigurationError
from lback_cli.relay.sinks.base import Message, MessageRejected, SinkUnavailable
from lback_cli.relay.sinks.network import broker_password, one_line, require_hosts, tls_context
from lback_cli.settings.sink_kinds import KafkaSettings

_TOO_LARGE = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE)
_NO_TOPIC = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC)  # noqa: SLF001 - so it names its own errors
_NO_PARTITION = KafkaError._UNKNOWN_PARTITION  # noqa: SLF001
_TIMED_OUT = KafkaError._TIMED_OUT  # noqa: SLF001
_ALL_DOWN, _LOGIN_FAILED = KafkaError._ALL_BROKERS_DOWN, KafkaError._AUTHENTICATION  # noqa: SLF001
_LARGEST = 1_000_000_000
"""Bytes of a record that the client accepts at most, so that the broker decides."""

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_PLACE = re.compile(r"^\S+/(?:bootstrap|\d+): | \(after \d+ms in state .*\)$")
"""What the client adds to the text of an error."""

_NOT_TRUSTED = re.compile(r"certificate verify failed:? *(?:broker certificate could not be verified.*)?(.*)")

_POLL = 0.1
"""Seconds between two looks at the deadline."""


class Kafka:
    """Produces events to one partition of a topic, which keeps their order. The key of a record is the event's id.

    The client runs in threads of its own, which keep the connections alive while there is nothing to send.
    """

    settings = KafkaSettings

    def __init__(self, name: str, settings: KafkaSettings) -> None:
        """Check the settings.

        Raises:
            ConfigurationError: If a setting cannot be used.
        """
        self._name = name
        self._settings = settings
        self._url = urlsplit(settings.url)
        self._password: str | None = None
        self._encrypted = tls_context(name, settings) is not None
        self._check()
        self._producer: Producer | None = None
        self._error: KafkaError | None = None
        self._all_down = False

    def send(self, message: Message) -> None:
        """Produce *message*, and return when all replicas in sync have stored it."""
        deadline = time.monotonic() + self._settings.timeout
        try:
            self._produce(message, deadline)
        except KafkaException as error:
            raise self._failure(error.args[0]) from error
        except ConfigurationError as error:
            raise SinkUnavailable(error.message) from error

    def idle(self) -> None:
        """Take the reports of the client, which keeps the connection itself."""
        if self._producer is not None:
            self._producer.poll(0)
            if self._given_up:
                self.close()

    def close(self) -> None:
        """Close the connections, and forget a record that is on its way."""
        producer, self._producer = self._producer, None
        self._error, self._all_down = None, False
        if producer is not None:
            producer.purge(blocking=False)

    def _produce(self, message: Message, deadline: float) -> None:
        """Send *message*.

        Raises:
            KafkaException: If it was not stored before the *deadline*.
        """
        outcomes: list[KafkaError | None] = []
        self._error, self._all_down = None, False
        if self._producer is None:
            self._producer = Producer(self._options())
        self._producer.produce(
            self._settings.topic,
            message.body,
            message.id,
            self._settings.partition,
            on_delivery=lambda error, _: outcomes.append(error),
            headers={"content-type": message.content_type, "type": message.type},
        )
        while not outcomes:
            self._producer.poll(min(_POLL, max(0.0, deadline - time.monotonic())))
            if not outcomes and (self._given_up or time.monotonic() >= deadline):
                raise KafkaException(self._error or KafkaError(_ALL_DOWN if self._all_down else _TIMED_OUT))
        if outcomes[0] is not None:
            raise KafkaException(outcomes[0])

    def _failure(self, error: KafkaError) -> Exception:
        """Return what is raised for *error*, and close the connection if it may be of use no more."""
        code, topic = error.code(), self._settings.topic
        if code in _TOO_LARGE:
            return MessageRejected("the event is larger than the topic accepts")
        self.close()
        if code in _NO_TOPIC:
            return SinkUnavailable(f"there is no topic {topic}")
        if code == _NO_PARTITION:
            return SinkUnavailable(f"the topic {topic} has no partition {self._settings.partition}")
        if code == _ALL_DOWN:
            return SinkUnavailable("the broker closed the connection, as it does if it requires TLS or a login")
        if code == _TIMED_OUT:
            return SinkUnavailable(f"no answer within {self._settings.timeout:g} s")
        return SinkUnavailable(one_line(_readable(error), self._password))

    def _note(self, error: KafkaError) -> None:
        """Keep an error of a connection."""
        if error.code() == _ALL_DOWN:
            self._all_down = True
        else:
            self._error = error

    @property
    def _given_up(self) -> bool:
        """Whether the client would only try again, as the relay does. It says that all are down before it says why."""
        return self._error is not None and (self._all_down or self._error.code() == _LOGIN_FAILED)

    def _options(self) -> dict[str, Any]:
        """Return the options of the client.

        Raises:
            ConfigurationError: If the password cannot be read.
        """
        milliseconds = int(self._settings.timeout * 1000)
        return {
            "bootstrap.servers": ",".join(self._servers()),
            "client.id": "lback",
            "acks": "all",
            "linger.ms": 0,
            "socket.nagle.disable": True,
            "message.max.bytes": _LARGEST,
            # A retry of the client would store an event again if only the answer was late.
            "message.send.max.retries": 0,
            # The deadline of `send` comes first.
            "message.timeout.ms": 2 * milliseconds,
            "socket.timeout.ms": 2 * milliseconds,
            "socket.connection.setup.timeout.ms": max(1000, 2 * milliseconds),
            "api.version.request.timeout.ms": max(10, 2 * milliseconds),
            "topic.metadata.propagation.max.ms": min(1000, milliseconds // 2),
            "log_level": 0,  # The relay reports the errors.
            "enable.metrics.push": False,  # Nothing about the client goes to the broker.
            "error_cb": self._note,
            **self._security(),
        }

    def _security(self) -> dict[str, Any]:
        settings, options = self._settings, {}
        if self._encrypted:
            paths = ssl.get_default_verify_paths()
            options = {
                "ssl.ca.location": str(settings.ca_file or paths.cafile or paths.capath or "probe"),
                "enable.ssl.certificate.verification": True,
                "ssl.endpoint.identification.algorithm": "https",
            }
            if settings.client_certificate is not None:
                options["ssl.certificate.location"] = str(settings.client_certificate)
                options["ssl.key.location"] = str(settings.client_key or settings.client_certificate)
        transport = "ssl" if self._encrypted else "plaintext"
        if self._url.username is None:
            return {**options, "security.protocol": transport}
        self._password = broker_password(self._name, settings)
        return {
            **options,
            "security.protocol": f"sasl_{transport}",
            "sasl.mechanism": settings.mechanism,
            "sasl.username": unquote(self._url.username),
            "sasl.password": self._password or "",
        }

    def _servers(self) -> list[str]:
        """Return the servers that the client asks first for those of the cluster."""
        return [self._url.netloc.rpartition("@")[2], *self._settings.servers]

    def _check(self) -> None:
        """Check the settings.

        Raises:
            ConfigurationError: If one cannot be used.
        """
        settings, name = self._settings, f"relay.{self._name}"
        if self._url.path.strip("/") or self._url.query:
            raise ConfigurationError(f"{name}.url ends with more than a port.", hint="Set the topic with topic.")
        if not _TOPIC.fullmatch(settings.topic):
            raise ConfigurationError(
                f"{name}.topic: {settings.topic!r} is not the name of a topic.",
                hint="A name has up to 249 letters, digits, dots, hyphens and underscores, in ASCII.",
            )
        require_hosts(f"{name}.servers", settings.servers)
        if self._url.username is None and settings.password_file is not None:
            raise ConfigurationError(
                f"{name}.password_file is set, but its url has no user.", hint="Write kafkas://user@host."
            )
        if self._url.username is not None and settings.mechanism == "PLAIN" and not self._encrypted:
            raise ConfigurationError(
                f"{name}.mechanism is PLAIN, which would send the password unencrypted.",
                hint="Use kafkas://, or SCRAM-SHA-512.",
            )
        broker_password(self._name, settings)


def _readable(error: KafkaError) -> Exception:
    """Return an error that says what one of the client says, without what only its developers need."""
    text = _PLACE.sub("", error.str())
    if refusal := _NOT_TRUSTED.search(text):
        untrusted = ssl.SSLCertVerificationError(text)
        untrusted.verify_message = refusal[1] or "it is from an unknown authority, or for another host"
        return untrusted
    if error.code() == KafkaError._SSL or "SSL routines" in text:  # noqa: SLF001
        handshake = ssl.SSLError(text)
        handshake.reason = text.rpartition(": ")[2].rpartition("::")[2]
        return handshake
    return ConnectionError(text)
