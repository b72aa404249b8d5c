"""Webhooks behind a proxy, that know their clients by a certificate, or that need headers of their own."""

import base64
import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lback_cli.errors import ConfigurationError
from lback_cli.relay.sinks import build_sink
from lback_cli.relay.worker import RelayReport
from lback_cli.settings.sink_kinds import RabbitMqSettings, TlsSinkSettings, WebhookSettings

from .consumers import SECRET, Endpoint, Request
from .harness import World
from .mail_harness import MailHarness
from .peers import Peer, Script, drips, encrypts, says, stalls
from .test_encryption import INFO, encrypted_sink, server_context

Endpoints = Callable[..., Endpoint]


def tunnels(answer: bytes = b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n") -> Script:
    """Return the script of an HTTP proxy that answers so to every request, and then connects."""

    def script(peer: Peer, connection: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        peer.received += head
        port = int(head.split()[1].rpartition(b":")[2])
        connection.sendall(answer)
        with socket.create_connection(("127.0.0.1", port)) as server:

            def upstream() -> None:
                with contextlib.suppress(OSError):
                    while data := connection.recv(4096):
                        server.sendall(data)
                    server.shutdown(socket.SHUT_WR)

            thread = threading.Thread(target=upstream)
            thread.start()
            while data := server.recv(4096):
                connection.sendall(data)
            connection.shutdown(socket.SHUT_RDWR)
            thread.join()

    return script


def test_events_go_through_a_proxy_that_cannot_read_them(world: World, endpoint: Endpoints) -> None:
    other = endpoint()
    world.add_events(2)
    with Peer(tunnels()) as proxy:
        sink = replace(other.settings, proxy=f"http://ann:c%40nary@127.0.0.1:{proxy.port}")
        assert world.once(it=sink) == {"it": RelayReport("it", delivered=2, position=2)}
        login = base64.b64encode(b"ann:c@nary").decode()
        target = f"localhost:{other.port}"
        assert proxy.received.decode() == (
            f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Authorization: Basic {login}\r\n\r\n"
        )


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (says(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), "the proxy answers 407 to a connection to "),
        (says(b"HTTP/1.1 302 Found\r\nLocation: http://localhost/\r\n\r\n"), "the proxy answers 302 to "),
        (says(b"SSH-2.0-OpenSSH\r\n\r\n"), "the proxy does not answer as an HTTP proxy"),
        (says(b"x" * 20000), "the proxy does not answer as an HTTP proxy"),
        (stalls, "no answer within 0.5 s"),
        (drips, "no answer within 0.5 s"),
    ],
)
def test_proxy_that_does_not_let_through_costs_no_attempt(
    world: World, endpoint: Endpoints, script: Script, reason: str
) -> None:
    other = endpoint()
    world.add_events(1)
    with Peer(script) as proxy:
        sink = replace(other.settings, proxy=f"http://127.0.0.1:{proxy.port}", timeout=0.5)
        report = world.once(it=sink)["it"]
    assert report == RelayReport("it", error=report.error)
    assert str(report.error).startswith(reason)
    assert (world.sink("it").tries, other.requests) == (0, [])


