"""The lback framework on lback: the application's manager, its receivers and its signals.

    from lback_cli.compat.framework import install

    install()  # in settings.py of the application

The framework's package `lback` is imported when one of these names is used. docs/adoption.md says how to install both
in one environment.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lback_cli.compat.framework.forwarding import forward_signals
    from lback_cli.compat.framework.installation import install
    from lback_cli.compat.framework.manager import UserManager
    from lback_cli.compat.framework.observation import trace_signals

__all__ = ["UserManager", "forward_signals", "install", "trace_signals"]

_HOMES = {
    "UserManager": "manager",
    "forward_signals": "forwarding",
    "install": "installation",
    "trace_signals": "observation",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
