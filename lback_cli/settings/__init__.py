"""The configuration, as one frozen, typed `Settings`: defaults < config.toml < .env < environment < command line."""

from lback_cli.settings.load import load_settings
from lback_cli.settings.schema import (
    AttributeSettings,
    AuthenticationSettings,
    CompatSettings,
    DatabaseSettings,
    EmailSettings,
    LinkSettings,
    NatsSettings,
    PasswordSettings,
    RabbitMqSettings,
    ReceiverSettings,
    RedisSettings,
    Settings,
    SinkSettings,
    TokenSettings,
    UserSettings,
    WebhookSettings,
    key,
)

__all__ = [
    "AttributeSettings",
    "AuthenticationSettings",
    "CompatSettings",
    "DatabaseSettings",
    "EmailSettings",
    "LinkSettings",
    "NatsSettings",
    "PasswordSettings",
    "RabbitMqSettings",
    "ReceiverSettings",
    "RedisSettings",
    "Settings",
    "SinkSettings",
    "TokenSettings",
    "UserSettings",
    "WebhookSettings",
    "key",
    "load_settings",
]
