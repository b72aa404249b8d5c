"""Sections of which there are any number, by name: ``[relay.NAME]``."""

from typing import Any

import pytest

from lback_cli.settings import Settings, SinkSettings
from lback_cli.settings.masking import ShownSetting, describe_settings

Place = Any  # of conftest.py


def test_each_name_is_a_section_whose_keys_come_from_all_sources(place: Place) -> None:
    file = place.write("config.toml", "[relay.one]\nurl = 'redis://a'\ntries = 3\n[relay.two]\nurl = 'redis://b'\n")
    place.write(".env", "LBACK_RELAY_ONE_TRIES=4\nLBACK_RELAY_TWO_TIMEOUT=2.5\n")
    place.environment = {"LBACK_RELAY_TWO_URL": "redis://c", "LBACK_RELAY_THREE_SECRET_FILE": "/s"}
    settings = place.load()
    assert settings.relay.keys() == {"one", "two", "three"}
    assert settings.relay["one"] == SinkSettings(url="redis://a", tries=4)
    assert settings.relay["two"] == SinkSettings(url="redis://c", timeout=2.5)
    assert str(settings.relay["three"].secret_file) == "/s"
    sources = {name: source for name, source in settings.sources.items() if name.startswith("relay.")}
    assert {name: source for name, source in sources.items() if source != "default"} == {
        "relay.one.url": str(file),
        "relay.one.tries": "LBACK_RELAY_ONE_TRIES in .env",
        "relay.two.url": "LBACK_RELAY_TWO_URL",
        "relay.two.timeout": "LBACK_RELAY_TWO_TIMEOUT in .env",
        "relay.three.secret_file": "LBACK_RELAY_THREE_SECRET_FILE",
    }
    assert [row.key for row in describe_settings(settings) if row.key.endswith(".url")] == [
        *("database.url", "relay.one.url", "relay.three.url", "relay.two.url")
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[relay]\nurl = 'x'\n", "relay must be sections with names, [relay.NAME]."),
        ("relay = 1\n", "relay must be sections with names, [relay.NAME]."),
        ("[[relay]]\nurl = 'x'\n", "relay must be sections with names, [relay.NAME]."),
        ("[relay.a-b]\n", "[relay.a-b]: 'a-b' is not a name."),
        ("[relay.1a]\n", "[relay.1a]: '1a' is not a name."),
        ("[relay.audit]\nnme = 1\n", "unknown key 'nme' in [relay.audit]."),
        ("[relay.audit.deeper]\nurl = 'x'\n", "unknown key 'deeper' in [relay.audit]."),
    ],
)
def test_what_is_no_such_section_is_refused(place: Place, content: str, message: str) -> None:
    file = place.write("config.toml", content)
    assert place.refusal().message == f"{file}: {message}"


@pytest.mark.parametrize(
    "name", ["LBACK_RELAY_URL", "LBACK_RELAY_AUDIT", "LBACK_RELAY_AUDIT_URK", "LBACK_RELAY_audit_URL", "LBACK_RELAY_"]
)
def test_a_variable_of_no_key_is_refused(place: Place, name: str) -> None:
    place.environment = {name: "x"}
    assert place.refusal().message == f"Unknown environment variable {name}."


@pytest.mark.parametrize("name", ["LBACK_RELAY_1A_URL", "LBACK_RELAY__URL"])
def test_a_variable_of_no_name_is_refused(place: Place, name: str) -> None:
    place.environment = {name: "x"}
    assert place.refusal().message.startswith(f"{name}: ")


def test_secrets_are_in_no_repr_and_masked_when_shown() -> None:
    settings = Settings(relay={"it": SinkSettings(url="amqp://ann:canary@b/", secrets="canary")})
    assert "canary" not in repr(settings)
    rows = describe_settings(settings)
    assert ShownSetting("relay.it.url", "amqp://ann:***@b/", "code") in rows
    assert ShownSetting("relay.it.secrets", "***", "code") in rows
    assert "canary" not in repr(rows)
