import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lback_cli.settings import Settings
from lback_cli.settings.load import load_settings
from lback_cli.settings.parsing import as_text
from lback_cli.settings.schema import keys, sections

Place = Any  # of conftest.py
Changed = Callable[[Settings], dict[str, str]]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="file modes and XDG_CONFIG_HOME are POSIX")


def test_without_any_source_every_key_has_its_default(place: Place) -> None:
    settings = place.load()
    names = [f"{section.name}.{key.name}" for section in sections() for key in keys(section)]
    assert settings == Settings(sources=dict.fromkeys(names, "default"), config_file=None)


def test_each_source_wins_over_the_ones_before_it_and_is_named(place: Place, changed: Changed) -> None:
    file = place.write("config.toml", "[email]\nhost='1'\nusername='1'\nsender='1'\napplication='1'\n")
    place.write(".env", "LBACK_EMAIL_USERNAME=2\nLBACK_EMAIL_SENDER=2\nLBACK_EMAIL_APPLICATION=2\n")
    place.environment |= {"LBACK_EMAIL_SENDER": "3", "LBACK_EMAIL_APPLICATION": "3"}
    settings = place.load(overrides={"email.application": "4"})
    email = settings.email
    assert (email.host, email.username, email.sender, email.application) == ("1", "2", "3", "4")
    assert changed(settings) == {
        "email.host": str(file),
        "email.username": "LBACK_EMAIL_USERNAME in .env",
        "email.sender": "LBACK_EMAIL_SENDER",
        "email.application": "--email-application",
    }
    assert settings.config_file == file


def test_a_file_of_every_type_becomes_typed_settings(place: Place) -> None:
    place.write(
        "config.toml",
        """
        [database]
        busy_timeout = 5
        [email]
        transport = "smtp"
        port = 465
        directory = "~/mail"
        [users]
        unicode_names = true
        [tokens]
        verification_lifetime = "7d"
        reset_lifetime = 90
        """,
    )
    settings = place.load()
    assert settings.database.busy_timeout == 5.0
    assert isinstance(settings.database.busy_timeout, float)
    assert (settings.email.transport, settings.email.port) == ("smtp", 465)
    assert settings.email.directory == Path.home() / "mail"
    assert settings.users.unicode_names is True
    assert settings.tokens.verification_lifetime == timedelta(days=7)
    assert settings.tokens.reset_lifetime == timedelta(seconds=90)


def test_every_key_has_a_variable_of_its_own(place: Place, changed: Changed) -> None:
    names = {f"LBACK_{section.name}_{key.name}".upper(): key for section in sections() for key in keys(section)}
    assert len(names) == sum(len(keys(section)) for section in sections())
    place.environment = {
        name: "{token}" if "contains" in key.metadata else as_text(key.default) for name, key in names.items()
    }
    assert sorted(changed(place.load()).values()) == sorted(names)


def test_lback_output_is_the_short_name_of_the_output_format_and_wins(place: Place, changed: Changed) -> None:
    for order in (1, -1):
        both = [("LBACK_OUTPUT", "json"), ("LBACK_OUTPUT_FORMAT", "csv")][::order]
        place.environment = dict(both)
        settings = place.load()
        assert settings.output.format == "json"
        assert changed(settings) == {"output.format": "LBACK_OUTPUT"}
    assert changed(place.load(overrides={"output.format": "csv"})) == {"output.format": "--output"}


def test_an_option_that_was_not_given_changes_nothing(place: Place, changed: Changed) -> None:
    assert changed(place.load(overrides={"database.url": None, "email.directory": None})) == {}


def test_variables_of_other_programs_and_lbacks_other_variables_are_no_keys(place: Place, changed: Changed) -> None:
    place.environment = {"PATH": "/bin", "lback_email_host": "x", "LBACK_ACTOR": "ann", "LBACK_CONFIG": ""}
    assert changed(place.load()) == {}


def test_the_process_environment_and_current_directory_are_used_when_none_are_given(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("LBACK_")]:
        monkeypatch.delenv(name)
    place.write("config.toml", "[email]\nhost = 'here'\n")
    monkeypatch.chdir(place.directory)
    monkeypatch.setenv("LBACK_EMAIL_PORT", "25")
    settings = load_settings()
    assert (settings.email.host, settings.email.port) == ("here", 25)
    assert settings.sources["email.host"] == "config.toml"


