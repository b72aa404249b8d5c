"""Run all checks on an installation."""

from typing import Any

from lback_cli.doctor.result import CheckResult
from lback_cli.doctor.runner import run_checks
from lback_cli.settings import Settings

DATABASE_CHECKS = [
    "database",
    "schema",
    "rights",
    "encoding",
    "collation",
    "isolation",
    "clock",
    "events",
    "delivery",
    "application",
]
"""The checks that read the database, in their order."""


def results_of(settings: Settings, **options: Any) -> dict[str, CheckResult]:
    """Return the result of every check, by its name."""
    return {result.check: result for result in run_checks(lambda: settings, **options)}
