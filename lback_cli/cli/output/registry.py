"""Find an output format by its name: one of lback's own, or one that a package adds."""

from importlib import import_module

from lback_cli.cli.output.format import OutputFormat
from lback_cli.errors import ConfigurationError
from lback_cli.extensions import load_extension
from lback_cli.output_formats import BUILT_IN, ENTRY_POINT_GROUP


def find_format(name: str) -> type[OutputFormat]:
    """Return the output format called *name*.

    Raises:
        ConfigurationError: There is no such format, or its package is broken.
    """
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        built_in: type[OutputFormat] = getattr(import_module(f"lback_cli.cli.output.formats.{module}"), attribute)
        return built_in
    added = load_extension(ENTRY_POINT_GROUP, name, OutputFormat, "output format")  # type: ignore[type-abstract]
    if added is None:
        raise ConfigurationError(f"There is no output format {name!r}.")
    return added


def has_json_errors(name: str | None) -> bool:
    """Return whether errors are JSON objects in the format called *name*. Unknown and broken formats have none."""
    if name is None:
        return False
    try:
        return find_format(name).json_errors
    except ConfigurationError:
        return False