def test_the_file_is_the_first_of_option_variable_directory_and_user_configuration(place: Place) -> None:
    def content(name: str) -> str:
        return f"[email]\nhost = '{name}'\n"

    option = place.write("option.toml", content("option"))
    variable = place.write("variable.toml", content("variable"))
    local = place.write("config.toml", content("local"))
    place.write(str(place.user_file), content("user"))
    place.environment["LBACK_CONFIG"] = str(variable)

    seen = [place.load(option)]
    seen.append(place.load())
    del place.environment["LBACK_CONFIG"]
    seen.append(place.load())
    local.unlink()
    seen.append(place.load())
    place.user_file.unlink()
    seen.append(place.load())

    assert [settings.email.host for settings in seen] == ["option", "variable", "local", "user", "localhost"]
    assert [settings.config_file for settings in seen] == [option, variable, local, place.user_file, None]


def test_files_are_not_merged_with_each_other(place: Place) -> None:
    place.write(str(place.user_file), "[email]\nhost = 'user'\n")
    place.write("config.toml", "[email]\nport = 25\n")
    assert place.load().email.host == "localhost"


def test_dotenv_may_name_the_file_and_the_environment_may_name_another(place: Place) -> None:
    first, second = (place.write(f"{name}.toml", f"[email]\nhost = '{name}'\n") for name in ("first", "second"))
    place.write(".env", f"LBACK_CONFIG={first}\n")
    assert place.load().email.host == "first"
    place.environment["LBACK_CONFIG"] = str(second)
    assert place.load().email.host == "second"


def test_a_configuration_variable_may_start_at_home(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(place.directory))
    place.write("mine.toml", "[email]\nhost = 'mine'\n")
    place.environment["LBACK_CONFIG"] = "~/mine.toml"
    assert place.load().email.host == "mine"


def test_a_config_toml_of_a_parent_directory_is_not_read(place: Place) -> None:
    place.write("../config.toml", "[email]\nhost = 'parent'\n")
    assert place.load().config_file is None


def test_a_directory_called_config_toml_is_no_configuration(place: Place) -> None:
    (place.directory / "config.toml").mkdir()
    assert place.load().config_file is None


def test_a_user_configuration_that_may_not_be_entered_is_none(place: Place) -> None:
    place.write(str(place.user_file), "[email]\nhost = 'user'\n")
    place.user_file.parent.chmod(0)
    try:
        if os.access(place.user_file, os.R_OK):
            pytest.skip("root may enter everything")
        assert place.load().config_file is None
    finally:
        place.user_file.parent.chmod(0o700)


@pytest.mark.parametrize("by", ["option", "variable"])
def test_a_missing_file_that_was_named_is_an_error(place: Place, by: str) -> None:
    place.write("config.toml", "")
    missing = place.directory / "missing.toml"
    if by == "variable":
        place.environment["LBACK_CONFIG"] = str(missing)
    error = place.refusal(missing if by == "option" else None)
    assert error.message == f"Cannot read {missing}: No such file or directory."


def test_a_directory_instead_of_a_file_is_an_error(place: Place) -> None:
    assert place.refusal(place.directory).message == f"Cannot read {place.directory}: Is a directory."


def test_a_byte_order_mark_is_tolerated(place: Place) -> None:
    place.write("config.toml", b"\xef\xbb\xbf[email]\r\nhost = 'windows'\r\n")
    assert place.load().email.host == "windows"


@pytest.mark.parametrize(
    ("content", "explanation"),
    [
        (b"[email]\nhost = \n", "line 2, column 8"),
        (b"[email]\nport = 1\nport = 2\n", "line 3"),
        (b"[email]\nhost = 'M\xfcller'\n", "line 2 is not UTF-8"),
        (b"[email]\nport = " + b"9" * 5000, "digits"),
        (b"x = " + b"[" * 5000, "nested too deeply"),
    ],
    ids=["syntax", "twice", "latin-1", "huge", "deep"],
)
def test_invalid_toml_is_an_error_with_its_position(place: Place, content: bytes, explanation: str) -> None:
    file = place.write("config.toml", content)
    message = place.refusal().message
    assert message.startswith(f"{file} is not valid TOML: ")
    assert explanation in message


