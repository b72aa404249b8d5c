"""Load the classes that other installed packages add, such as output formats and reports."""

from typing import TypeVar

from lback_cli.errors import ConfigurationError

Kind = TypeVar("Kind")


def load_extension(group: str, name: str, base: type[Kind], what: str) -> type[Kind] | None:
    """Return the class that a package lists as *name* in an entry point group, or None if no package does.

    Args:
        group: The entry point group.
        name: The name in it.
        base: The class that it must be a subclass of.
        what: What it is, for messages.

    Raises:
        ConfigurationError: The package is broken.
    """
    from importlib.metadata import entry_points

    point = next(iter(entry_points(group=group, name=name)), None)
    if point is None:
        return None
    try:
        found = point.load()
    except Exception as error:
        raise ConfigurationError(
            f"The {what} {name!r} cannot be loaded from {point.value}: {type(error).__name__}: {error}.",
            hint="Fix or uninstall the package.",
        ) from error
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ConfigurationError(
            f"The {what} {name!r}, {point.value}, is not a subclass of {base.__name__}.",
            hint="Fix or uninstall the package.",
        )
    return found
