"""Plan files: what an import would do, row by row, so that exactly that can be applied later.

A plan file is JSON Lines: a header with the input and the options, a line for each row, and a summary with the SHA-256
of all lines before it.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from lback_cli.errors import Conflict, Refused, Unusable, UsageError, ValidationError
from lback_cli.events.wording import change_line, new_line
from lback_cli.imports.dry_run import DryRunResult
from lback_cli.imports.input_file import InputFile
from lback_cli.imports.options import ImportOptions
from lback_cli.imports.results import RowOutcome
from lback_cli.own_file import distrust, open_input, open_own
from lback_cli.security.passwords import PasswordHasher
from lback_cli.version import __version__

_VERSION = 1
_VERBS = {"created": "creates", "updated": "updates", "skipped": "skips", "failed": "fails"}
_SHOWN = 10
"""Planned users of a kind, created or updated, that are shown."""

_COMPARED = ("line", "outcome", "code", "message", "state")
_COMPARED_WITHOUT_STATE = ("line", "outcome", "code")


class PlanWriter:
    """Writes a plan to a file, and collects its summary.

    Args:
        hasher: Recognizes password hashes.
        path: The plan file; without it only the summary is made.

    Attributes:
        summary: The summary, after `end`.
        lines: The first users who would be created or updated, in a line each, for a person.
    """

    def __init__(self, hasher: PasswordHasher, path: Path | None = None) -> None:
        self._hasher = hasher
        self.path = path
        self._digest = hashlib.sha256()
        self._hashes: Counter[str] = Counter()
        self._weak_hashes: Counter[str] = Counter()
        self._descriptor = -1
        self.summary: dict[str, Any] = {}
        self.lines: list[str] = []
        self._shown: Counter[str] = Counter()

    def begin(self, source: InputFile, options: ImportOptions) -> None:
        """Write the header.

        Raises:
            Unusable: The file cannot be written.
        """
        if self.path is not None:
            try:
                self._descriptor = open_own(self.path, os.O_WRONLY | os.O_CREAT)
                with suppress(OSError):  # It may be a device, such as /dev/stdout.
                    os.ftruncate(self._descriptor, 0)
                    os.fchmod(self._descriptor, 0o600)
            except OSError as error:
                raise self._unusable(error) from error
        self._write(
            {
                "plan": _VERSION,
                "lback": __version__,
                "path": source.path,
                "digest": source.digest,
                "options": json.loads(options.as_json()),
            }
        )

    def add(self, outcomes: Sequence[RowOutcome]) -> None:
        """Write the planned *outcomes* of some rows."""
        for outcome in outcomes:
            stored = outcome.row.password_hash
            if stored is not None and outcome.kind != "failed" and (known := self._hasher.inspect(stored)):
                self._hashes[known.scheme] += 1
                if known.weakness is not None:
                    self._weak_hashes[f"{known.scheme} ({known.weakness})"] += 1
            if outcome.kind in _LINES and self._shown[outcome.kind] < _SHOWN:
                self._shown[outcome.kind] += 1
                self.lines.append(_LINES[outcome.kind](outcome))
        if self.path is not None:
            self._write(*map(_planned, outcomes))

    def end(self, result: DryRunResult) -> None:
        """Write the summary of *result*."""
        counts = result.counts
        self.summary = {
            "created": counts.created,
            "updated": counts.updated,
            "skipped": counts.skipped,
            "failed": counts.failed,
            "total": counts.total,
            "stopped_at_line": result.stopped_at,
            "cannot_log_in": dict(sorted(result.tally.cannot_log_in.items())),
            "left_out": result.tally.left_out,
            "created_groups": result.tally.created_groups,
            "mails": dict(sorted(result.mails.items())),
            "password_hashes": dict(sorted(self._hashes.items())),
            "weak_password_hashes": dict(sorted(self._weak_hashes.items())),
            "signals": dict(sorted(result.signals.items())),
        }
        self._write({"summary": self.summary, "sha256": self._digest.hexdigest()})
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _write(self, *records: Mapping[str, Any]) -> None:
        if self.path is None:
            return
        data = "".join(json.dumps(record) + "\n" for record in records).encode()
        self._digest.update(data)
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> Unusable:
        return Unusable(f"Cannot write {self.path}: {error.strerror or error}.")


class Plan:
    """A complete plan file.

    Attributes:
        file: The plan file.
        path: The input of the import.
        options: The options of the import.
    """

    def __init__(self, file: Path) -> None:
        """Read the header, and verify that no line is missing or changed.

        Raises:
            UsageError: The file cannot be read.
            Refused: Other users can have written the file.
            ValidationError: The file is not a complete plan.
        """
        self.file = file
        try:
            header = self._verified_header()
            self.path: str = header["path"]
            self.options = ImportOptions.from_json(json.dumps(header["options"]))
            self._input_digest: str = header["digest"]
        except OSError as error:
            raise UsageError(f"Cannot read {file}: {error.strerror or error}.") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValidationError(
                "plan", f"{file} is not a complete plan that --plan-file wrote.", hint="Make the plan again."
            ) from error

    def require_input(self, digest: str) -> None:
        """Refuse an input that has another *digest* than when the plan was made.

        Raises:
            Conflict: The input has changed.
        """
        if digest != self._input_digest:
            raise _changed(f"{self.path} has changed since the plan was made")

    def checker(self, *, states: bool = True) -> "PlanChecker":
        """Return a checker that begins with the first row; without *states* it compares only what is done."""
        return PlanChecker(self._planned_rows(), _COMPARED if states else _COMPARED_WITHOUT_STATE)

    def _open(self) -> BinaryIO:
        """Open the plan, which decides who becomes a user and in which groups."""
        file = open_input(self.file)
        if problem := distrust(self.file, file.fileno()):
            file.close()
            raise Refused(f"The plan {self.file} {problem}.", hint="Make the plan again, in a directory of your own.")
        return file

    def _verified_header(self) -> dict[str, Any]:
        digest, previous = hashlib.sha256(), b""
        with self._open() as file:
            header = json.loads(file.readline())
            if header["plan"] != _VERSION:
                raise ValueError("unknown version")
            file.seek(0)
            for line in file:
                digest.update(previous)
                previous = line
        if json.loads(previous)["sha256"] != digest.hexdigest():
            raise ValueError("wrong digest")
        return dict(header)

    def _planned_rows(self) -> Iterator[dict[str, Any]]:
        with self._open() as file:
            next(file)
            for line in file:
                record = json.loads(line)
                if "summary" not in record:
                    yield record


class PlanChecker:
    """Compares the outcomes of rows, in their order, with a plan."""

    def __init__(self, planned: Iterator[dict[str, Any]], names: tuple[str, ...]) -> None:
        """Create a checker that compares the values called *names*."""
        self._rows = planned
        self._names = names

    def compare(self, outcomes: Sequence[RowOutcome]) -> None:
        """Compare the *outcomes* of the next rows.

        Raises:
            Conflict: The plan says something else.
        """
        for outcome in outcomes:
            planned, found = next(self._rows, None), _planned(outcome)
            if planned is None or any(planned[name] != found[name] for name in self._names):
                raise _changed(f"{outcome.row.place}: {_difference(planned, found)}")

    def finish(self) -> None:
        """Check that there are no more rows.

        Raises:
            Conflict: The plan has more rows.
        """
        if next(self._rows, None) is not None:
            raise _changed("the plan has more rows")


def _created_line(outcome: RowOutcome) -> str:
    row = outcome.row
    return new_line(outcome.username or row.username, row.email, row.groups or ())


def _updated_line(outcome: RowOutcome) -> str:
    return change_line(outcome.username or outcome.row.username, outcome.changes or {})


_LINES = {"created": _created_line, "updated": _updated_line}


def _planned(outcome: RowOutcome) -> dict[str, Any]:
    return {
        "line": outcome.row.line,
        "username": outcome.username or outcome.row.username,
        "outcome": outcome.kind,
        **({"changes": outcome.changes} if outcome.changes else {}),
        "code": outcome.code,
        "message": outcome.text or None,
        "state": outcome.state,
    }


def _difference(planned: Mapping[str, Any] | None, found: Mapping[str, Any]) -> str:
    if planned is None:
        return "the plan has no such row"
    if planned["outcome"] != found["outcome"]:
        verb = _VERBS[planned["outcome"]]
        if found["outcome"] == "failed":
            return f"the plan {verb} the user, but now the row would fail"
        return f"the plan {verb} the user, but now the user would be {found['outcome']}"
    return "the user has changed"


def _changed(what: str) -> Conflict:
    return Conflict(f"The plan is out of date: {what}.", hint="Make the plan again, and check it.")
