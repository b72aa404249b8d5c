"""The names of the output formats. Settings check them and the command line offers them."""

from collections.abc import Mapping

BUILT_IN: Mapping[str, str] = {
    "table": "table:TableFormat",
    "wide": "wide:WideFormat",
    "json": "json:JsonFormat",
    "jsonl": "jsonl:JsonLinesFormat",
    "csv": "csv:CsvFormat",
    "yaml": "yaml:YamlFormat",
    "value": "value:ValueFormat",
}
"""The formats of lback itself, in the order in which help and messages list them.

The values are ``module:class`` in the package of the formats, whose modules are imported when they are chosen.
"""

ENTRY_POINT_GROUP = "lback.outputs"
"""The entry point group in which a package lists its output formats."""


def is_output_format(name: str) -> bool:
    """Return whether an output format has that name. Packages are searched only for names that are not built in."""
    return name in BUILT_IN or name in plugin_names()


def plugin_names() -> tuple[str, ...]:
    """Return the names of the formats that packages add."""
    from importlib.metadata import entry_points

    return tuple(sorted({point.name for point in entry_points(group=ENTRY_POINT_GROUP)} - set(BUILT_IN)))
