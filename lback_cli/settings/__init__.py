"""Configuration: defaults < config.toml < .env < environment < command line, as one frozen, typed `Settings`."""

from lback_cli.settings.load import load_settings
from lback_cli.settings.schema import (
    CompatSettings,
    DatabaseSettings,
    EmailSettings,
    LinkSettings,
    PasswordSettings,
    ReceiverSettings,
    Settings,
    SinkSettings,
    TokenSettings,
    UserSettings,
)

__all__ = [
    "CompatSettings",
    "DatabaseSettings",
    "EmailSettings",
    "LinkSettings",
    "PasswordSettings",
    "ReceiverSettings",
    "Settings",
    "SinkSettings",
    "TokenSettings",
    "UserSettings",
    "load_settings",
]
