"""Run all checks, one after the other."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lback_cli.doctor.application import check_application
from lback_cli.doctor.configuration import check_configuration, check_mail
from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.database import (
    check_collation,
    check_database,
    check_encoding,
    check_isolation,
    check_privileges,
    check_schema,
)
from lback_cli.doctor.delivery import check_delivery, check_sinks
from lback_cli.doctor.event_log import check_clock, check_event_log
from lback_cli.doctor.files import check_files
from lback_cli.doctor.libraries import check_hashing, check_packages
from lback_cli.doctor.receivers import check_receivers
from lback_cli.doctor.result import CheckResult, NotChecked
from lback_cli.errors import ConfigurationError, LbackError, Unusable
from lback_cli.settings import Settings

Check = Callable[[CheckContext], CheckResult]

_CHECKS: dict[str, Check] = {
    "configuration": check_configuration,
    "files": check_files,
    "packages": lambda _: check_packages(),
    "hashing": check_hashing,
    "mail": check_mail,
    "receivers": check_receivers,
    "sinks": check_sinks,
    "database": check_database,
    "schema": check_schema,
    "rights": check_privileges,
    "encoding": check_encoding,
    "collation": check_collation,
    "isolation": check_isolation,
    "clock": check_clock,
    "events": check_event_log,
    "delivery": check_delivery,
    "application": check_application,
}

_WITHOUT_SETTINGS = ("packages", "hashing")
"""The checks that run with the defaults if the configuration cannot be read."""

_PREREQUISITES = {"schema": ("database",)} | dict.fromkeys(
    ("rights", "encoding", "collation", "isolation", "clock", "events", "delivery", "application"),
    ("database", "schema"),
)
"""The checks that must have passed before another one runs."""


def run_checks(
    load_settings: Callable[[], Settings], *, trace_file: Path | None = None, receivers: bool = True
) -> Iterator[CheckResult]:
    """Run every check and yield each result at once. An error in one check does not stop the others.

    Args:
        load_settings: Reads the settings; may raise `ConfigurationError`.
        trace_file: The file that ``--trace-file`` names; its mode is checked too.
        receivers: False if commands run without receivers.
    """
    try:
        context = CheckContext(load_settings(), trace_file=trace_file, wants_receivers=receivers)
    except ConfigurationError as error:
        yield from _run_without_settings(error)
        return
    try:
        yield from _run_all(context)
    finally:
        if "database" in vars(context):
            context.database.dispose()


def require_all_passed(results: Sequence[CheckResult]) -> None:
    """Raise `Unusable` if any check failed."""
    failed = [result.check for result in results if result.status == "fail"]
    if failed:
        checks = "check" if len(failed) == 1 else "checks"
        raise Unusable(f"{len(failed)} {checks} failed: {', '.join(failed)}.")


def _run_without_settings(error: ConfigurationError) -> Iterator[CheckResult]:
    defaults = CheckContext(Settings())
    for name, check in _CHECKS.items():
        if name == "configuration":
            hint = error.hint or "Correct that value; config.example.toml documents every key."
            yield CheckResult(name, "fail", error.message, hint)
        elif name in _WITHOUT_SETTINGS:
            yield _run(name, check, defaults)
        else:
            yield _skip(name, "the configuration cannot be read")


def _run_all(context: CheckContext) -> Iterator[CheckResult]:
    not_passed: dict[str, str] = {}
    for name, check in _CHECKS.items():
        reason = next((not_passed[needed] for needed in _PREREQUISITES.get(name, ()) if needed in not_passed), None)
        result = _run(name, check, context) if reason is None else _skip(name, reason)
        if result.status in {"fail", "skipped"}:
            outcome = "failed" if result.status == "fail" else "was skipped"
            not_passed[name] = f"the check of {name} {outcome}"
        yield result


def _run(name: str, check: Check, context: CheckContext) -> CheckResult:
    try:
        return check(context)
    except NotChecked as reason:
        return _skip(name, str(reason))
    except LbackError as error:
        return CheckResult(name, "fail", error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - an unforeseen error must not stop the other checks
        return CheckResult(name, "fail", f"{type(error).__name__}: {error}".rstrip(": "), "Investigate this first.")


def _skip(name: str, reason: str) -> CheckResult:
    return CheckResult(name, "skipped", f"Not checked: {reason}.")
