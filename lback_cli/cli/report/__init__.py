"""`lback report`: a command for each report."""

from collections.abc import Iterator, Mapping
from typing import Any

from lback_cli.cli.command_group import CONTEXT_SETTINGS, CommandGroup


class ReportCommands(Mapping[str, Any]):
    """The commands of all reports by name, those of other packages too. One is made when it is looked up."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            from lback_cli.cli.report.command import report_command
            from lback_cli.reports.registry import find_report

            self._made[name] = report_command(name, find_report(name))
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        from lback_cli.reports.registry import report_names

        return iter(report_names())

    def __len__(self) -> int:
        return sum(1 for _ in self)


class ReportGroup(CommandGroup):
    """The group of the reports, whose names only the registry knows."""

    def __init__(self) -> None:
        self.aliases = {}
        super(CommandGroup, self).__init__(
            commands=ReportCommands(),  # type: ignore[arg-type]  # a mapping is enough
            help="Report who has access, and what happened: as a table, as data, or as a page to send on.",
            context_settings=CONTEXT_SETTINGS,
        )


group = ReportGroup()
