"""lback: administer an application's users, from the shell and from Python.

    from lback_cli import UserManager, load_settings

    manager = UserManager.from_settings(load_settings())
    user = manager.register_user("alice", "alice@example.org", password)

Everything public is imported when it is first used, so that a plain command need not wait for it.
"""

from importlib import import_module

from lback_cli.version import __version__ as __version__

# Not from typing: with python -m, a file of that name in the current directory would be run.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from lback_cli import errors, signals
    from lback_cli.errors import LbackError, OperationRejected
    from lback_cli.managers.directory import Directory
    from lback_cli.managers.group_manager import GroupManager
    from lback_cli.managers.user_manager import UserManager
    from lback_cli.models import Group, User
    from lback_cli.settings import Settings, load_settings

__all__ = [
    "Directory",
    "Group",
    "GroupManager",
    "LbackError",
    "OperationRejected",
    "Settings",
    "User",
    "UserManager",
    "errors",
    "load_settings",
    "signals",
]

_HOMES = {
    "Group": "lback_cli.models",
    "GroupManager": "lback_cli.managers.group_manager",
    "LbackError": "lback_cli.errors",
    "OperationRejected": "lback_cli.errors",
    "Settings": "lback_cli.settings",
    "User": "lback_cli.models",
    "Directory": "lback_cli.managers.directory",
    "UserManager": "lback_cli.managers.user_manager",
    "load_settings": "lback_cli.settings",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
