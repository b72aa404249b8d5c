"""Receivers of others: modules that connect them when they are imported."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module

from lback_cli.errors import ConfigurationError
from lback_cli.signals.ordered import ReceiverConnection, strong_references

ENTRY_POINT_GROUP = "lback.receivers"
"""Under this name an installed distribution lists its modules with receivers (PyPA's entry points specification)."""

_HINT = "Mend it or take it out, or run without any receivers: --no-receivers"

_connected: dict[str, list[ReceiverConnection]] = {}
"""What each module connected, which is done once in a process, as its import is."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """A module with receivers, and where lback was told of it, as messages have it."""

    module: str
    source: str


def discover_plugins(modules: Sequence[str], source: str) -> Iterator[Plugin]:
    """The plugins of installed distributions, by name, then *modules*, which *source* lists.

    Raises `ConfigurationError` for an entry point that names no module.
    """
    # Whatever runs an operation has SQLAlchemy, which has imported this already.
    from importlib.metadata import entry_points

    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: (point.name, point.value)):
        where = f"entry point {point.name!r} of {_distribution(point.dist)}"
        if not all(map(str.isidentifier, point.value.split("."))):
            raise ConfigurationError(
                f"The {where} names {point.value!r}, which is no module.",
                hint=f"It must name a module that connects its receivers when it is imported. {_HINT}",
            )
        yield Plugin(point.value, where)
    yield from (Plugin(module, source) for module in modules)


def load_plugin(plugin: Plugin) -> list[ReceiverConnection]:
    """Import the module of *plugin*, and return what it connected, which lasts.

    A module that something else has imported before has connected its receivers then. Raises `ConfigurationError` for
    one that cannot be imported, having disconnected what it got to, or that connects nothing.
    """
    if plugin.module not in _connected:
        fresh = plugin.module not in sys.modules
        with strong_references() as connections:
            try:
                import_module(plugin.module)
            except BaseException as error:
                for signal, receiver in connections:
                    signal.disconnect(receiver)
                if isinstance(error, Exception | SystemExit):
                    raise _broken(plugin, error) from error
                raise
        if fresh and not connections:
            raise ConfigurationError(
                f"The module {plugin.module} ({plugin.source}) connects no receiver when it is imported.",
                hint=f"docs/receivers.md shows how to. {_HINT}",
            )
        _connected[plugin.module] = connections
    return _connected[plugin.module]


def _broken(plugin: Plugin, error: BaseException) -> ConfigurationError:
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        found = f"{plugin.module}.".startswith(f"{error.name}.")
        what = "there is no such module" if found else f"it needs the module {error.name}, which is not installed"
    return ConfigurationError(f"Cannot import the receivers in {plugin.module} ({plugin.source}): {what}.", hint=_HINT)


def _distribution(found: object) -> str:
    """Name and version, as far as the metadata have them."""
    name, version = (getattr(found, part, None) for part in ("name", "version"))
    return f"{name or 'a distribution without a name'} {version or ''}".rstrip()
