"""Find a report by its name: one of lback's own, or one that a package adds."""

from importlib import import_module

from lback_cli.extensions import load_extension
from lback_cli.reports.base import Report

ENTRY_POINT_GROUP = "lback.reports"
"""The entry point group in which a package lists its subclasses of `Report`."""

_BUILT_IN = {"access": "AccessReport", "activity": "ActivityReport"}
"""The class of each report of lback, in the module of the same name."""

BUILT_IN_REPORTS = tuple(_BUILT_IN)
"""The names of the reports of lback."""


def report_names() -> tuple[str, ...]:
    """Return the names of all reports: those of lback, and those that packages add."""
    from importlib.metadata import entry_points

    added = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)} - {*_BUILT_IN}
    return (*_BUILT_IN, *sorted(added))


def find_report(name: str) -> type[Report]:
    """Return the report called *name*.

    Raises:
        KeyError: There is no such report.
        ConfigurationError: The package that adds it is broken.
    """
    if name in _BUILT_IN:
        built_in: type[Report] = getattr(import_module(f"lback_cli.reports.{name}"), _BUILT_IN[name])
        return built_in
    added = load_extension(ENTRY_POINT_GROUP, name, Report, "report")  # type: ignore[type-abstract]  # a subclass is
    if added is None:
        raise KeyError(name)
    return added
