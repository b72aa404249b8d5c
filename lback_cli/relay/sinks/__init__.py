"""The kinds of sinks, each chosen by its URL's scheme."""

from collections.abc import Callable
from dataclasses import fields
from importlib import import_module
from urllib.parse import SplitResult, urlsplit

from lback_cli.errors import ConfigurationError
from lback_cli.relay.sinks.base import Sink
from lback_cli.settings import SinkSettings

_KINDS = {
    "webhook": ("https", "http"),
    "rabbitmq": ("amqps", "amqp"),
    "redis": ("rediss", "redis"),
    "nats": ("tls", "nats"),
}
"""Each kind with the schemes of its URLs; it has a module of that name here."""


def build_sink(name: str, settings: SinkSettings) -> Sink:
    """The sink *name*, not yet connected.

    Raises `ConfigurationError`, naming the key, for settings that it cannot be used with, and where the client library
    is not installed.
    """
    kind = kind_of(name, settings)
    for key in fields(settings):
        if kind not in key.metadata.get("only", (kind,)) and getattr(settings, key.name) != key.default:
            raise ConfigurationError(
                f"relay.{name}.{key.name} means nothing for a sink of the kind {kind}.",
                hint=f"It is for {', '.join(key.metadata['only'])}: leave it out, or look at relay.{name}.url.",
            )
    try:
        build: Callable[[str, SinkSettings], Sink] = import_module(f"{__name__}.{kind}").build
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"relay.{name}.url: the client for {kind} is not installed.", hint=f"Run: pip install 'lback-cli[{kind}]'"
        ) from error
    return build(name, settings)


def kind_of(name: str, settings: SinkSettings) -> str:
    """What kind of sink the URL leads to. Raises `ConfigurationError`."""
    scheme = split_url(name, settings.url).scheme
    kind = next((kind for kind, schemes in _KINDS.items() if scheme in schemes), None)
    if kind is None:
        schemes = ", ".join(f"{scheme}://" for schemes in _KINDS.values() for scheme in schemes)
        what = "is not set" if not settings.url else "has no scheme that lback knows"
        raise ConfigurationError(f"relay.{name}.url {what}.", hint=f"It begins with one of {schemes}.")
    return kind


def split_url(name: str, url: str) -> SplitResult:
    """The parts of *url*. Raises `ConfigurationError`, which does not repeat it, as it may hold a password."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ConfigurationError(f"relay.{name}.url cannot be read as a URL.") from error
    if parts.scheme and not (parts.hostname and url.isascii() and url.isprintable() and " " not in url):
        raise ConfigurationError(
            f"relay.{name}.url cannot be read as a URL.", hint="It looks like https://example.org/events, in ASCII."
        )
    return parts
