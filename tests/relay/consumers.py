"""Consumers: for each kind of sink, a real server and the events that it received."""

import asyncio
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from uuid import uuid4

import nats
import pika
import redis
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from lback_cli.settings.sink_kinds import KafkaSettings, NatsSettings, RabbitMqSettings, RedisSettings, WebhookSettings

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNk"
OTHER_SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5"


class Received(NamedTuple):
    """One delivery: its id in the protocol, and the event."""

    id: str
    event: Any

    @property
    def seq(self) -> int:
        return int(self.event.get_attributes()["sequence"])


def read(message_id: str, body: bytes) -> Received:
    """Read the event in *body* with the CloudEvents SDK."""
    event: Any = from_structured_event(HTTPMessage({"content-type": "application/cloudevents+json"}, body))
    return Received(message_id, event)


@dataclass
class RedisConsumer:
    """A new stream."""

    url: str
    stream: str = field(default_factory=lambda: f"lback-test:{uuid4().hex}")

    @property
    def settings(self) -> RedisSettings:
        return RedisSettings(url=self.url, stream=self.stream)

    def received(self) -> list[Received]:
        with redis.Redis.from_url(self.url) as client:
            entries: Any = client.xrange(self.stream)
            return [read(fields[b"id"].decode(), fields[b"event"]) for _, fields in entries]

    def close(self) -> None:
        with suppress(redis.RedisError), redis.Redis.from_url(self.url) as client:
            client.delete(self.stream)


class RabbitMqConsumer:
    """A new durable queue at the default exchange."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.queue = f"lback-test-{uuid4().hex}"
        self._received: list[Received] = []
        with self._channel() as channel:
            channel.queue_declare(self.queue, durable=True)
        self.modes: set[Any] = set()

    @property
    def settings(self) -> RabbitMqSettings:
        return RabbitMqSettings(url=self.url, routing_key=self.queue)

    def received(self) -> list[Received]:
        with self._channel() as channel:
            while True:
                found, properties, body = channel.basic_get(self.queue, auto_ack=True)
                if found is None:
                    return self._received
                assert properties.content_type == "application/cloudevents+json; charset=utf-8"
                self.modes.add(properties.delivery_mode)
                self._received.append(read(properties.message_id, body))

    def close(self) -> None:
        with self._channel() as channel:
            channel.queue_delete(self.queue)

    @contextmanager
    def _channel(self) -> Iterator[Any]:
        """Open a channel on a new connection, as the broker may have been killed since the last one."""
        with closing(pika.BlockingConnection(pika.URLParameters(self.url))) as connection:
            yield connection.channel()


class NatsConsumer:
    """A new stream, with a short window for duplicates, so that duplicates of the relay are seen."""

    def __init__(self, url: str, context: ssl.SSLContext | None = None) -> None:
        self.url = url
        self._tls: dict[str, Any] = {} if context is None else {"tls": context}
        self.name = f"lback-test-{uuid4().hex}"
        asyncio.run(self._with(self._make))

    @property
    def settings(self) -> NatsSettings:
        return NatsSettings(url=self.url, subject=f"{self.name}.events")

    def limit(self, **limits: Any) -> None:
        """Change the configuration of the stream."""
        asyncio.run(self._with(lambda stream: self._limit(stream, limits)))

    def received(self) -> list[Received]:
        return asyncio.run(self._with(self._read))

    def close(self) -> None:
        with suppress(nats.errors.Error, OSError):
            asyncio.run(self._with(lambda stream: stream.delete_stream(self.name)))

    async def _make(self, stream: Any) -> None:
        await stream.add_stream(name=self.name, subjects=[f"{self.name}.events.>"], duplicate_window=0.1)

    async def _limit(self, stream: Any, limits: Mapping[str, Any]) -> None:
        await stream.update_stream((await stream.stream_info(self.name)).config, **limits)

    async def _read(self, stream: Any) -> list[Received]:
        state = (await stream.stream_info(self.name)).state
        messages = [await stream.get_msg(self.name, seq) for seq in range(1, state.last_seq + 1)]
        return [read(message.headers["Nats-Msg-Id"], message.data) for message in messages]

    async def _with(self, work: Callable[[Any], Any]) -> Any:
        client = await nats.connect(self.url, allow_reconnect=False, **self._tls)
        try:
            return await work(client.jetstream())
        finally:
            await client.close()


class KafkaConsumer:
    """A new topic, with one partition."""

    def __init__(self, url: str, **options: Any) -> None:
        self.url = url
        self.topic = f"lback-test-{uuid4().hex}"
        self._options = {"bootstrap.servers": url.rpartition("/")[2].rpartition("@")[2], **options}
        admin = AdminClient(self._options)
        for created in admin.create_topics([NewTopic(self.topic, 1, 1)]).values():
            created.result(10)

    @property
    def settings(self) -> KafkaSettings:
        return KafkaSettings(url=self.url, topic=self.topic)

    def received(self) -> list[Received]:
        return [read(str(record.key(), "ascii"), record.value()) for record in self.records()]

    def records(self) -> list[Any]:
        """Return all records of the topic."""
        client = Consumer({**self._options, "group.id": self.topic, "enable.auto.commit": False})
        try:
            start = TopicPartition(self.topic, 0, 0)
            _, end = client.get_watermark_offsets(start, timeout=10)
            client.assign([start])
            found: list[Any] = []
            while len(found) < end:
                found += client.consume(end - len(found), timeout=10)
            assert not any(record.error() for record in found)
            return found
        finally:
            client.close()

    def close(self) -> None:
        """Leave the topic, which is only in memory."""


class Request(NamedTuple):
    """A request as the endpoint received it."""

    headers: dict[str, str]
    body: bytes
    arrived_at: float


Answer = Callable[[Request, Any], int | None]
"""Handles a request: returns the status to answer with, or None if it has answered already."""


class Endpoint:
    """An HTTPS server that records requests. `answer` decides the answers, and can be replaced while it runs."""

    def __init__(self, authority: Any | None, ca_file: Any = None, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.taken: list[Request] = []
        self.connections = 0
        self.answer: Answer = lambda _request, _handler: 204
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                endpoint.connections += 1

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:  # the client died while it was sending
                    self.close_connection = True
                    return
                request = Request({k.lower(): v for k, v in self.headers.items()}, body, time.time())
                endpoint.requests.append(request)
                status = endpoint.answer(request, self)
                if status is None:
                    return
                if 200 <= status < 300:
                    endpoint.taken.append(request)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_arguments: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self._ca_file = ca_file
        scheme = "http"
        if authority is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("localhost").configure_cert(context)
            # Not in accept(), where one slow client would delay the others.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            scheme = "https"
        self.url = f"{scheme}://localhost:{self.port}/events?source=lback"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def settings(self) -> WebhookSettings:
        return WebhookSettings(url=self.url, secrets=SECRET, ca_file=self._ca_file, timeout=5.0)

    def received(self) -> list[Received]:
        return [read(request.headers["webhook-id"], request.body) for request in self.taken]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def sequences(requests: list[Request]) -> list[int]:
    """Return the numbers of the events in *requests*."""
    return [int(json.loads(request.body)["sequence"]) for request in requests]


def eventually(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until *condition* holds, or fail."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition does not hold"
        time.sleep(0.01)


def without_duplicates(received: list[Received]) -> Iterator[int]:
    """Yield the number of each event once, as a consumer does that remembers ids."""
    seen: set[str] = set()
    for one in received:
        if one.id not in seen:
            seen.add(one.id)
            yield one.seq
