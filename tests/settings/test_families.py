"""Families of named sections: ``[relay.NAME]``."""

from typing import Any

import pytest

from lback_cli.settings import Settings, SinkSettings
from lback_cli.settings.masking import ShownSetting, describe_settings
from lback_cli.settings.sink_kinds import RabbitMqSettings, RedisSettings, WebhookSettings

Workspace = Any  # conftest.Workspace


def test_keys_of_each_named_section_come_from_all_sources(workspace: Workspace) -> None:
    file = workspace.write(
        "config.toml", "[relay.one]\nurl = 'redis://a'\nmax_attempts = 3\n[relay.two]\nurl = 'redis://b'\n"
    )
    workspace.write(".env", "LBACK_RELAY_ONE_MAX_ATTEMPTS=4\nLBACK_RELAY_TWO_TIMEOUT=2.5\n")
    workspace.environment = {"LBACK_RELAY_TWO_URL": "redis://c", "LBACK_RELAY_THREE_TIMEOUT": "3"}
    settings = workspace.load()
    assert settings.relay.keys() == {"one", "two", "three"}
    assert settings.relay["one"] == RedisSettings(url="redis://a", max_attempts=4)
    assert settings.relay["two"] == RedisSettings(url="redis://c", timeout=2.5)
    assert settings.relay["three"] == SinkSettings(timeout=3.0), "its URL may be set where the relay runs"
    sources = {name: source for name, source in settings.sources.items() if name.startswith("relay.")}
    assert {name: source for name, source in sources.items() if source != "default"} == {
        "relay.one.url": str(file),
        "relay.one.max_attempts": "LBACK_RELAY_ONE_MAX_ATTEMPTS in .env",
        "relay.two.url": "LBACK_RELAY_TWO_URL",
        "relay.two.timeout": "LBACK_RELAY_TWO_TIMEOUT in .env",
        "relay.three.timeout": "LBACK_RELAY_THREE_TIMEOUT",
    }
    assert [row.key for row in describe_settings(settings) if row.key.endswith(".url")] == [
        *("database.url", "relay.one.url", "relay.three.url", "relay.two.url")
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[relay]\nurl = 'x'\n", "relay must consist of named sections, [relay.NAME]."),
        ("relay = 1\n", "relay must consist of named sections, [relay.NAME]."),
        ("[[relay]]\nurl = 'x'\n", "relay must consist of named sections, [relay.NAME]."),
        ("[relay.a-b]\n", "[relay.a-b]: 'a-b' is not a valid name."),
        ("[attributes.email]\n", "[attributes.email]: 'email' is an attribute of lback itself."),
        ("[attributes.outcome]\n", "[attributes.outcome]: 'outcome' has a meaning in lback already."),
        ("[relay.1a]\n", "[relay.1a]: '1a' is not a valid name."),
        ("[relay.audit]\nnme = 1\n", "unknown key 'nme' in [relay.audit]."),
        ("[relay.audit.deeper]\nurl = 'x'\n", "unknown key 'deeper' in [relay.audit]."),
    ],
)
def test_malformed_section_is_an_error(workspace: Workspace, content: str, message: str) -> None:
    file = workspace.write("config.toml", content)
    assert workspace.error().message == f"{file}: {message}"


def test_the_url_selects_the_keys_of_a_section_wherever_it_is_set(workspace: Workspace) -> None:
    file = workspace.write("config.toml", "[relay.audit]\nstream = 'x'\n")
    workspace.environment = {"LBACK_RELAY_AUDIT_URL": "redis://a"}
    assert workspace.load().relay["audit"] == RedisSettings(url="redis://a", stream="x")
    workspace.environment = {"LBACK_RELAY_AUDIT_URL": "https://a"}
    error = workspace.error()
    assert error.message == f"{file}: unknown key 'stream' in [relay.audit]."
    assert error.hint == (
        "Keys of [relay.audit] are url, start, signals, groups, format, source, timeout, max_attempts, max_backoff, "
        "ca_file, client_certificate, client_key, secrets, secret_file, headers, headers_file, proxy."
    )


def test_keys_of_a_kind_that_is_not_installed_are_not_checked(workspace: Workspace) -> None:
    """Only the commands that use the sink need the package that knows its keys."""
    workspace.write("config.toml", "[relay.bus]\nurl = 'mqtt://a'\ntopic = 'x'\ntimeout = 3\n")
    settings = workspace.load()
    assert settings.relay == {"bus": SinkSettings(url="mqtt://a", timeout=3.0)}
    assert {row.key for row in describe_settings(settings) if row.key.startswith("relay.")} == {
        *("relay.bus.url", "relay.bus.start", "relay.bus.timeout", "relay.bus.max_attempts", "relay.bus.max_backoff"),
        *("relay.bus.signals", "relay.bus.groups", "relay.bus.format", "relay.bus.source"),
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[email]\ntries = 3\n", "the key 'tries' in [email] is now called 'max_attempts'."),
        (
            "[relay.audit]\nurl = 'redis://a'\ntries = 3\n",
            "the key 'tries' in [relay.audit] is now called 'max_attempts'.",
        ),
        (
            "[relay.audit]\nlongest_pause = '5m'\n",
            "the key 'longest_pause' in [relay.audit] is now called 'max_backoff'.",
        ),
    ],
)
def test_old_name_of_a_key_is_refused_with_the_new_one(workspace: Workspace, content: str, message: str) -> None:
    file = workspace.write("config.toml", content)
    assert workspace.error().message == f"{file}: {message}"
    assert workspace.error().hint == "Rename the key."


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("LBACK_EMAIL_TRIES", "LBACK_EMAIL_MAX_ATTEMPTS"),
        ("LBACK_RELAY_AUDIT_TRIES", "LBACK_RELAY_AUDIT_MAX_ATTEMPTS"),
        ("LBACK_RELAY_AUDIT_LONGEST_PAUSE", "LBACK_RELAY_AUDIT_MAX_BACKOFF"),
    ],
)
def test_old_name_of_a_variable_is_refused_with_the_new_one(workspace: Workspace, name: str, new: str) -> None:
    workspace.environment = {name: "3"}
    assert workspace.error().message == f"{name} is now called {new}."


@pytest.mark.parametrize(
    "name",
    [
        *("LBACK_RELAY_URL", "LBACK_RELAY_AUDIT", "LBACK_RELAY_AUDIT_URK", "LBACK_RELAY_audit_URL", "LBACK_RELAY_"),
        *("LBACK_RELAY_1A_URL", "LBACK_RELAY__URL"),
    ],
)
def test_variable_without_a_valid_name_or_key_is_a_warning(workspace: Workspace, name: str) -> None:
    workspace.environment = {name: "x"}
    settings = workspace.load()
    assert [warning.message for warning in settings.warnings] == [f"Unknown environment variable {name}."]
    assert settings.relay == {}


def test_secrets_are_not_in_the_repr_and_are_masked_when_shown() -> None:
    settings = Settings(
        relay={
            "bus": RabbitMqSettings(url="amqp://ann:canary@b/"),
            "hook": WebhookSettings(url="https://b/", secrets="canary"),
        }
    )
    assert "canary" not in repr(settings)
    rows = describe_settings(settings)
    assert ShownSetting("relay.bus.url", "amqp://ann:***@b/", "code") in rows
    assert ShownSetting("relay.hook.secrets", "***", "code") in rows
    assert "canary" not in repr(rows)