SECTIONS = "Sections are database, email, links, users, password, tokens, compat, receivers, output, relay."


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        ("[emial]\n", "unknown section [emial].", f"Did you mean email? {SECTIONS}"),
        ("[params]\n", "unknown section [params].", SECTIONS),
        ("[[params]]\n", "unknown section [params].", SECTIONS),
        ("url = 'x'\n", "unknown key 'url' outside any section.", SECTIONS),
        ("email = 'x'\n", "email must be a section, [email].", "config.example.toml shows how every key is written."),
        ("[[email]]\n", "email must be a section, [email].", "config.example.toml shows how every key is written."),
        (
            "[tokens]\nreset_lifetme = '1h'\n",
            "unknown key 'reset_lifetme' in [tokens].",
            (
                "Did you mean reset_lifetime? "
                "Keys of [tokens] are verification_lifetime, reset_lifetime, invitation_lifetime."
            ),
        ),
        (
            "[links.verify_emial]\n",
            "unknown key 'verify_emial' in [links].",
            "Did you mean verify_email? Keys of [links] are verify_email, reset_password.",
        ),
    ],
)
def test_what_a_file_must_not_contain_is_named_with_what_it_may(
    place: Place, content: str, message: str, hint: str | None
) -> None:
    file = place.write("config.toml", content)
    error = place.refusal()
    assert (error.message, error.hint) == (f"{file}: {message}", hint)


@pytest.mark.parametrize("in_dotenv", [False, True])
def test_an_unknown_variable_is_named_with_the_allowed_ones(place: Place, in_dotenv: bool) -> None:
    if in_dotenv:
        place.write(".env", "LBACK_DATABASE_ULR=x\n")
    else:
        place.environment["LBACK_DATABASE_ULR"] = "x"
    error = place.refusal()
    assert error.message == f"Unknown environment variable LBACK_DATABASE_ULR{' in .env' if in_dotenv else ''}."
    assert error.hint == (
        "Did you mean LBACK_DATABASE_URL? Variables of [database] are "
        "LBACK_DATABASE_URL, LBACK_DATABASE_PASSWORD_FILE, LBACK_DATABASE_BUSY_TIMEOUT."
    )


def test_a_variable_of_no_section_is_told_all_beginnings(place: Place) -> None:
    place.environment["LBACK_CONFG"] = "x"
    assert place.refusal().hint == (
        "Did you mean LBACK_CONFIG? Variables are LBACK_DATABASE_..., LBACK_EMAIL_..., LBACK_LINKS_..., "
        "LBACK_USERS_..., LBACK_PASSWORD_..., LBACK_TOKENS_..., LBACK_COMPAT_..., LBACK_RECEIVERS_..., "
        "LBACK_OUTPUT_..., LBACK_RELAY_NAME_..., LBACK_CONFIG, LBACK_ACTOR, LBACK_HOOK, LBACK_REQUIRE_SERVICES."
    )


def test_an_unknown_override_is_an_error(place: Place) -> None:
    error = place.refusal(overrides={"database.uri": "x"})
    assert error.message == "Unknown key 'database.uri'."
    assert error.hint is not None
    assert error.hint.startswith("Did you mean database.url? Keys are database.url, database.password_file, ")


def test_a_bad_value_names_its_key_its_source_and_what_is_allowed(place: Place) -> None:
    file = place.write("config.toml", "[email]\nport = 0\n")
    assert place.refusal().message == f"email.port ({file}): 0 is not a whole number from 1 to 65535."
    place.write("config.toml", "")
    place.write(".env", "LBACK_EMAIL_PORT=x\n")
    assert place.refusal().message == (
        "email.port (LBACK_EMAIL_PORT in .env): 'x' is not a whole number from 1 to 65535."
    )
    place.write(".env", "")
    place.environment = {"LBACK_EMAIL_PORT": ""}
    assert place.refusal().message == "email.port (LBACK_EMAIL_PORT): '' is not a whole number from 1 to 65535."
    place.environment = {}
    assert place.refusal(overrides={"email.ca_file": 3}).message == "email.ca_file (--email-ca-file): 3 is not a path."


def test_a_bad_value_that_a_later_source_replaces_does_no_harm(place: Place) -> None:
    place.write("config.toml", "[email]\nport = 0\n")
    place.environment["LBACK_EMAIL_PORT"] = "25"
    assert place.load().email.port == 25


def test_an_empty_variable_unsets_a_path(place: Place) -> None:
    place.write("config.toml", "[email]\nca_file = '/ca.pem'\n")
    place.environment["LBACK_EMAIL_CA_FILE"] = ""
    settings = place.load()
    assert settings.email.ca_file is None
    assert settings.sources["email.ca_file"] == "LBACK_EMAIL_CA_FILE"
