"""Plugins: modules that connect receivers when they are imported."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module

from lback_cli.errors import ConfigurationError
from lback_cli.signals import CATALOGUE
from lback_cli.signals.dispatch import receiver_name
from lback_cli.signals.ordered import ReceiverConnection, strong_references

ENTRY_POINT_GROUP = "lback.receivers"
"""The entry point group in which a package lists its plugins (PyPA's entry points specification)."""

_HINT = "Repair or remove it, or run without receivers: --no-receivers"

_connected: dict[str, list[ReceiverConnection]] = {}
"""The connections of each module. They are made once in a process, when the module is imported."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """The name of a module with receivers, and a description of where lback found that name."""

    module: str
    source: str


def discover_plugins(modules: Sequence[str], source: str) -> Iterator[Plugin]:
    """Yield the plugins of installed packages, sorted by name, then *modules*, which *source* lists.

    Raises:
        ConfigurationError: An entry point does not name a module.
    """
    # Imported late to start fast. A command that gets here has imported it already, through SQLAlchemy.
    from importlib.metadata import entry_points

    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: (point.name, point.value)):
        where = f"entry point {point.name!r} of {_distribution(point.dist)}"
        if not all(map(str.isidentifier, point.value.split("."))):
            raise ConfigurationError(
                f"The {where} names {point.value!r}, which is not a module.",
                hint=f"It must name a module that connects its receivers when it is imported. {_HINT}",
            )
        yield Plugin(point.value, where)
    yield from (Plugin(module, source) for module in modules)


def load_plugin(plugin: Plugin) -> list[ReceiverConnection]:
    """Import the module of *plugin*, and return the receivers that it connects.

    A module that was imported earlier has already connected its receivers; they are not returned. If an import fails,
    or a receiver cannot be called, the receivers of the module are disconnected.

    Raises:
        ConfigurationError: The module cannot be imported, connects no receiver, or one that does not take the arguments
            of its signal. A veto of such a receiver would have no effect.
    """
    if plugin.module not in _connected:
        fresh = plugin.module not in sys.modules
        with strong_references() as connections:
            try:
                import_module(plugin.module)
            except BaseException as error:
                _disconnect(connections)
                if isinstance(error, Exception | SystemExit):
                    raise _broken(plugin, error) from error
                raise
        if fresh and not connections:
            raise ConfigurationError(
                f"The module {plugin.module} ({plugin.source}) connects no receiver when it is imported.",
                hint=f"See docs/receivers.md. {_HINT}",
            )
        for connection in connections:
            if (reason := _refused_arguments(connection)) is not None:
                _disconnect(connections)
                sys.modules.pop(plugin.module)  # another attempt connects and checks the receivers again
                name = receiver_name(connection.receiver)
                raise ConfigurationError(
                    f"The receiver {name} cannot be sent {connection.signal.name}: {reason}.",
                    hint=f"Give it the parameter **arguments for what it does not name. {_HINT}",
                )
        _connected[plugin.module] = connections
    return _connected[plugin.module]


def _disconnect(connections: Iterable[ReceiverConnection]) -> None:
    for signal, receiver in connections:
        signal.disconnect(receiver)


def _refused_arguments(connection: ReceiverConnection) -> str | None:
    """Return why the receiver cannot be called with the sender and the arguments of its signal, or None."""
    import inspect

    spec = CATALOGUE.get(connection.signal.name)
    if spec is None:
        return None
    try:
        signature = inspect.signature(connection.receiver)
    except (TypeError, ValueError):
        return None  # a function that is not written in Python need not have one
    try:
        signature.bind(None, **dict.fromkeys(spec.argument_names))
    except TypeError as error:
        return str(error)
    return None


def _broken(plugin: Plugin, error: BaseException) -> ConfigurationError:
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        found = f"{plugin.module}.".startswith(f"{error.name}.")
        what = "there is no such module" if found else f"it needs the module {error.name}, which is not installed"
    return ConfigurationError(f"Cannot import the receivers in {plugin.module} ({plugin.source}): {what}.", hint=_HINT)


def _distribution(found: object) -> str:
    """Return the name and version of a distribution, as far as its metadata has them."""
    name, version = (getattr(found, part, None) for part in ("name", "version"))
    return f"{name or 'a package without a name'} {version or ''}".rstrip()
