"""Connect the receivers that installed packages and the configuration provide."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lback_cli.settings import Settings
from lback_cli.signals import CATALOGUE
from lback_cli.signals.dispatch import receiver_name, set_time_budget
from lback_cli.signals.ordered import ReceiverConnection

if TYPE_CHECKING:
    from lback_cli.receivers.hooks import Hook


@dataclass(frozen=True, slots=True)
class ReceiverInfo:
    """The names of a signal and of a receiver connected to it, and the *source* that provided the receiver."""

    signal: str
    receiver: str
    source: str


class Receivers:
    """The plugins and hooks of *settings*; none if *wanted* is false.

    The receivers of a plugin are connected once, and stay connected until the process ends. `close` disconnects only
    hooks.
    """

    def __init__(self, settings: Settings, *, wanted: bool = True) -> None:
        self._settings = settings
        self._wanted = wanted
        self._hooks: list[ReceiverConnection] = []
        self.listeners: list[ReceiverInfo] = []
        """The connected receivers, by signal in the order of the catalogue, then in the order in which they run."""

    def connect(self) -> None:
        """Connect the plugins of installed packages, then configured modules, then hooks.

        Raises:
            ConfigurationError: A plugin or hook cannot be used. Then no operation may run, because it would run without
                a receiver that could have vetoed it.
        """
        if not self._wanted:
            return
        from lback_cli.receivers.plugins import discover_plugins, load_plugin

        settings = self._settings.receivers
        source = self._settings.sources.get("receivers.modules", "code")
        connected: set[str] = set()
        for plugin in discover_plugins(settings.modules, f"receivers.modules from {source}"):
            connections = load_plugin(plugin)
            if plugin.module not in connected:
                connected.add(plugin.module)
                self.listeners += [_listener(connection, plugin.source) for connection in connections]
        if connected:
            set_time_budget(settings.time_budget)
        if settings.hooks_directory is not None:
            from lback_cli.receivers.hooks import find_hooks

            for hook in find_hooks(settings.hooks_directory, settings.time_budget):
                self._connect_hook(hook)
        order = {name: number for number, name in enumerate(CATALOGUE)}
        self.listeners.sort(key=lambda listener: order.get(listener.signal, len(order)))

    def close(self) -> None:
        """Disconnect the hooks, and stop to report slow receivers."""
        for signal, hook in self._hooks:
            signal.disconnect(hook)
        self._hooks.clear()
        set_time_budget(None)

    def _connect_hook(self, hook: "Hook") -> None:
        signal = hook.spec.signal
        signal.connect(hook, weak=False)
        connection = ReceiverConnection(signal, hook)
        self._hooks.append(connection)
        self.listeners.append(_listener(connection, str(hook.path)))


def _listener(connection: ReceiverConnection, source: str) -> ReceiverInfo:
    return ReceiverInfo(connection.signal.name, receiver_name(connection.receiver), source)
