"""NATS servers that require a login of some kind, refuse a permission, or are one of several."""

import base64
import json
import os
import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nkeys
import pytest

from lback_cli.relay.worker import RelayReport
from lback_cli.settings.sink_kinds import NatsSettings

from .broker import Broker, free_port
from .consumers import NatsConsumer
from .harness import World
from .peers import Peer, stalls
from .test_encryption import INFO, server_context

Start = Callable[[str], int]


@pytest.fixture
def start(nats_url: str, tmp_path: Path) -> Iterator[Start]:
    """``start(authorization)`` starts a NATS server with that part of its configuration, and returns its port."""
    assert nats_url, "the server that this machine has"
    if shutil.which("nats-server") is None:
        pytest.skip("the program nats-server is not on this machine")
    running: list[Broker] = []

    def run(authorization: str) -> int:
        port = free_port()
        config = tmp_path / f"nats{port}.conf"
        config.write_text(
            f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{tmp_path}/js{port}" }}\n{authorization}\n'
        )
        running.append(Broker(["nats-server", "-c", str(config)], port))
        return port

    yield run
    for server in running:
        server.kill()


def new_seed() -> tuple[str, str]:
    """Return the seed of a new user and its public key."""
    seed = bytes(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER))
    return seed.decode(), nkeys.from_seed(bytearray(seed)).public_key.decode()


def assert_delivers(world: World, sink: NatsSettings, consumer_url: str) -> None:
    stream = NatsConsumer(consumer_url)
    world.add_events(1)
    assert world.once(it=replace(sink, subject=stream.settings.subject)) == {
        "it": RelayReport("it", delivered=1, position=1)
    }
    assert [one.seq for one in stream.received()] == [1]


def test_password_file_without_a_user_is_a_token(world: World, start: Start, tmp_path: Path) -> None:
    port = start('authorization { token: "canary" }')
    file = tmp_path / "token"
    file.write_text("canary\n")
    sink = NatsSettings(url=f"nats://127.0.0.1:{port}", password_file=file)
    assert_delivers(world, sink, f"nats://canary@127.0.0.1:{port}")


def test_nkey_logs_in(world: World, start: Start, tmp_path: Path) -> None:
    seed, public = new_seed()
    port = start(f'authorization {{ users: [ {{nkey: {public}}}, {{user: "tester", password: "x"}} ] }}')
    file = tmp_path / "seed"
    file.write_text(seed + "\n")
    sink = NatsSettings(url=f"nats://127.0.0.1:{port}", nkey_file=file)
    assert_delivers(world, sink, f"nats://tester:x@127.0.0.1:{port}")
    file.write_text(new_seed()[0] + "\n")
    report = world.once(other=sink)["other"]
    assert "authorization violation" in str(report.error).lower()


def test_credentials_sign_what_the_server_asks(world: World, tmp_path: Path) -> None:
    seed, public = new_seed()
    file = tmp_path / "lback.creds"
    file.write_text(
        f"-----BEGIN NATS USER JWT-----\ne30.the.jwt\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
    logins = []

    def server(_peer: Peer, connection: socket.socket) -> None:
        info = INFO | {"nonce": "abcdef", "auth_required": True}
        connection.sendall(b"INFO %s\r\n" % json.dumps(info).encode())
        logins.append(json.loads(connection.recv(65536).split(b"\r\n")[0].removeprefix(b"CONNECT ")))
        connection.sendall(b"-ERR 'Authorization Violation'\r\n")

    world.add_events(1)
    with Peer(server) as peer:
        world.once(it=NatsSettings(url=f"nats://127.0.0.1:{peer.port}", credentials_file=file, timeout=1.0))
    (login,) = logins
    assert login["jwt"] == "e30.the.jwt"
    keys = nkeys.from_seed(bytearray(seed.encode()))
    assert keys.verify(b"abcdef", base64.b64decode(login["sig"]))
    assert public.startswith("U")


def test_missing_permission_is_named(world: World, start: Start) -> None:
    permissions = '{ publish: ["$JS.API.>"], subscribe: ["_INBOX.>"] }'
    port = start(f'authorization {{ users: [ {{user: "ann", password: "canary", permissions: {permissions}}} ] }}')
    world.add_events(1)
    sink = NatsSettings(url=f"nats://ann:canary@127.0.0.1:{port}", timeout=1.0)
    error = world.once(it=sink)["it"].error
    assert error == 'nats: permissions violation for publish to "lback.events.user_registered"'
    assert world.sink("it").tries == 0


@pytest.mark.parametrize("first", ["refuses", "is silent"])
def test_next_server_is_used_if_the_first_fails(world: World, start: Start, first: str) -> None:
    port = start("")
    with Peer(stalls) as silent:
        broken = silent.port if first == "is silent" else 1
        sink = NatsSettings(url=f"nats://127.0.0.1:{broken}", servers=(f"127.0.0.1:{port}",), timeout=4.0)
        assert_delivers(world, sink, f"nats://127.0.0.1:{port}")


def test_handshake_first_sends_nothing_before_tls(world: World, certificate_authority: Any, tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    certificate_authority.cert_pem.write_to_path(str(ca_file))
    context = server_context(certificate_authority, "localhost")
    first: list[bytes] = []

    def server(_peer: Peer, connection: socket.socket) -> None:
        first.append(connection.recv(3, socket.MSG_PEEK))
        with context.wrap_socket(connection, server_side=True) as encrypted:
            encrypted.sendall(b"INFO %s\r\n" % json.dumps(INFO | {"tls_required": True}).encode())
            first.append(encrypted.recv(8))

    world.add_events(1)
    with Peer(server) as peer:
        sink = NatsSettings(url=f"tls://localhost:{peer.port}", ca_file=ca_file, handshake_first=True, timeout=1.0)
        world.once(it=sink)
    assert first[:2] == [b"\x16\x03\x01", b"CONNECT "]
    assert isinstance(context, ssl.SSLContext)
