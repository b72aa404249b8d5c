"""All checks, one after the other."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lback_cli.doctor.clock import check_clock
from lback_cli.doctor.configuration import check_configuration
from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.database import check_collation, check_database, check_encoding, check_isolation, check_schema
from lback_cli.doctor.event_log import check_event_log
from lback_cli.doctor.files import check_files
from lback_cli.doctor.hashing import check_hashing
from lback_cli.doctor.mail import check_mail
from lback_cli.doctor.packages import check_packages
from lback_cli.doctor.privileges import check_rights
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
    "database": check_database,
    "schema": check_schema,
    "rights": check_rights,
    "encoding": check_encoding,
    "collation": check_collation,
    "isolation": check_isolation,
    "clock": check_clock,
    "events": check_event_log,
}

_WITHOUT_SETTINGS = ("packages", "hashing")
"""What can be checked where the configuration cannot be read."""

_NEEDED = {"schema": ("database",)} | dict.fromkeys(
    ("rights", "encoding", "collation", "isolation", "clock", "events"), ("database", "schema")
)
"""Which checks must have been made, and not have failed, for another to make sense."""


class Doctor:
    """Examines an installation, changing nothing. *load* reads its settings; *trace_file* is one that was named.

    Without *receivers*, nobody looks for any.
    """

    def __init__(self, load: Callable[[], Settings], *, trace_file: Path | None = None, receivers: bool = True) -> None:
        self._load = load
        self._trace_file = trace_file
        self._receivers = receivers

    def run_checks(self) -> Iterator[CheckResult]:
        """Every check's finding, as soon as it is there. What one finds, or raises, keeps no other from its work."""
        try:
            patient = CheckContext(self._load(), trace_file=self._trace_file, wants_receivers=self._receivers)
        except ConfigurationError as error:
            yield from _examine_without_settings(error)
            return
        try:
            yield from _examine(patient)
        finally:
            if "database" in vars(patient):
                patient.database.dispose()


def require_all_passed(findings: Sequence[CheckResult]) -> None:
    """Raise `Unusable` if any check failed."""
    failed = [finding.check for finding in findings if finding.status == "fail"]
    if failed:
        checks = "check" if len(failed) == 1 else "checks"
        raise Unusable(f"{len(failed)} {checks} failed: {', '.join(failed)}.")


def _examine_without_settings(error: ConfigurationError) -> Iterator[CheckResult]:
    defaults = CheckContext(Settings())
    for name, check in _CHECKS.items():
        if name == "configuration":
            hint = error.hint or "Mend that value; config.example.toml documents every key."
            yield CheckResult(name, "fail", error.message, hint)
        elif name in _WITHOUT_SETTINGS:
            yield _run(name, check, defaults)
        else:
            yield _skipped(name, "the configuration cannot be read")


def _examine(patient: CheckContext) -> Iterator[CheckResult]:
    obstacles: dict[str, str] = {}
    for name, check in _CHECKS.items():
        reason = next((obstacles[needed] for needed in _NEEDED.get(name, ()) if needed in obstacles), None)
        finding = _run(name, check, patient) if reason is None else _skipped(name, reason)
        if finding.status in {"fail", "skipped"}:
            what = "failed" if finding.status == "fail" else "was not made"
            obstacles[name] = f"the check of {name} {what}"
        yield finding


def _run(name: str, check: Check, patient: CheckContext) -> CheckResult:
    try:
        return check(patient)
    except NotChecked as reason:
        return _skipped(name, str(reason))
    except LbackError as error:
        return CheckResult(name, "fail", error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - whatever is broken, the other checks are still worth their lines
        return CheckResult(name, "fail", f"{type(error).__name__}: {error}".rstrip(": "), "Look into this first.")


def _skipped(name: str, reason: str) -> CheckResult:
    return CheckResult(name, "skipped", f"Not checked, as {reason}.")
