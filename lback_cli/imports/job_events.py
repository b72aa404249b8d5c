"""The events of an import: it started or was resumed, and it finished."""

from dataclasses import asdict
from typing import Any

from lback_cli.events.record import EventRecord, administrative_event
from lback_cli.imports.results import Counts
from lback_cli.models import ImportJob

_OPERATION = "import_users"


def import_started(job: ImportJob) -> EventRecord:
    """Return the event of a process that begins *job* or resumes it after ``rows_done`` rows."""
    return administrative_event("import_started", _OPERATION, describe(job) | {"rows_done": job.rows_done})


def import_finished(job: dict[str, str], state: str, counts: Counts) -> EventRecord:
    """Return the event of the end of an import.

    Args:
        job: The import, as `describe` returns it.
        state: How it ended: a state of `Checkpoint` other than ``running``.
        counts: The outcomes of its rows, those of earlier processes included.
    """
    data: dict[str, Any] = {**job, "state": state, "counts": asdict(counts)}
    return administrative_event("import_finished", _OPERATION, data)


def describe(job: ImportJob) -> dict[str, str]:
    """Return what identifies an import: its id, its file and the SHA-256 of the file."""
    return {"job": job.id, "file": job.path, "sha256": job.digest}
