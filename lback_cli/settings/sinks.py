"""The kinds of sinks, built in and of other packages: which settings the scheme of a URL selects."""

from collections.abc import Collection, Mapping
from dataclasses import Field, fields
from typing import Any

from lback_cli.settings.schema import SinkSettings
from lback_cli.settings.sink_kinds import SINK_KINDS

ENTRY_POINTS = "lback.sinks"
"""The entry points of other packages: each is named for a URL scheme and leads to a class of sinks.

The class has an attribute `settings`, a subclass of `SinkSettings`, and is called with the name of the sink and an
object of that subclass.
"""


def kinds(family: Field[Any]) -> Mapping[str, type[SinkSettings]]:
    """Return the classes of the sections of a family, by kind; each has keys of its own too."""
    return SINK_KINDS if family.name == "relay" else {}


def scheme_of(url: str) -> str:
    """Return the scheme of *url*, which may be anything, in lower case; empty if it has none."""
    scheme, separator, _ = url.partition(":")
    return scheme.lower() if separator else ""


def load_plugin(scheme: str) -> Any | None:
    """Return the class of sinks that an installed package registers for *scheme*, or None.

    Raises:
        Exception: Whatever the import of that package raises.
    """
    from importlib.metadata import entry_points

    entry = next(iter(entry_points(group=ENTRY_POINTS, name=scheme)), None)
    return None if entry is None else entry.load()


def settings_class(url: str) -> type[SinkSettings] | None:
    """Return the settings of the kind of sink that *url* leads to, or None if no usable kind has its scheme.

    A package that cannot be imported breaks only the commands that use its sink, so it is not an error here.
    """
    scheme = scheme_of(url)
    built_in = next((kind for kind in SINK_KINDS.values() if scheme in kind.schemes), None)
    if built_in is not None or not scheme:
        return built_in
    try:
        declared = getattr(load_plugin(scheme), "settings", None)
    except Exception:  # noqa: BLE001 - it is another package's code
        return None
    return declared if isinstance(declared, type) and issubclass(declared, SinkSettings) else None


def known_keys(url: str) -> Collection[Field[Any]] | None:
    """Return the keys that a sink with that *url* can have, or None if only another package knows.

    Without a URL, these are the keys of all built-in kinds.
    """
    if (declared := settings_class(url)) is not None:
        return fields(declared)
    return None if url else [key for kind in SINK_KINDS.values() for key in fields(kind)]
