"""The sources of the configuration, their order, and their errors."""

import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lback_cli.problem import Problem
from lback_cli.settings import Settings
from lback_cli.settings.load import load_settings
from lback_cli.settings.parsing import to_text
from lback_cli.settings.schema import keys, sections

Workspace = Any  # conftest.Workspace
Changed = Callable[[Settings], dict[str, str]]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="file modes and XDG_CONFIG_HOME are POSIX")


def test_defaults(workspace: Workspace) -> None:
    settings = workspace.load()
    names = [f"{section.name}.{key.name}" for section in sections() for key in keys(section)]
    assert settings == Settings(sources=dict.fromkeys(names, "default"), config_file=None)


def test_each_source_overrides_the_earlier_ones_and_is_recorded(workspace: Workspace, changed: Changed) -> None:
    file = workspace.write("config.toml", "[email]\nhost='1'\nusername='1'\nsender='1'\napplication='1'\n")
    workspace.write(".env", "LBACK_EMAIL_USERNAME=2\nLBACK_EMAIL_SENDER=2\nLBACK_EMAIL_APPLICATION=2\n")
    workspace.environment |= {"LBACK_EMAIL_SENDER": "3", "LBACK_EMAIL_APPLICATION": "3"}
    settings = workspace.load(overrides={"email.application": "4"})
    email = settings.email
    assert (email.host, email.username, email.sender, email.application) == ("1", "2", "3", "4")
    assert changed(settings) == {
        "email.host": str(file),
        "email.username": "LBACK_EMAIL_USERNAME in .env",
        "email.sender": "LBACK_EMAIL_SENDER",
        "email.application": "--email-application",
    }
    assert settings.config_file == file


