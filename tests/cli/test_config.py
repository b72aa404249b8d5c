"""`lback config`."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Cli = Callable[..., Any]


def test_config_show_names_sources_and_masks_passwords(cli: Cli) -> None:
    outcome = cli(
        *("config", "show", "-o", "json", "--database-url", "postgresql://app:s3cret@db/app"),
        LBACK_EMAIL_HOST="mail.example.org",
    )
    rows = {row["key"]: (row["value"], row["source"]) for row in json.loads(outcome.out)}
    assert rows["database.url"] == ("postgresql://app:***@db/app", "--database-url")
    assert rows["email.host"] == ("mail.example.org", "LBACK_EMAIL_HOST")
    assert rows["email.port"] == (587, "default")
    assert rows["output.format"] == ("json", "--output")
    assert "s3cret" not in outcome.out + outcome.err


def test_config_show_takes_a_section_or_a_key(cli: Cli) -> None:
    relay = {"LBACK_RELAY_CRM_URL": "https://crm.example.org/", "LBACK_RELAY_CRM_SECRETS": "whsec_" + "A" * 32}

    def keys(name: str) -> list[str]:
        return list(cli("config", "show", name, "--fields", "key", "-o", "value", **relay).out.splitlines())

    assert keys("authentication") == [
        *("authentication.max_failures", "authentication.window", "authentication.max_reset_requests"),
    ]
    assert keys("email.port") == ["email.port"]
    assert keys("relay") == keys("relay.crm")
    assert "relay.crm.url" in keys("relay.crm")
    assert cli("config", "show", "relay") == (0, "", "Nothing is configured there.\n")
    outcome = cli("config", "show", "emial")
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith(
        "error: There is no section and no key 'emial'.\n       Did you mean email? Sections are database, email, "
    )


def test_config_path_shows_the_file_and_where_lback_looks(cli: Cli, tmp_path: Any) -> None:
    here, yours = tmp_path / "lback.toml", tmp_path / "config" / "lback" / "config.toml"
    assert cli("config", "path") == (
        0,
        f"here   {here}\nyours  {yours}\n",
        "There is no configuration file. To configure lback, create one of these.\n",
    )
    here.write_text("[email]\nport = 25\n")
    assert json.loads(cli("config", "path", "-o", "json").out)["read"] == str(here)
    other = tmp_path / "other.toml"
    other.write_text("")
    assert json.loads(cli("config", "path", "-o", "json", LBACK_CONFIG=str(other)).out)["read"] == str(other)
    assert json.loads(cli("config", "path", "-o", "json", "--config", str(here)).out)["read"] == str(here)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[email]\nprot = 25\n", "Did you mean port?"),
        ("[email]\nport = 'x'\n", "email.port"),
        ("[", "is not valid TOML"),
    ],
)
def test_an_invalid_configuration_is_exit_9_and_names_file_and_key(
    cli: Cli, tmp_path: Any, content: str, message: str
) -> None:
    (tmp_path / "config.toml").write_text(content)
    outcome = cli("user", "list")
    assert (outcome.status, outcome.out) == (9, "")
    assert message in outcome.err
    assert "config.toml" in outcome.err


def test_config_show_shows_what_is_used_for_keys_that_are_not_set(cli: Cli, lback: Any, tmp_path: Any) -> None:
    def shown(*options: str, **variables: str) -> dict[str, Any]:
        rows = json.loads(cli("config", "show", "-o", "json", *options, **variables).out)
        return {row["key"]: row["value"] for row in rows}

    values = shown()
    assert values["database.url"] == f"sqlite:///{lback.database}"
    assert values["email.directory"] == str(lback.database.parent / "mail")
    assert not lback.database.exists(), "nothing is created"
    other = tmp_path / "other" / "users.db"
    assert shown("--database-url", f"sqlite:///{other}")["email.directory"] == str(other.parent / "mail")
    assert shown(LBACK_EMAIL_DIRECTORY="/srv/mail")["email.directory"] == "/srv/mail"
    assert shown("--database-url", "nonsense")["database.url"] == "nonsense"
    assert f"sqlite:///{lback.database}" in cli("config", "show").out


def test_config_show_has_the_types_of_the_values(cli: Cli) -> None:
    values = {
        row["key"]: row["value"]
        for row in json.loads(cli("config", "show", "-o", "json", LBACK_RECEIVERS_MODULES="json").out)
    }
    assert (values["email.port"], values["email.timeout"], values["users.unicode_names"]) == (587, 10.0, False)
    assert (values["receivers.modules"], values["email.ca_file"], values["tokens.reset_lifetime"]) == (
        ["json"],
        None,
        "1h",
    )
    table = cli("config", "show", "--fields", "key,value", LBACK_RECEIVERS_MODULES="json, csv").out
    assert [line.split(maxsplit=1) for line in table.splitlines() if line.startswith(("users.u", "receivers.m"))] == [
        ["users.unicode_names", "false"],
        ["receivers.modules", "json, csv"],
    ]
