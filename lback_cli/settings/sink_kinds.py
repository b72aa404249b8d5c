"""The keys of each built-in kind of sink. The scheme of the URL selects the kind."""
# ruff: noqa: RUF009 (`key` is a `dataclasses.field`, whose defaults here are all immutable)

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from lback_cli.settings.declaration import key
from lback_cli.settings.schema import SinkSettings


@dataclass(frozen=True, slots=True)
class TlsSinkSettings(SinkSettings):
    """A sink that can be reached with TLS."""

    encrypted_schemes: ClassVar[tuple[str, ...]] = ()
    """Those of `schemes` that promise TLS."""

    ca_file: Path | None = key(
        None,
        "PEM file of the authority that signed the server's certificate. By default, the system's authorities.",
        example="/etc/ssl/private-ca.pem",
    )
    client_certificate: Path | None = key(
        None,
        "PEM file of the certificate with which lback identifies itself to the server, and of its authorities.",
        example="/etc/lback/client.pem",
    )
    client_key: Path | None = key(
        None,
        "PEM file of the private key of client_certificate, without a passphrase. By default, it is in the same file.",
        example="/run/secrets/client-key.pem",
        secret_file=True,
    )


@dataclass(frozen=True, slots=True)
class BrokerSettings(TlsSinkSettings):
    """A message broker."""

    password_file: Path | None = key(
        None,
        "File whose first line is the broker's password. Use it instead of a password in the URL. For NATS without a "
        "user name, it is a token.",
        example="/run/secrets/broker-password",
        secret_file=True,
    )


@dataclass(frozen=True, slots=True)
class WebhookSettings(TlsSinkSettings):
    """A webhook: one signed POST for each event."""

    schemes: ClassVar[tuple[str, ...]] = ("https", "http")
    encrypted_schemes: ClassVar[tuple[str, ...]] = ("https",)
    sink: ClassVar[str] = "lback_cli.relay.sinks.webhook:Webhook"

    url: str = key(
        "",
        "https://host/path. http:// is only allowed if the host is this machine.",
        hidden="password",
        example="https://crm.example.org/hooks/users",
    )
    secrets: str = key(
        "",
        "Secret that signs the requests: whsec_ and base64. While you replace it, write the new and the old secret, "
        "with a space between them.",
        hidden="whole",
    )
    secret_file: Path | None = key(
        None,
        "File with the secrets, one on each line. Use it instead of secrets.",
        example="/run/secrets/crm-webhook",
        secret_file=True,
    )
    headers: tuple[str, ...] = key(
        (), "More headers of each request.", hidden="whole", example=("X-Tenant: 42", "X-Api-Key: abc"), texts=True
    )
    headers_file: Path | None = key(
        None,
        "File with more headers, one on each line. Use it for headers that are secret.",
        example="/run/secrets/crm-headers",
        secret_file=True,
    )
    proxy: str = key(
        "",
        "HTTP proxy to reach the webhook through: http://user:password@host:port. It only forwards what is encrypted. "
        "HTTPS_PROXY and similar variables are ignored.",
        hidden="password",
        example="http://proxy.example.org:3128",
    )


@dataclass(frozen=True, slots=True)
class RabbitMqSettings(BrokerSettings):
    """RabbitMQ: one persistent message for each event."""

    schemes: ClassVar[tuple[str, ...]] = ("amqps", "amqp")
    encrypted_schemes: ClassVar[tuple[str, ...]] = ("amqps",)
    sink: ClassVar[str] = "lback_cli.relay.sinks.rabbitmq:RabbitMq"

    url: str = key(
        "",
        "amqps://user@host/vhost or amqp://user@host/vhost.",
        hidden="password",
        example="amqps://lback@mq.example.org/prod",
    )
    exchange: str = key("", "Exchange, which must exist. If it is empty, the default exchange.")
    routing_key: str = key(
        "", "Routing key. At the default exchange, it is the name of the queue. If it is empty, the event's type."
    )


@dataclass(frozen=True, slots=True)
class RedisSettings(BrokerSettings):
    """Redis Streams: one entry for each event."""

    schemes: ClassVar[tuple[str, ...]] = ("rediss", "redis")
    encrypted_schemes: ClassVar[tuple[str, ...]] = ("rediss",)
    sink: ClassVar[str] = "lback_cli.relay.sinks.redis:RedisStream"

    url: str = key(
        "",
        "rediss://user@host/database or redis://user@host/database.",
        hidden="password",
        example="rediss://redis.example.org/0",
    )
    stream: str = key("lback:events", "Key of the stream, which is created if it is missing.")


@dataclass(frozen=True, slots=True)
class NatsSettings(BrokerSettings):
    """NATS JetStream: one message for each event."""

    schemes: ClassVar[tuple[str, ...]] = ("tls", "nats")
    encrypted_schemes: ClassVar[tuple[str, ...]] = ("tls",)
    sink: ClassVar[str] = "lback_cli.relay.sinks.nats:JetStream"

    url: str = key(
        "", "tls://user@host or nats://user@host.", hidden="password", example="tls://lback@nats.example.org"
    )
    servers: tuple[str, ...] = key(
        (),
        "Further servers of the cluster, each as host or host:port. They are tried in turn if that of url fails.",
        example=("nats2.example.org", "nats3.example.org"),
        texts=True,
    )
    handshake_first: bool = key(False, "Whether the server begins with TLS at once (its option handshake_first).")
    credentials_file: Path | None = key(
        None,
        "File with the JWT and the seed of a user (.creds).",
        example="/run/secrets/lback.creds",
        secret_file=True,
    )
    nkey_file: Path | None = key(
        None, "File whose first line is the seed of an NKey.", example="/run/secrets/lback.nk", secret_file=True
    )
    subject: str = key(
        "lback.events", "Subject, to which the name of the signal is added. A stream must capture these subjects."
    )


@dataclass(frozen=True, slots=True)
class KafkaSettings(BrokerSettings):
    """Kafka: one record for each event."""

    schemes: ClassVar[tuple[str, ...]] = ("kafkas", "kafka")
    encrypted_schemes: ClassVar[tuple[str, ...]] = ("kafkas",)
    sink: ClassVar[str] = "lback_cli.relay.sinks.kafka:Kafka"

    url: str = key(
        "",
        "kafkas://user@host:port or kafka://user@host:port. The port is 9092, if it is not given.",
        hidden="password",
        example="kafkas://lback@kafka.example.org:9093",
    )
    servers: tuple[str, ...] = key(
        (),
        "Further servers of the cluster, each as host or host:port.",
        example=("kafka2.example.org:9093", "kafka3.example.org:9093"),
        texts=True,
    )
    mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = key(
        "SCRAM-SHA-512", "SASL mechanism of the login, if the URL has a user. PLAIN needs kafkas://."
    )
    topic: str = key("lback-events", "Topic, which should exist.")
    partition: int = key(0, "Partition of the topic. All events go to one, which keeps their order.", minimum=0)


SINK_KINDS: Mapping[str, type[SinkSettings]] = {
    "webhook": WebhookSettings,
    "rabbitmq": RabbitMqSettings,
    "redis": RedisSettings,
    "nats": NatsSettings,
    "kafka": KafkaSettings,
}
"""The built-in kinds of sinks."""
