"""Plan files: what an undo would do, so that exactly that can be done later.

A plan file is JSON Lines: a header with the request, a line for each change, and the SHA-256 of all lines before it.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lback_cli.errors import Conflict, Refused, Unusable, UsageError, ValidationError
from lback_cli.own_file import distrust, open_input, open_own
from lback_cli.undo.selection import Request, Selection
from lback_cli.undo.verdicts import EventPlan
from lback_cli.version import __version__

_VERSION = 1


def write_plan(path: Path, request: Request, plans: Iterable[EventPlan]) -> Iterator[EventPlan]:
    """Write *plans* of *request* to the file at *path*, and yield them.

    Raises:
        Unusable: The file cannot be written.
    """
    digest = hashlib.sha256()
    try:
        with os.fdopen(open_own(path, os.O_WRONLY | os.O_CREAT), "w", encoding="utf-8") as file:
            with suppress(OSError):  # It may be a device, such as /dev/stdout.
                file.truncate(0)
                os.fchmod(file.fileno(), 0o600)

            def write(record: dict[str, Any]) -> None:
                line = json.dumps(record) + "\n"
                digest.update(line.encode())
                file.write(line)

            write(
                {
                    "undo_plan": _VERSION,
                    "lback": __version__,
                    "selection": request.selection.as_json(),
                    "mail": request.mail,
                    "including_active": request.including_active,
                }
            )
            for plan in plans:
                for record in plan.records(is_done=False):
                    write(record)
                yield plan
            file.write(json.dumps({"sha256": digest.hexdigest()}) + "\n")
    except OSError as error:
        raise Unusable(f"Cannot write {path}: {error.strerror or error}.") from error


class PlanFile:
    """A complete plan file.

    Attributes:
        request: The request that the plan is of.
    """

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            UsageError: The file cannot be read.
            Refused: Other users can have written the file.
            ValidationError: The file is not a complete plan.
        """
        try:
            header, *self._records = self._read(path)
            self.request = Request(
                selection=Selection.from_json(header["selection"]),
                mail=header["mail"],
                including_active=header["including_active"],
            )
        except OSError as error:
            raise UsageError(f"Cannot read {path}: {error.strerror or error}.") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValidationError(
                "plan", f"{path} is not a complete plan that --plan-file wrote.", hint="Make the plan again."
            ) from error

    def require(self, plans: Iterable[EventPlan]) -> None:
        """Compare *plans* with those in the file. What the file reverses may be reversed already.

        Raises:
            Conflict: They differ.
        """
        planned: dict[int, list[dict[str, Any]]] = {}
        for record in self._records:
            planned.setdefault(record["event"], []).append(record)
        for plan in plans:
            if not _agree(planned.pop(plan.seq, []), plan.records(is_done=False)):
                raise _outdated(plan.seq, plan.subject)
        for seq, (record, *_) in planned.items():
            raise _outdated(seq, record["subject"])

    @staticmethod
    def _read(path: Path) -> list[dict[str, Any]]:
        with open_input(path) as file:
            if problem := distrust(path, file.fileno()):
                raise Refused(f"The plan {path} {problem}.", hint="Make the plan again, in a directory of your own.")
            *lines, last = file.read().splitlines(keepends=True)
        if json.loads(last)["sha256"] != hashlib.sha256(b"".join(lines)).hexdigest():
            raise ValueError("wrong digest")
        records = [json.loads(line) for line in lines]
        if records[0]["undo_plan"] != _VERSION:
            raise ValueError("unknown version")
        return records


def _agree(planned: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether what is not reversed is the same, and what is to be reversed was planned."""
    rest = ("kept", "cannot")
    return _changes(planned, *rest) == _changes(now, *rest) and _changes(now, "reversed") <= _changes(
        planned, "reversed"
    )


def _changes(records: Sequence[Mapping[str, Any]], *verdicts: str) -> set[tuple[str, str]]:
    # Of the members who join a group again, some may have joined already.
    return {
        (record["field"], "" if record["field"] == "members" else record["change"])
        for record in records
        if record["verdict"] in verdicts
    }


def _outdated(seq: int, subject: str | None) -> Conflict:
    about = f"event {seq}" if subject is None else f"event {seq} ({subject})"
    return Conflict(f"The plan is out of date for {about}. Nothing was changed.", hint="Make the plan again.")
