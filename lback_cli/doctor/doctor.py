"""All checks, one after the other."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lback_cli.doctor.clock import check_clock
from lback_cli.doctor.configuration import check_configuration
from lback_cli.doctor.event_log import check_event_log
from lback_cli.doctor.files import check_files
from lback_cli.doctor.finding import Finding
from lback_cli.doctor.hashing import check_hashing
from lback_cli.doctor.mail import check_mail
from lback_cli.doctor.packages import check_packages
from lback_cli.doctor.patient import Patient
from lback_cli.doctor.storage import check_collation, check_database, check_isolation, check_schema
from lback_cli.errors import ConfigurationError, LbackError, Unusable
from lback_cli.settings import Settings

Check = Callable[[Patient], Finding]

_ALONE: dict[str, Check] = {
    "configuration": check_configuration,
    "files": check_files,
    "packages": lambda _: check_packages(),
    "hashing": check_hashing,
    "mail": check_mail,
}
_DATABASE: dict[str, Check] = {"database": check_database, "schema": check_schema}
"""Each of these needs the one before it to succeed, and those of `_TABLES` need both."""

_TABLES: dict[str, Check] = {
    "collation": check_collation,
    "isolation": check_isolation,
    "clock": check_clock,
    "events": check_event_log,
}


class Doctor:
    """Examines an installation, changing nothing. *load* reads its settings; *trace_file* is one that was named."""

    def __init__(self, load: Callable[[], Settings], *, trace_file: Path | None = None) -> None:
        self._load = load
        self._trace_file = trace_file

    def examine(self) -> Iterator[Finding]:
        """Every check's finding, as soon as it is there. What one finds, or raises, keeps no other from its work."""
        try:
            patient = Patient(self._load(), trace_file=self._trace_file)
        except ConfigurationError as error:
            yield Finding("configuration", "FAIL", error.message, error.hint)
            yield _guarded("packages", check_packages)
            return
        try:
            yield from self._examine(patient)
        finally:
            if "database" in vars(patient):
                patient.database.dispose()

    def _examine(self, patient: Patient) -> Iterator[Finding]:
        for name, check in _ALONE.items():
            yield _run(name, check, patient)
        obstacle: str | None = None
        for name, check in _DATABASE.items():
            if obstacle is None:
                finding = _run(name, check, patient)
                yield finding
                obstacle = name if finding.status == "FAIL" else None
            else:
                yield _unchecked(name, obstacle)
        if obstacle is None and patient.schema.state != "current":
            return  # there is nothing to look at yet
        for name, check in _TABLES.items():
            yield _run(name, check, patient) if obstacle is None else _unchecked(name, obstacle)


def require_health(findings: Sequence[Finding]) -> None:
    """Raise `Unusable` if any check failed."""
    failed = [finding.check for finding in findings if finding.status == "FAIL"]
    if failed:
        checks = "check" if len(failed) == 1 else "checks"
        raise Unusable(f"{len(failed)} {checks} failed: {', '.join(failed)}.")


def _run(name: str, check: Check, patient: Patient) -> Finding:
    return _guarded(name, lambda: check(patient))


def _guarded(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except LbackError as error:
        return Finding(name, "FAIL", error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - whatever is broken, the other checks are still worth their lines
        return Finding(name, "FAIL", f"{type(error).__name__}: {error}".rstrip(": "), "Look into this first.")


def _unchecked(name: str, obstacle: str) -> Finding:
    return Finding(name, "warn", f"Not checked, as the check of {obstacle} failed.")