def test_file_is_converted_to_typed_settings(workspace: Workspace) -> None:
    workspace.write(
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
    settings = workspace.load()
    assert settings.database.busy_timeout == 5.0
    assert isinstance(settings.database.busy_timeout, float)
    assert (settings.email.transport, settings.email.port) == ("smtp", 465)
    assert settings.email.directory == Path.home() / "mail"
    assert settings.users.unicode_names is True
    assert settings.tokens.verification_lifetime == timedelta(days=7)
    assert settings.tokens.reset_lifetime == timedelta(seconds=90)


def test_each_key_has_its_own_variable(workspace: Workspace, changed: Changed) -> None:
    names = {f"LBACK_{section.name}_{key.name}".upper(): key for section in sections() for key in keys(section)}
    assert len(names) == sum(len(keys(section)) for section in sections())
    workspace.environment = {
        name: "{token}" if "contains" in key.metadata else to_text(key.default) for name, key in names.items()
    }
    assert sorted(changed(workspace.load()).values()) == sorted(names)


def test_lback_output_overrides_lback_output_format(workspace: Workspace, changed: Changed) -> None:
    for order in (1, -1):
        both = [("LBACK_OUTPUT", "json"), ("LBACK_OUTPUT_FORMAT", "csv")][::order]
        workspace.environment = dict(both)
        settings = workspace.load()
        assert settings.output.format == "json"
        assert changed(settings) == {"output.format": "LBACK_OUTPUT"}
    assert changed(workspace.load(overrides={"output.format": "csv"})) == {"output.format": "--output"}


def test_option_that_was_not_given_changes_nothing(workspace: Workspace, changed: Changed) -> None:
    assert changed(workspace.load(overrides={"database.url": None, "email.directory": None})) == {}


def test_other_variables_are_ignored_without_a_warning(workspace: Workspace, changed: Changed) -> None:
    workspace.environment = {"PATH": "/bin", "lback_email_host": "x", "LBACK_ACTOR": "ann", "LBACK_CONFIG": ""}
    settings = workspace.load()
    assert (changed(settings), settings.warnings) == ({}, ())


def test_process_environment_and_current_directory_are_the_defaults(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("LBACK_")]:
        monkeypatch.delenv(name)
    workspace.write("config.toml", "[email]\nhost = 'here'\n")
    monkeypatch.chdir(workspace.directory)
    monkeypatch.setenv("LBACK_EMAIL_PORT", "25")
    settings = load_settings()
    assert (settings.email.host, settings.email.port) == ("here", 25)
    assert settings.sources["email.host"] == "config.toml"


def test_configuration_file_is_searched_in_the_documented_order(workspace: Workspace) -> None:
    def content(name: str) -> str:
        return f"[email]\nhost = '{name}'\n"

    option = workspace.write("option.toml", content("option"))
    variable = workspace.write("variable.toml", content("variable"))
    local = workspace.write("config.toml", content("local"))
    workspace.write(str(workspace.user_file), content("user"))
    workspace.environment["LBACK_CONFIG"] = str(variable)

    seen = [workspace.load(option)]
    seen.append(workspace.load())
    del workspace.environment["LBACK_CONFIG"]
    seen.append(workspace.load())
    local.unlink()
    seen.append(workspace.load())
    workspace.user_file.unlink()
    seen.append(workspace.load())

    assert [settings.email.host for settings in seen] == ["option", "variable", "local", "user", "localhost"]
    assert [settings.config_file for settings in seen] == [option, variable, local, workspace.user_file, None]


def test_configuration_files_are_not_merged(workspace: Workspace) -> None:
    workspace.write(str(workspace.user_file), "[email]\nhost = 'user'\n")
    workspace.write("config.toml", "[email]\nport = 25\n")
    assert workspace.load().email.host == "localhost"


def test_dotenv_names_the_file_and_the_environment_overrides_it(workspace: Workspace) -> None:
    first, second = (workspace.write(f"{name}.toml", f"[email]\nhost = '{name}'\n") for name in ("first", "second"))
    workspace.write(".env", f"LBACK_CONFIG={first}\n")
    assert workspace.load().email.host == "first"
    workspace.environment["LBACK_CONFIG"] = str(second)
    assert workspace.load().email.host == "second"


def test_lback_config_expands_the_home_directory(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(workspace.directory))
    workspace.write("mine.toml", "[email]\nhost = 'mine'\n")
    workspace.environment["LBACK_CONFIG"] = "~/mine.toml"
    assert workspace.load().email.host == "mine"


def test_config_toml_of_a_parent_directory_is_ignored(workspace: Workspace) -> None:
    workspace.write("../config.toml", "[email]\nhost = 'parent'\n")
    assert workspace.load().config_file is None


def test_directory_called_config_toml_is_ignored(workspace: Workspace) -> None:
    (workspace.directory / "config.toml").mkdir()
    assert workspace.load().config_file is None


def test_inaccessible_user_configuration_is_ignored(workspace: Workspace) -> None:
    workspace.write(str(workspace.user_file), "[email]\nhost = 'user'\n")
    workspace.user_file.parent.chmod(0)
    try:
        if os.access(workspace.user_file, os.R_OK):
            pytest.skip("root can enter every directory")
        assert workspace.load().config_file is None
    finally:
        workspace.user_file.parent.chmod(0o700)


@pytest.mark.parametrize("by", ["option", "variable"])
def test_missing_named_file_is_an_error(workspace: Workspace, by: str) -> None:
    workspace.write("config.toml", "")
    missing = workspace.directory / "missing.toml"
    if by == "variable":
        workspace.environment["LBACK_CONFIG"] = str(missing)
    error = workspace.error(missing if by == "option" else None)
    assert error.message == f"Cannot read {missing}: No such file or directory."


def test_directory_instead_of_a_file_is_an_error(workspace: Workspace) -> None:
    assert workspace.error(workspace.directory).message == f"Cannot read {workspace.directory}: Is a directory."


def test_byte_order_mark_is_accepted(workspace: Workspace) -> None:
    workspace.write("config.toml", b"\xef\xbb\xbf[email]\r\nhost = 'windows'\r\n")
    assert workspace.load().email.host == "windows"


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
def test_invalid_toml_is_an_error_with_its_position(workspace: Workspace, content: bytes, explanation: str) -> None:
    file = workspace.write("config.toml", content)
    message = workspace.error().message
    assert message.startswith(f"{file} is not valid TOML: ")
    assert explanation in message


SECTIONS = (
    "Sections are database, email, links, users, password, authentication, tokens, compat, receivers, output, "
    "attributes, relay."
)


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
def test_unknown_section_or_key_is_an_error_with_the_allowed_ones(
    workspace: Workspace, content: str, message: str, hint: str | None
) -> None:
    file = workspace.write("lback.toml", content)
    error = workspace.error()
    assert (error.message, error.hint) == (f"{file}: {message}", hint)


@pytest.mark.parametrize("in_dotenv", [False, True])
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("LBACK_DATABASE_ULR", "Did you mean LBACK_DATABASE_URL?"),
        ("LBACK_CONFG", "Did you mean LBACK_CONFIG?"),
        ("LBACK_PORT_8080_TCP_PROTO", None),
        ("LBACK_RELAY_AUDIT_URK", "Did you mean LBACK_RELAY_AUDIT_URL?"),
    ],
)
def test_unknown_variable_is_a_warning_with_the_nearest_one(
    workspace: Workspace, changed: Changed, in_dotenv: bool, name: str, hint: str | None
) -> None:
    if in_dotenv:
        workspace.write(".env", f"{name}=x\n")
    else:
        workspace.environment[name] = "x"
    settings = workspace.load()
    message = f"Unknown environment variable {name}{' in .env' if in_dotenv else ''}."
    assert settings.warnings == (Problem(message, hint),)
    assert changed(settings) == {}


