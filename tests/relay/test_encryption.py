"""A URL that promises TLS: nothing leaves before TLS is up with the right server, neither a password nor an event."""

import json
import shutil
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lback_cli.relay.worker import RelayReport
from lback_cli.settings.sink_kinds import NatsSettings, TlsSinkSettings, WebhookSettings
from lback_cli.settings.sinks import settings_class

from .broker import Broker, free_port
from .consumers import SECRET, NatsConsumer
from .harness import World
from .peers import Peer, encrypts, forwards, says

INFO = {"server_id": "x", "version": "2.9.10", "proto": 1, "headers": True, "max_payload": 1 << 20}
REPLIES = {
    "tls": b"INFO %s\r\nPONG\r\n" % json.dumps(INFO).encode(),
    "amqps": b"AMQP\x00\x00\x09\x01",
    "rediss": b"-ERR unknown command\r\n" * 10,
    "kafkas": b"\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00",
    "https": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
}
"""What a server without TLS says, or an attacker who ends it."""

NO_TLS = "the server does not offer TLS, or something in between removes its offer, so nothing was sent"
WRONG = "its certificate is not trusted: "


@pytest.fixture
def ca_file(certificate_authority: Any, tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    certificate_authority.cert_pem.write_to_path(str(file))
    return file


def encrypted_sink(scheme: str, port: int, ca_file: Path) -> TlsSinkSettings:
    url = f"{scheme}://{'' if scheme == 'https' else 'ann:canary@'}localhost:{port}"
    declared = settings_class(url)
    assert declared is not None
    assert issubclass(declared, TlsSinkSettings)
    sink = declared(url=url, timeout=2.0, ca_file=ca_file)
    return replace(sink, secrets=SECRET) if isinstance(sink, WebhookSettings) else sink


def server_context(authority: Any, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def assert_nothing_left(world: World, peer: Peer, sink: TlsSinkSettings, reason: str) -> None:
    world.add_events(1)
    report = world.once(it=sink)["it"]
    assert report == RelayReport("it", error=report.error)
    assert str(report.error).startswith(reason)
    assert world.sink("it").tries == 0
    for secret in (b"canary", b"user1"):
        assert secret not in peer.received


@pytest.mark.parametrize("scheme", REPLIES)
def test_server_without_tls_is_sent_nothing(world: World, ca_file: Path, scheme: str) -> None:
    reason = NO_TLS if scheme == "tls" else "it does not speak TLS as expected: "
    with Peer(says(REPLIES[scheme])) as peer:
        assert_nothing_left(world, peer, encrypted_sink(scheme, peer.port, ca_file), reason)


@pytest.mark.parametrize("scheme", REPLIES)
@pytest.mark.parametrize("fault", ["another name", "another authority", "no authority"])
def test_server_that_is_not_trusted_is_sent_nothing(
    world: World, certificate_authority: Any, ca_file: Path, scheme: str, fault: str
) -> None:
    import trustme

    authority = trustme.CA() if fault == "another authority" else certificate_authority
    context = server_context(authority, "elsewhere.example" if fault == "another name" else "localhost")
    greeting = b"INFO %s\r\n" % json.dumps(INFO | {"tls_required": True}).encode() if scheme == "tls" else b""
    with Peer(encrypts(context, greeting)) as peer:
        sink = encrypted_sink(scheme, peer.port, ca_file)
        assert_nothing_left(world, peer, sink if fault != "no authority" else replace(sink, ca_file=None), WRONG)


@pytest.mark.parametrize("scheme", REPLIES)
def test_server_that_is_trusted_is_sent_the_rest(
    world: World, certificate_authority: Any, ca_file: Path, scheme: str
) -> None:
    """The tests above could otherwise pass with a server that nothing ever reaches."""
    greeting = b"INFO %s\r\n" % json.dumps(INFO | {"tls_required": True}).encode() if scheme == "tls" else b""
    with Peer(encrypts(server_context(certificate_authority, "localhost"), greeting)) as peer:
        world.add_events(1)
        world.once(it=replace(encrypted_sink(scheme, peer.port, ca_file), timeout=0.5))
        assert peer.received != b""
        assert not peer.received.startswith(b"\x16\x03"), "it is not encrypted any more"


@pytest.mark.parametrize("kind", ["webhook", "rabbitmq", "redis", "nats", "kafka"])
def test_real_server_without_tls_is_sent_nothing(
    world: World, consumer: Callable[[str], Any], endpoint: Callable[..., Any], kind: str
) -> None:
    other = endpoint(encrypted=False) if kind == "webhook" else consumer(kind)
    scheme, _, rest = other.settings.url.partition("://")
    url = {"http": "https", "amqp": "amqps", "redis": "rediss", "nats": "tls", "kafka": "kafkas"}[scheme] + "://" + rest
    world.add_events(1)
    report = world.once(it=replace(other.settings, url=url, timeout=1.0))["it"]
    assert report == RelayReport("it", error=report.error)
    assert report.error
    assert other.received() == []


@pytest.fixture
def nats_with_tls(certificate_authority: Any, tmp_path: Path, nats_url: str) -> Iterator[int]:
    """A NATS server that requires TLS; its port."""
    assert nats_url, "the server that this machine has"
    if shutil.which("nats-server") is None:
        pytest.skip("the program nats-server is not on this machine")
    certificate = tmp_path / "certificate.pem"
    certificate_authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    port = free_port()
    tls = ["--tls", "--tlscert", str(certificate), "--tlskey", str(certificate)]
    server = Broker(
        ["nats-server", "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(tmp_path / "nats"), *tls], port
    )
    yield port
    server.kill()


def test_nats_with_tls_delivers_and_logs_nothing(
    world: World, nats_with_tls: int, ca_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink = NatsSettings(url=f"tls://localhost:{nats_with_tls}", ca_file=ca_file)
    stream = NatsConsumer(sink.url, ssl.create_default_context(cafile=ca_file))
    world.add_events(2)
    assert world.once(it=replace(sink, subject=stream.settings.subject))["it"].delivered == 2
    assert [one.seq for one in stream.received()] == [1, 2]
    # The main thread is the consumer's.
    assert [record.message for record in caplog.records if record.threadName != "MainThread"] == []


def test_proxy_that_removes_the_offer_of_tls_is_sent_nothing(world: World, nats_with_tls: int, ca_file: Path) -> None:
    def strip(data: bytes) -> bytes:
        return data.replace(b'"tls_required":true', b'"tls_required":false')

    with Peer(forwards(nats_with_tls, strip)) as proxy:
        assert_nothing_left(world, proxy, encrypted_sink("tls", proxy.port, ca_file), NO_TLS)
        assert proxy.received == b""
