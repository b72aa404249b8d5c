"""Configuration: defaults < config.toml < .env < environment < command line, as one frozen, typed `Settings`."""

from lback_cli.settings.load import load_settings
from lback_cli.settings.schema import (
    DatabaseSettings,
    EmailSettings,
    LinkSettings,
    PasswordSettings,
    Settings,
    SinkSettings,
    TokenSettings,
    UserSettings,
)

__all__ = [
    "DatabaseSettings",
    "EmailSettings",
    "LinkSettings",
    "PasswordSettings",
    "Settings",
    "SinkSettings",
    "TokenSettings",
    "UserSettings",
    "load_settings",
]