def test_unknown_override_is_an_error(workspace: Workspace) -> None:
    error = workspace.error(overrides={"database.uri": "x"})
    assert error.message == "Unknown key 'database.uri'."
    assert error.hint is not None
    assert error.hint.startswith("Did you mean database.url? Keys are database.url, database.password_file, ")


def test_invalid_value_is_an_error_with_key_source_and_allowed_values(workspace: Workspace) -> None:
    file = workspace.write("config.toml", "[email]\nport = 0\n")
    assert workspace.error().message == f"email.port ({file}): 0 is not a whole number from 1 to 65535."
    workspace.write("config.toml", "")
    workspace.write(".env", "LBACK_EMAIL_PORT=x\n")
    assert workspace.error().message == (
        "email.port (LBACK_EMAIL_PORT in .env): 'x' is not a whole number from 1 to 65535."
    )
    workspace.write(".env", "")
    workspace.write("config.toml", "[email]\nport = ''\n")
    assert workspace.error().message == f"email.port ({file}): an empty value is not a whole number from 1 to 65535."
    workspace.write("config.toml", "")
    error = workspace.error(overrides={"email.ca_file": 3})
    assert error.message == "email.ca_file (--email-ca-file): 3 is not a path."


def test_invalid_value_that_is_overridden_is_ignored(workspace: Workspace) -> None:
    workspace.write("config.toml", "[email]\nport = 0\n")
    workspace.environment["LBACK_EMAIL_PORT"] = "25"
    assert workspace.load().email.port == 25


def test_an_empty_variable_of_any_key_counts_as_unset(workspace: Workspace) -> None:
    workspace.environment = {
        f"LBACK_{section.name}_{key.name}".upper(): "" for section in sections() for key in keys(section)
    }
    settings = workspace.load()
    assert (settings.email.host, settings.email.security, settings.password.minimum_length) == (
        "localhost",
        "starttls",
        15,
    )
    assert {source for name, source in settings.sources.items() if name.startswith("tokens.")} == {"default"}


def test_an_empty_variable_leaves_the_value_of_the_file(workspace: Workspace) -> None:
    workspace.write("config.toml", "[email]\nhost = 'mail.example.org'\n")
    workspace.environment["LBACK_EMAIL_HOST"] = ""
    assert workspace.load().email.host == "mail.example.org"


@pytest.mark.parametrize("address", ["tcp://10.0.0.7:587", "udp://10.0.0.7:587"])
def test_the_address_of_a_service_of_the_platform_is_ignored_with_a_warning(workspace: Workspace, address: str) -> None:
    workspace.environment["LBACK_EMAIL_PORT"] = address
    settings = workspace.load()
    assert (settings.email.port, settings.sources["email.port"]) == (587, "default")
    assert settings.warnings == (
        Problem(
            "LBACK_EMAIL_PORT is ignored, because it is the address of a container platform's service.",
            "Rename the service, or set enableServiceLinks: false in Kubernetes.",
        ),
    )


def test_empty_variable_unsets_a_path(workspace: Workspace) -> None:
    workspace.write("config.toml", "[email]\nca_file = '/ca.pem'\n")
    workspace.environment["LBACK_EMAIL_CA_FILE"] = ""
    settings = workspace.load()
    assert settings.email.ca_file is None
    assert settings.sources["email.ca_file"] == "LBACK_EMAIL_CA_FILE"
