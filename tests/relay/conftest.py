"""Fixtures: a database with events, and the servers that events are sent to."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from .consumers import Endpoint, KafkaConsumer, NatsConsumer, RabbitMqConsumer, RedisConsumer
from .harness import World

CONSUMERS: Mapping[str, Callable[[str], Any]] = {
    "rabbitmq": RabbitMqConsumer,
    "redis": RedisConsumer,
    "nats": NatsConsumer,
    "kafka": KafkaConsumer,
}
KINDS = ("webhook", *CONSUMERS)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A database for one test."""
    made = World.at(tmp_path)
    yield made
    made.close()


@pytest.fixture
def endpoint(certificate_authority: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Endpoint]]:
    """``endpoint()`` starts an HTTPS server, ``endpoint(encrypted=False)`` one without TLS."""
    ca_file = tmp_path_factory.mktemp("ca") / "ca.pem"
    certificate_authority.cert_pem.write_to_path(str(ca_file))
    with ExitStack() as running:

        def start(*, encrypted: bool = True, port: int = 0) -> Endpoint:
            made = Endpoint(certificate_authority if encrypted else None, ca_file if encrypted else None, port)
            running.callback(made.close)
            return made

        yield start


@pytest.fixture
def consumer(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Any]]:
    """``consumer(kind)`` returns what reads the events that a sink of that kind sent."""
    with ExitStack() as running:

        def make(kind: str) -> Any:
            if kind == "webhook":
                return request.getfixturevalue("endpoint")()
            url = request.getfixturevalue(f"{kind}_url")
            made: Any = CONSUMERS[kind](url)
            running.callback(made.close)
            return made

        yield make
