"""The configuration, as one frozen, typed `Settings`: defaults < config.toml < .env < environment < command line."""

from lback_cli.settings.declaration import key
from lback_cli.settings.load import load_settings
from lback_cli.settings.schema import (
    AttributeSettings,
    AuthenticationSettings,
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
    "AttributeSettings",
    "AuthenticationSettings",
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
    "key",
    "load_settings",
]