def test_proxy_variables_are_ignored(world: World, endpoint: Endpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    world.add_events(1)
    assert world.once(it=endpoint().settings)["it"].delivered == 1


@pytest.fixture
def client_certificate(certificate_authority: Any, tmp_path: Path) -> Path:
    """The certificate and key of a client, in one file."""
    file = tmp_path / "client.pem"
    certificate_authority.issue_cert("lback.example").private_key_and_cert_chain_pem.write_to_path(str(file))
    return file


@pytest.mark.parametrize("scheme", ["https", "amqps", "rediss", "tls"])
def test_client_certificate_is_sent_to_a_server_that_requires_one(
    world: World, certificate_authority: Any, client_certificate: Path, tmp_path: Path, scheme: str
) -> None:
    context = server_context(certificate_authority, "localhost")
    context.verify_mode = ssl.CERT_REQUIRED
    certificate_authority.configure_trust(context)
    ca_file = tmp_path / "ca.pem"
    certificate_authority.cert_pem.write_to_path(str(ca_file))
    greeting = b"INFO %s\r\n" % json.dumps(INFO | {"tls_required": True}).encode() if scheme == "tls" else b""
    world.add_events(1)
    with Peer(encrypts(context, greeting)) as peer:
        sink: TlsSinkSettings = replace(encrypted_sink(scheme, peer.port, ca_file), timeout=0.7)
        world.once(it=sink)
        assert peer.received == b""
        world.once(it=replace(sink, client_certificate=client_certificate))
        assert peer.received != b""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"client_certificate": Path("/none")}, "client_certificate: cannot use /none: No such file or directory."),
        ({"client_key": Path("/none")}, "client_key is set, but relay.it.client_certificate is not."),
        ({"url": "http://localhost/", "client_key": Path("/none")}, "client_key is set, but a connection with http://"),
        ({"proxy": "https://proxy.example.org"}, "proxy is not the URL of an HTTP proxy."),
        ({"proxy": "proxy.example.org:3128"}, "proxy is not"),
        ({"proxy": "http://ann:canary@h:x"}, "proxy is not a valid URL."),
        ({"proxy": "http://proxy/", "url": "http://localhost/"}, "proxy is set, but relay.it.url is not encrypted."),
        ({"headers": ("canary",)}, "headers has a line that is not a header."),
        ({"headers": ("X-A: canary\x07",)}, "headers has a line that is not a header."),
        ({"headers": ("X A: canary",)}, "headers has a line that is not a header."),
        *(
            ({"headers": (f"{name}: canary",)}, f"headers: lback sets the header {name} itself.")
            for name in (
                *("Host", "Content-Type", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "TE"),
                *("Trailer", "Expect", "User-Agent", "webhook-id", "webhook-timestamp", "webhook-signature"),
            )
        ),
        ({"headers_file": Path("/none")}, "headers_file: cannot read /none: No such file or directory."),
    ],
)
def test_bad_setting_is_refused_without_its_secret(changes: dict[str, Any], message: str) -> None:
    sink = WebhookSettings(**({"url": "https://example.org/", "secrets": SECRET} | changes))
    with pytest.raises(ConfigurationError) as caught:
        build_sink("it", sink)
    assert caught.value.message.startswith(f"relay.it.{message}")
    assert "canary" not in f"{caught.value.message}{caught.value.hint}{sink!r}"


def test_key_with_a_passphrase_is_refused_without_a_question(client_certificate: Path, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(client_certificate.read_bytes(), None)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(key.private_bytes(*form, serialization.BestAvailableEncryption(b"canary")))
    sink = RabbitMqSettings(url="amqps://localhost/", client_certificate=client_certificate, client_key=locked)
    with pytest.raises(ConfigurationError, match=r"relay\.it\.client_certificate: cannot use "):
        build_sink("it", sink)


def test_headers_of_the_configuration_are_sent(world: World, endpoint: Endpoints, tmp_path: Path) -> None:
    other = endpoint()
    file = tmp_path / "headers"
    file.write_text("X-Api-Key: secret\n\nX-Other:  a: b\n")
    world.add_events(1)
    sink = replace(other.settings, headers=("X-Tenant: canary",), headers_file=file)
    world.once(it=sink)
    sent = other.taken[0].headers
    assert (sent["x-tenant"], sent["x-api-key"], sent["x-other"]) == ("canary", "secret", "a: b")
    assert "canary" not in repr(sink)


def test_dead_letter_has_the_beginning_of_the_answer(world: World, endpoint: Endpoints) -> None:
    other = endpoint()

    def refuse(_request: Any, handler: Any) -> None:
        body = b'{"error": "no\n such \x00 tenant"}' + b" more" * 500
        handler.send_response(422)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    other.answer = refuse
    world.add_events(1)
    assert world.once(it=other.settings)["it"].dead == 1
    (letter,) = world.admin({}).dead_letters("it")
    assert letter.error == "it answers 422 Unprocessable Entity"
    assert letter.answer == ('{"error": "no such tenant"}' + " more" * 500)[:200]


def test_erasure_removes_the_answers_to_the_events_of_the_person(endpoint: Endpoints, tmp_path: Path) -> None:
    managers = MailHarness(tmp_path, {"transport": "file"}).prepare()
    managers.register("ann")
    managers.register("bob")
    other = endpoint()

    def echo(request: Request, handler: Any) -> None:
        name = str(json.loads(request.body)["subject"]).encode()
        handler.send_response(422)
        handler.send_header("Content-Length", str(len(name)))
        handler.end_headers()
        handler.wfile.write(name)

    other.answer = echo
    world = World(managers.settings.database.url)
    sink = replace(other.settings, signals=("user_registered",))
    assert world.once(it=sink)["it"].dead == 2
    assert [letter.answer for letter in world.admin({}).dead_letters("it")] == ["ann", "bob"]
    managers.log.erase_user("ann", managers.users)
    assert [letter.answer for letter in world.admin({}).dead_letters("it")] == [None, "bob"]
    world.close()
    managers.close()
