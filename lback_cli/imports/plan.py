"""A plan: what an import would do, written down so that exactly that can be done later.

A plan file is JSON Lines: what it is a plan of, a line for each row, and a summary with the digest of all lines before.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lback_cli import __version__
from lback_cli.errors import Conflict, Unusable, UsageError, ValidationError
from lback_cli.imports.context import DryRunResult
from lback_cli.imports.input_file import InputFile
from lback_cli.imports.options import ImportOptions
from lback_cli.imports.results import RowOutcome
from lback_cli.security.passwords import PasswordHasher

_VERSION = 1
_PASSIVE = {"failed": "refused"}
"""What is done to a user whose row has this outcome, where that is another word."""

_PROMISED = ("line", "outcome", "code", "message", "state")


class PlanWriter:
    """Collects a plan, and writes it to *path* if there is one; *summary* is what it came to."""

    def __init__(self, hasher: PasswordHasher, path: Path | None = None) -> None:
        """Raises `Unusable`."""
        self._hasher = hasher
        self.path = path
        self._digest = hashlib.sha256()
        self._hashes: Counter[str] = Counter()
        self._weak: Counter[str] = Counter()
        self._descriptor = -1
        self.summary: dict[str, Any] = {}

    def begin(self, source: InputFile, options: ImportOptions) -> None:
        """Write what it is a plan of."""
        if self.path is not None:
            try:
                self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with suppress(OSError):  # not a file of ours, such as /dev/stdout
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

    def add(self, outcomes: list[RowOutcome]) -> None:
        """Write what would become of these rows."""
        for outcome in outcomes:
            stored = outcome.row.password_hash
            if stored is not None and outcome.kind != "failed" and (known := self._hasher.inspect(stored)):
                self._hashes[known.scheme] += 1
                if known.weakness is not None:
                    self._weak[f"{known.scheme} ({known.weakness})"] += 1
        if self.path is not None:
            self._write(*map(_promise, outcomes))

    def end(self, found: DryRunResult) -> None:
        """Write the summary."""
        counts = found.counts
        self.summary = {
            "created": counts.created,
            "updated": counts.updated,
            "skipped": counts.skipped,
            "refused": counts.failed,
            "total": counts.total,
            "stopped_at_line": found.stopped_at,
            "mails": dict(sorted(found.mails.items())),
            "password_hashes": dict(sorted(self._hashes.items())),
            "weak_password_hashes": dict(sorted(self._weak.items())),
            "signals": dict(sorted(found.signals.items())),
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
    """A plan file that was written to its end."""

    def __init__(self, path: Path) -> None:
        """Raises `UsageError` when it cannot be read, `ValidationError` when it is no plan."""
        self.file = path
        try:
            head = self._verified()
            self.path: str = head["path"]
            self.options = ImportOptions.from_json(json.dumps(head["options"]))
            self._input_digest: str = head["digest"]
        except OSError as error:
            raise UsageError(f"Cannot read {path}: {error.strerror or error}.") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValidationError(
                "plan", f"{path} is not a plan that --plan-file wrote, or not all of it.", hint="Make the plan again."
            ) from error

    def require_input(self, digest: str) -> None:
        """Raise `Conflict` unless the input still has that digest."""
        if digest != self._input_digest:
            raise _changed(f"{self.path} is not what it was when the plan was made")

    def checker(self, *, states: bool = True) -> "PlanChecker":
        """What holds outcomes against this plan, from its first row on; without *states* only what is done."""
        return PlanChecker(self._lines(), _PROMISED if states else ("line", "outcome", "code"))

    def _verified(self) -> dict[str, Any]:
        digest, previous = hashlib.sha256(), b""
        with self.file.open("rb") as file:
            head = json.loads(file.readline())
            if head["plan"] != _VERSION:
                raise ValueError("another version")
            file.seek(0)
            for line in file:
                digest.update(previous)
                previous = line
        if json.loads(previous)["sha256"] != digest.hexdigest():
            raise ValueError("edited")
        return dict(head)

    def _lines(self) -> Iterator[dict[str, Any]]:
        with self.file.open("rb") as file:
            next(file)
            for line in file:
                record = json.loads(line)
                if "summary" not in record:
                    yield record


class PlanChecker:
    """Holds what becomes of rows against what was planned of them."""

    def __init__(self, lines: Iterator[dict[str, Any]], names: tuple[str, ...]) -> None:
        self._lines = lines
        self._names = names

    def compare(self, outcomes: list[RowOutcome]) -> None:
        """Raise `Conflict` unless the plan says the same of the next rows."""
        for outcome in outcomes:
            planned, found = next(self._lines, None), _promise(outcome)
            if planned is None or any(planned[name] != found[name] for name in self._names):
                raise _changed(f"{outcome.row.place}: {_difference(planned, found)}")

    def finish(self) -> None:
        """Raise `Conflict` unless that was all."""
        if next(self._lines, None) is not None:
            raise _changed("the plan has more rows")


def _promise(outcome: RowOutcome) -> dict[str, Any]:
    return {
        "line": outcome.row.line,
        "outcome": outcome.kind,
        "code": outcome.code,
        "message": outcome.message,
        "state": outcome.state,
    }


def _difference(planned: Mapping[str, Any] | None, found: Mapping[str, Any]) -> str:
    if planned is None:
        return "the plan has no such row"
    if planned["outcome"] != found["outcome"]:
        before, now = (_PASSIVE.get(outcome, outcome) for outcome in (planned["outcome"], found["outcome"]))
        return f"the user was to be {before}, and now would be {now}"
    return "the user that the row is about was changed"


def _changed(what: str) -> Conflict:
    return Conflict(f"The plan does not hold any more: {what}.", hint="Make the plan again, and look at it.")
