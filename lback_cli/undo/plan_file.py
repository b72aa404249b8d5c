"""Plan files: what an undo would do, so that exactly that can be done later.

A plan file is JSON Lines: a header with the request, a line for each change, and the SHA-256 of all lines before it.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from typing import Any

from lback_cli.errors import Conflict, Refused, Unusable, UsageError, ValidationError
from lback_cli.own_file import distrust, open_own
from lback_cli.undo.selection import Request, Selection
from lback_cli.undo.verdicts import EventPlan
from lback_cli.version import __version__

_VERSION = 1
_COMPARED = ("event", "id", "field", "verdict", "change")


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
        """Compare *plans* with those in the file; what has been reversed since may be done.

        Raises:
            Conflict: They differ.
        """
        found = (record for plan in plans for record in plan.records(is_done=False))
        for planned, now in zip_longest(self._records, found):
            if planned is None or now is None or not _agree(planned, now):
                about = now or planned or {}
                raise Conflict(
                    f"The plan no longer holds for event {about['event']} ({about['subject']}). Nothing was changed.",
                    hint="Make the plan again.",
                )

    @staticmethod
    def _read(path: Path) -> list[dict[str, Any]]:
        with path.open("rb") as file:
            if problem := distrust(path, file.fileno()):
                raise Refused(f"The plan {path} {problem}.", hint="Make the plan again, in a directory of your own.")
            *lines, last = file.read().splitlines(keepends=True)
        if json.loads(last)["sha256"] != hashlib.sha256(b"".join(lines)).hexdigest():
            raise ValueError("wrong digest")
        records = [json.loads(line) for line in lines]
        if records[0]["undo_plan"] != _VERSION:
            raise ValueError("unknown version")
        return records


def _agree(planned: dict[str, Any], now: dict[str, Any]) -> bool:
    done = planned["verdict"] == "reversed" and now["verdict"] == "done"
    return all(done if name == "verdict" and done else planned[name] == now[name] for name in _COMPARED)
