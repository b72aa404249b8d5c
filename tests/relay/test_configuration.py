"""Bad settings are refused before anything is sent, with the name of the key and without its secret."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from lback_cli.errors import ConfigurationError
from lback_cli.relay.sinks import build_sink
from lback_cli.relay.sinks.network import broker_password, one_line
from lback_cli.settings import SinkSettings
from lback_cli.settings.sink_kinds import NatsSettings, RabbitMqSettings, RedisSettings, WebhookSettings

from .consumers import SECRET

HOOK = WebhookSettings(url="https://example.org/hook", secrets=SECRET)
QUEUE = RabbitMqSettings(url="amqp://ann:canary@example.org/")
STREAM = RedisSettings(url="redis://:canary@example.org")
JETS = NatsSettings(url="nats://ann:canary@example.org")


@pytest.mark.parametrize(
    ("sink", "message"),
    [
        (SinkSettings(), "relay.it.url is not set."),
        (replace(HOOK, url="canary"), "relay.it.url has an unknown scheme."),
        (replace(HOOK, url="ftp://ann:canary@example.org"), "relay.it.url has an unknown scheme."),
        (replace(HOOK, url="https://"), "relay.it.url is not a valid URL."),
        (replace(HOOK, url="https://canary:x"), "relay.it.url is not a valid URL."),
        (replace(HOOK, url="https://[canary"), "relay.it.url is not a valid URL."),
        (replace(HOOK, url="https://example.org/a b"), "relay.it.url is not a valid URL."),
        (replace(HOOK, url="https://\u00e4.org/"), "relay.it.url is not a valid URL."),
        *(
            (
                replace(HOOK, url=url),
                "relay.it.url has a user, a password or a fragment, which a webhook cannot have.",
            )
            for url in ("https://ann:canary@example.org/", "https://canary@example.org/", "https://example.org/#canary")
        ),
        (replace(HOOK, url="http://example.org/"), "relay.it.url is not encrypted and leads to another machine."),
        (replace(HOOK, url="http://10.0.0.1/"), "relay.it.url is not encrypted and leads to another machine."),
        (
            replace(HOOK, secrets=""),
            "Neither relay.it.secret_file nor relay.it.secrets is set, but a webhook must be signed.",
        ),
        (
            replace(HOOK, secrets="canary"),
            "relay.it.secrets has a secret that is not whsec_ and base64 of 24 to 64 bytes.",
        ),
        (
            replace(HOOK, secrets=f"{SECRET} whsec_canary"),
            "relay.it.secrets has a secret that is not whsec_ and base64 of 24 to 64 bytes.",
        ),
        (
            replace(HOOK, secret_file=Path("/none")),
            "relay.it.secrets and relay.it.secret_file are both set.",
        ),
        (
            replace(HOOK, secrets="", secret_file=Path("/none")),
            "relay.it.secret_file: cannot read /none: No such file or directory.",
        ),
        (
            replace(HOOK, secrets="", secret_file=Path("/dev/null")),
            "relay.it.secret_file: cannot read /dev/null: it is not a file.",
        ),
        (
            replace(HOOK, headers_file=Path("/dev/zero")),
            "relay.it.headers_file: cannot read /dev/zero: it is not a file.",
        ),
        (replace(HOOK, headers=("X-Key: canary", "x-key: b")), "relay.it.headers: the header x-key is there twice."),
        *(
            (replace(JETS, servers=(server,)), "relay.it.servers has more than hosts and ports.")
            for server in ("ann:pw@example.org", "token@example.org", "example.org/x")
        ),
        (
            replace(JETS, servers=("example.org", "example.org:x")),
            "relay.it.servers is not a valid URL.",
        ),
        (replace(HOOK, ca_file=Path("/none")), "relay.it.ca_file: cannot use /none: No such file or directory."),
        (
            replace(STREAM, url="redis://example.org", password_file=Path("/none")),
            "relay.it.password_file: cannot read /none: No such file or directory.",
        ),
        (
            replace(QUEUE, url="amqp://ann@example.org/", password_file=Path("/dev/null")),
            "relay.it.password_file: cannot read /dev/null: it is not a file.",
        ),
        (
            replace(JETS, url="nats://ann@example.org", password_file=Path("/none")),
            "relay.it.password_file: cannot read /none: No such file or directory.",
        ),
        *(
            (
                replace(sink, url=sink.url.replace(f"{plain}://", f"{encrypted}://"), ca_file=Path("/none")),
                "relay.it.ca_file: cannot use /none: No such file or directory.",
            )
            for sink, plain, encrypted in ((STREAM, "redis", "rediss"), (QUEUE, "amqp", "amqps"), (JETS, "nats", "tls"))
        ),
        *(
            (
                replace(sink, ca_file=Path("/none")),
                f"relay.it.ca_file is set, but a connection with {scheme}:// is not encrypted.",
            )
            for sink, scheme in (
                (STREAM, "redis"),
                (QUEUE, "amqp"),
                (JETS, "nats"),
                (replace(HOOK, url="http://localhost/"), "http"),
            )
        ),
        (
            replace(QUEUE, url="amqp://ann:canary@example.org/?heartbeat=canary"),
            "relay.it.url has a part that AMQP does not accept.",
        ),
        (
            replace(STREAM, url="redis://:canary@example.org/0?socket_timeout=canary"),
            "relay.it.url has a part that Redis does not accept.",
        ),
        (
            replace(STREAM, url="rediss://:canary@example.org/0?ssl_cert_reqs=none"),
            "relay.it.url has a part that Redis does not accept.",
        ),
        (
            replace(STREAM, url="redis://:canary@example.org/x"),
            "relay.it.url: the path must be the number of a database.",
        ),
        *(
            (replace(sink, password_file=Path("/none")), "relay.it has a password in url and a password_file.")
            for sink in (STREAM, QUEUE, JETS)
        ),
        (RedisSettings(url="https://example.org/hook"), "relay.it: a sink of https:// needs WebhookSettings."),
        (replace(JETS, subject="a.>"), "relay.it.subject: 'a.>' is not a subject."),
        (replace(JETS, subject=""), "relay.it.subject: '' is not a subject."),
        (replace(JETS, handshake_first=True), "relay.it.handshake_first is set, but nats:// is not encrypted."),
    ],
)
def test_bad_setting_is_refused_without_its_secret(sink: SinkSettings, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build_sink("it", sink)
    assert caught.value.message == message
    assert "canary" not in f"{caught.value.message}{caught.value.hint}{sink!r}"


@pytest.mark.parametrize("sink", [HOOK, QUEUE, STREAM, JETS])
def test_sink_is_built_without_a_connection(sink: SinkSettings) -> None:
    build_sink("it", sink).close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_webhook_to_this_machine_needs_no_tls(host: str) -> None:
    build_sink("it", replace(HOOK, url=f"http://{host}:8080/")).close()


@pytest.mark.parametrize("user", ["ann", "ann:", "an%40n"])
def test_a_url_with_only_a_user_takes_the_password_from_the_file(tmp_path: Path, user: str) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    build_sink("it", replace(QUEUE, url=f"amqp://{user}@example.org/", password_file=tmp_path / "password")).close()


@pytest.mark.parametrize(("size", "accepted"), [(23, False), (24, True), (64, True), (65, False)])
def test_secret_of_a_webhook_has_24_to_64_bytes(size: int, accepted: bool) -> None:
    sink = replace(HOOK, secrets=f"whsec_{base64.b64encode(bytes(size)).decode()}")
    if accepted:
        build_sink("it", sink).close()
        return
    with pytest.raises(ConfigurationError, match=r"secrets has a secret that is not whsec_ and base64 of 24 to 64"):
        build_sink("it", sink)


def test_secret_of_a_webhook_with_a_character_that_is_not_base64_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"secrets has a secret that is not whsec_ and base64 of 24 to 64"):
        build_sink("it", replace(HOOK, secrets=f"{SECRET[:20]}!{SECRET[20:]}"))


def test_password_in_a_url_is_decoded() -> None:
    assert broker_password("it", replace(QUEUE, url="amqp://ann:p%40ss%2Fw%25@example.org/")) == "p@ss/w%"


def test_error_of_a_client_is_shown_without_the_password() -> None:
    error = ConnectionError("canary:\n no login as ann with canary.")
    assert one_line(error, None, "", "canary") == "***: no login as ann with ***"
