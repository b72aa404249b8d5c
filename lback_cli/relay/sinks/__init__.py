"""The registry of sinks: the scheme of a URL selects the class, which is imported when it is used."""

from importlib import import_module
from typing import Any

from lback_cli.errors import ConfigurationError
from lback_cli.relay.sinks.base import Sink
from lback_cli.relay.sinks.guard import GuardedSink
from lback_cli.relay.sinks.network import split_url
from lback_cli.settings import SinkSettings
from lback_cli.settings.sink_kinds import SINK_KINDS
from lback_cli.settings.sinks import load_plugin, scheme_of


def build_sink(name: str, settings: SinkSettings) -> Sink:
    """Build the sink *name*, without connecting it.

    Raises:
        ConfigurationError: If the settings cannot be used, or the client library is not installed.
    """
    scheme = scheme_of(settings.url)
    kind = next((kind for kind, declared in SINK_KINDS.items() if scheme in declared.schemes), None)
    sink_class = _plugin(name, settings.url) if kind is None else _built_in(name, settings.url, kind)
    if not isinstance(settings, sink_class.settings):
        raise ConfigurationError(f"relay.{name}: a sink of {scheme}:// needs {sink_class.settings.__name__}.")
    try:
        return GuardedSink(sink_class(name, settings))
    except ConfigurationError:
        raise
    except (Exception, SystemExit) as error:  # of another package, or of a client library that dislikes a URL
        raise ConfigurationError(
            f"relay.{name}: the sink for {scheme}:// cannot be made: unexpected {type(error).__name__}.",
            hint="--debug shows where it happened.",
        ) from error


def _built_in(name: str, url: str, kind: str) -> Any:
    split_url(name, url)
    module, _, class_name = SINK_KINDS[kind].sink.partition(":")
    try:
        return getattr(import_module(module), class_name)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"relay.{name}.url: a sink of the kind {kind} needs the module {error.name}, which is not installed.",
            hint=f"Run: pip install 'lback-cli[{kind}]'",
        ) from error


def _plugin(name: str, url: str) -> Any:
    if not url:
        raise ConfigurationError(f"relay.{name}.url is not set.", hint=_known_schemes())
    scheme = scheme_of(url)
    try:
        plugin = load_plugin(scheme)
    except Exception as error:  # it is another package's code
        raise ConfigurationError(
            f"relay.{name}.url: the sink for {scheme}:// cannot be loaded: {type(error).__name__}: {error}."
        ) from error
    if plugin is None:
        raise ConfigurationError(f"relay.{name}.url has an unknown scheme.", hint=_known_schemes())
    declared = getattr(plugin, "settings", None)
    if not (isinstance(declared, type) and issubclass(declared, SinkSettings)):
        raise ConfigurationError(
            f"relay.{name}.url: the class of {scheme}:// has no 'settings' that are a subclass of SinkSettings."
        )
    return plugin


def _known_schemes() -> str:
    schemes = [f"{scheme}://" for declared in SINK_KINDS.values() for scheme in declared.schemes]
    return f"Built-in schemes: {', '.join(schemes)}. Installed packages can add others."
