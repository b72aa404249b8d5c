"""The source formats by name: those of lback, and those of other installed packages."""

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lback_cli.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from lback_cli.imports.sources.base import SourceFormat

ENTRY_POINT_GROUP = "lback.sources"
"""The entry point group in which a package lists its subclasses of `SourceFormat`."""

_BUILT_IN = {
    "django": "Django",
    "htpasswd": "Htpasswd",
    "keycloak": "Keycloak",
    "kratos": "Kratos",
    "lback": "Lback",
    "ldif": "Ldif",
    "shadow": "Shadow",
}
"""The class of each source format of lback, in the module of the same name."""

BUILT_IN_SOURCES = tuple(_BUILT_IN)
"""The names of the source formats of lback."""


def find_source(name: str) -> "type[SourceFormat]":
    """Return the source format called *name*.

    Raises:
        UsageError: There is no such source format.
        ConfigurationError: The package that adds it is broken.
    """
    if name in _BUILT_IN:
        return _load_built_in(name)
    plugins = _plugins()
    if name not in plugins:
        raise UsageError(f"--from: {name[:80]!r} is unknown.", hint=f"Use one of {', '.join([*_BUILT_IN, *plugins])}.")
    return _load_plugin(plugins[name])


def built_in_sources() -> "Iterator[type[SourceFormat]]":
    """Yield the source formats of lback."""
    return map(_load_built_in, _BUILT_IN)


def recognised_source(start: bytes) -> str | None:
    """Return the name of lback's source format that a file beginning with *start* has the marks of, if there is one."""
    return next((source.name for source in built_in_sources() if source.recognises(start)), None)


def _load_built_in(name: str) -> "type[SourceFormat]":
    module = import_module(f"lback_cli.imports.sources.{name}")
    source: type[SourceFormat] = getattr(module, _BUILT_IN[name])
    return source


def _plugins() -> dict[str, Any]:
    """Return the entry points of installed packages by name. If two have the same name, the first one wins."""
    from importlib.metadata import entry_points

    found = sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: (point.name, point.value), reverse=True)
    return {point.name: point for point in found}


def _load_plugin(entry_point: Any) -> "type[SourceFormat]":
    from lback_cli.imports.sources.base import SourceFormat

    hint = f"It must name a subclass of {SourceFormat.__module__}.{SourceFormat.__qualname__}."
    where = f"The entry point {entry_point.name!r} of {ENTRY_POINT_GROUP}"
    try:
        source = entry_point.load()
    except Exception as error:
        raise ConfigurationError(
            f"{where} cannot be loaded: {type(error).__name__}: {error}.", hint="Repair or uninstall the package."
        ) from error
    if not (isinstance(source, type) and issubclass(source, SourceFormat)):
        raise ConfigurationError(f"{where} names {entry_point.value!r}, which is not a source format.", hint=hint)
    return source
