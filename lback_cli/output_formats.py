"""The names of the output formats. Settings check them and the command line offers them."""

BUILT_IN = ("table", "wide", "json", "jsonl", "csv", "yaml", "value")
"""The formats of lback itself, in the order in which help and messages list them."""

ENTRY_POINT_GROUP = "lback.outputs"
"""The entry point group in which a package lists its output formats."""


def is_output_format(name: str) -> bool:
    """Return whether an output format has that name. Packages are searched only for names that are not built in."""
    return name in BUILT_IN or name in plugin_names()


def plugin_names() -> tuple[str, ...]:
    """Return the names of the formats that packages add."""
    from importlib.metadata import entry_points

    return tuple(sorted({point.name for point in entry_points(group=ENTRY_POINT_GROUP)} - set(BUILT_IN)))
