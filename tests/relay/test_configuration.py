"""Bad settings: each is refused before anything is sent, with the key's name and without its secret."""

from dataclasses import replace
from pathlib import Path

import pytest

from lback_cli.errors import ConfigurationError
from lback_cli.relay.sinks import build_sink
from lback_cli.settings import SinkSettings

from .consumers import SECRET

HOOK = SinkSettings(url="https://example.org/hook", secrets=SECRET)
QUEUE = SinkSettings(url="amqp://ann:canary@example.org/")
STREAM = SinkSettings(url="redis://:canary@example.org")
JETS = SinkSettings(url="nats://ann:canary@example.org")


@pytest.mark.parametrize(
    ("sink", "message"),
    [
        (SinkSettings(), "relay.it.url is not set."),
        (replace(HOOK, url="canary"), "relay.it.url has no scheme that lback knows."),
        (replace(HOOK, url="ftp://ann:canary@example.org"), "relay.it.url has no scheme that lback knows."),
        (replace(HOOK, url="https://"), "relay.it.url cannot be read as a URL."),
        (replace(HOOK, url="https://canary:x"), "relay.it.url cannot be read as a URL."),
        (replace(HOOK, url="https://[canary"), "relay.it.url cannot be read as a URL."),
        (replace(HOOK, url="https://example.org/a b"), "relay.it.url cannot be read as a URL."),
        (replace(HOOK, url="https://\u00e4.org/"), "relay.it.url cannot be read as a URL."),
        (
            replace(HOOK, url="https://ann:canary@example.org/"),
            "relay.it.url has a user, a password or a fragment, which a webhook cannot.",
        ),
        (replace(HOOK, url="http://example.org/"), "relay.it.url is not encrypted, and leads to another machine."),
        (replace(HOOK, url="http://10.0.0.1/"), "relay.it.url is not encrypted, and leads to another machine."),
        (replace(HOOK, secrets=""), "relay.it.secrets is empty, and a webhook must be signed."),
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
            "relay.it.secret_file is empty, and a webhook must be signed.",
        ),
        (replace(HOOK, ca_file=Path("/none")), "relay.it.ca_file: cannot use /none: No such file or directory."),
        (replace(HOOK, stream="x"), "relay.it.stream means nothing for a sink of the kind webhook."),
        (replace(HOOK, exchange="x"), "relay.it.exchange means nothing for a sink of the kind webhook."),
        (replace(HOOK, routing_key="x"), "relay.it.routing_key means nothing for a sink of the kind webhook."),
        (replace(HOOK, subject="x"), "relay.it.subject means nothing for a sink of the kind webhook."),
        (
            replace(HOOK, password_file=Path("x")),
            "relay.it.password_file means nothing for a sink of the kind webhook.",
        ),
        (replace(STREAM, secrets="canary"), "relay.it.secrets means nothing for a sink of the kind redis."),
        (replace(STREAM, secret_file=Path("x")), "relay.it.secret_file means nothing for a sink of the kind redis."),
        (
            replace(STREAM, password_file=Path("/none")),
            "relay.it.password_file: cannot read /none: No such file or directory.",
        ),
        (
            replace(QUEUE, password_file=Path("/dev/null")),
            "relay.it.password_file: cannot read /dev/null: it is not a file.",
        ),
        (
            replace(JETS, password_file=Path("/none")),
            "relay.it.password_file: cannot read /none: No such file or directory.",
        ),
        (replace(STREAM, ca_file=Path("/none")), "relay.it.ca_file: cannot use /none: No such file or directory."),
        (replace(QUEUE, ca_file=Path("/none")), "relay.it.ca_file: cannot use /none: No such file or directory."),
        (replace(JETS, ca_file=Path("/none")), "relay.it.ca_file: cannot use /none: No such file or directory."),
        (
            replace(QUEUE, url="amqp://ann:canary@example.org/?heartbeat=canary"),
            "relay.it.url has a part that AMQP does not take.",
        ),
        (
            replace(STREAM, url="redis://:canary@example.org/0?socket_timeout=canary"),
            "relay.it.url has a part that Redis does not take.",
        ),
        (replace(JETS, subject="a.>"), "relay.it.subject: 'a.>' is not a subject."),
        (replace(JETS, subject=""), "relay.it.subject: '' is not a subject."),
    ],
)
def test_what_a_sink_cannot_be_used_with_is_named(sink: SinkSettings, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build_sink("it", sink)
    assert caught.value.message == message
    assert "canary" not in f"{caught.value.message}{caught.value.hint}{sink!r}"


@pytest.mark.parametrize("sink", [HOOK, QUEUE, STREAM, JETS])
def test_what_is_right_is_taken_without_asking_any_server(sink: SinkSettings) -> None:
    build_sink("it", sink).close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_this_machine_needs_no_encryption(host: str) -> None:
    build_sink("it", replace(HOOK, url=f"http://{host}:8080/")).close()
