"""The checks of sinks, and of events and mail that wait."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.delivery import check_delivery, check_sinks
from lback_cli.doctor.result import CheckResult
from lback_cli.settings import EmailSettings, SinkSettings
from lback_cli.settings.sink_kinds import BrokerSettings, NatsSettings, RabbitMqSettings, RedisSettings, WebhookSettings
from lback_cli.text.times import utc_now

MakeContext = Callable[..., CheckContext]
Register = Callable[[CheckContext, str], None]

HOOK = WebhookSettings(url="https://crm.example.org/hooks", secrets="whsec_" + "A" * 32)
ALL_WELL = CheckResult("delivery", "ok", "No event and no mail waits to be delivered.")


def execute(context: CheckContext, *statements: str) -> None:
    with sqlite3.connect(context.directory / "users.db") as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def wait(context: CheckContext, minutes: int) -> None:
    context.clock = lambda: utc_now() + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("kind", "url", "safe_scheme"),
    [
        (RabbitMqSettings, "amqp://u:pw@{}/x", "amqps"),
        (RedisSettings, "redis://:pw@{}/0", "rediss"),
        (NatsSettings, "nats://token@{}:4222/s", "tls"),
    ],
)
def test_a_sink_on_another_machine_without_encryption_is_named(
    make_context: MakeContext, kind: type[BrokerSettings], url: str, safe_scheme: str
) -> None:
    found = check_sinks(make_context(relay={"it": kind(url=url.format("broker.example"))}))
    message = "relay.it.url is not encrypted and leads to another machine: others may read events and passwords."
    assert (found.status, found.message) == ("warn", message)
    assert found.hint == f"Use {safe_scheme}:// unless the network is your own."
    for host in ("localhost", "127.0.0.1"):
        assert check_sinks(make_context(relay={"it": kind(url=url.format(host))})).status == "ok"


def test_sinks_whose_settings_can_be_used_are_well(make_context: MakeContext) -> None:
    assert check_sinks(make_context()) == CheckResult("sinks", "ok", "No sinks are configured.")
    one, two = make_context(relay={"crm": HOOK}), make_context(relay={"crm": HOOK, "cdp": HOOK})
    assert check_sinks(one) == CheckResult("sinks", "ok", "The settings of the sink can be used.")
    assert check_sinks(two) == CheckResult("sinks", "ok", "The settings of 2 sinks can be used.")


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        (
            replace(HOOK, secrets="", secret_file=Path("missing")),
            "relay.it.secret_file: cannot read missing: No such file or directory.",
            "Correct relay.it.secret_file, or make the file readable for the user who runs lback.",
        ),
        (
            replace(HOOK, secrets="", secret_file=Path("/dev/fd/0")),
            "relay.it.secret_file is empty, but a webhook must be signed.",
            'Run: (umask 077; echo "whsec_$(openssl rand -base64 32)" > /dev/fd/0)',
        ),
        (
            replace(HOOK, secrets=""),
            "Neither relay.it.secret_file nor relay.it.secrets is set, but a webhook must be signed.",
            'Set relay.it.secret_file to a file, and run: (umask 077; echo "whsec_$(openssl rand -base64 32)" > FILE)',
        ),
        (
            replace(HOOK, secrets="short"),
            "relay.it.secrets has a secret that is not whsec_ and base64 of 24 to 64 bytes.",
            None,
        ),
        (
            RabbitMqSettings(url="amqps://lback@mq.example.org/prod", password_file=Path("missing")),
            "relay.it.password_file: cannot read missing: No such file or directory.",
            "Correct relay.it.password_file, or make the file readable for the user who runs lback.",
        ),
        (SinkSettings(url="gopher://example.org"), "relay.it.url has an unknown scheme.", None),
    ],
)
def test_a_sink_that_cannot_be_used_fails(
    make_context: MakeContext, settings: SinkSettings, message: str, hint: str | None
) -> None:
    found = check_sinks(make_context(relay={"it": settings}))
    assert (found.status, found.message) == ("fail", message)
    assert found.hint == hint if hint else found.hint


def test_events_that_wait_long_for_a_relay_are_a_warning(make_context: MakeContext, register: Register) -> None:
    context = make_context(relay={"crm": HOOK, "cdp": HOOK, "late": replace(HOOK, start="next")})
    assert check_delivery(context) == ALL_WELL
    register(context, "alice")
    assert check_delivery(context) == ALL_WELL, "a relay that cron runs may come yet"
    wait(context, 16)
    message = "No process delivers the events that wait for cdp (2), crm (2)."
    assert check_delivery(context) == CheckResult("delivery", "warn", message, "Run: lback events relay")


def test_a_sink_that_takes_no_events_is_a_warning(make_context: MakeContext, register: Register) -> None:
    context = make_context(relay={"crm": HOOK})
    register(context, "alice")
    execute(
        context,
        "INSERT INTO lback_sinks (name, position, failures, tries, rejections, last_error)"
        " VALUES ('crm', 0, 3, 1, 0, 'Connection refused'), ('old', 0, 3, 1, 0, 'gone')",
        "INSERT INTO lback_dead_letters (sink, seq, tries, error, given_up_at)"
        " VALUES ('crm', 1, 1, 'no', '2026-01-01 00:00:00')",
    )
    assert check_delivery(context) == CheckResult(
        "delivery",
        "warn",
        "crm does not take events (2 wait): Connection refused. crm has 1 dead letter.",
        "When it is corrected, run: lback events sinks test crm; lback events dead-letters list crm",
    )


def test_dead_and_delayed_mail_is_a_warning(make_context: MakeContext, register: Register, tmp_path: Path) -> None:
    context = make_context(email=EmailSettings(transport="queue", directory=tmp_path / "mail"))
    for name in ("ann", "ben", "cid"):
        register(context, name)
    assert check_delivery(context) == ALL_WELL
    wait(context, 16)
    found = check_delivery(context)
    assert (found.message, found.hint) == ("3 mails are waiting, and no process delivers.", "Run: lback mail deliver")
    execute(
        context,
        "UPDATE lback_mail_queue SET last_error = 'Mailbox full.' WHERE recipient = 'ann@example.org'",
        "UPDATE lback_mail_queue SET retry_at = NULL WHERE recipient = 'ben@example.org'",
    )
    found = check_delivery(context)
    assert found.message == "1 mail is dead, so lback no longer tries to send. 2 mails are delayed: Mailbox full."
    assert (found.status, found.hint) == ("warn", "Run: lback mail queue list")
