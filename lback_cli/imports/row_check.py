"""What an import would refuse of a file, as far as the rows themselves show it."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice

from lback_cli.errors import ValidationError
from lback_cli.imports.failures import Failures
from lback_cli.imports.input_file import InputFile
from lback_cli.imports.misread import MisreadText
from lback_cli.imports.results import failed
from lback_cli.imports.row_preparation import RowPreparation, plainer
from lback_cli.managers.dependencies import Dependencies

MOST_ROWS = 10_000
"""Rows that are checked: their addresses and passwords take most of the time."""

_SECRETS = ("password", "password_hash")


@dataclass
class RowCheck:
    """What rows say before they are imported.

    Attributes:
        rows: The number of rows.
        is_whole: Whether these are all rows of the file.
        secrets: The number of other rows with a password, and with a hash, by field.
        refused: The number of rows that are refused because of a field.
        failures: The rows that would be refused, whatever users and groups exist.
        groups: The names of groups of the other rows.
        misread: The names of columns and the rows that were decoded with a wrong encoding.
    """

    rows: int = 0
    is_whole: bool = True
    secrets: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    failures: Failures = field(default_factory=Failures)
    groups: dict[str, None] = field(default_factory=dict)
    misread: MisreadText = field(default_factory=MisreadText)

    @property
    def useless_secret(self) -> str | None:
        """The field, password or hash, because of which each row that has one is refused."""
        return next((name for name in _SECRETS if self.refused[name] and not self.secrets[name]), None)


def check_rows(source: InputFile, services: Dependencies) -> RowCheck:
    """Return what the first rows of *source* say; an error of the file itself is raised."""
    preparation = RowPreparation(services, source.options)
    found = RowCheck(misread=source.misread())
    for row in islice(source.rows(), MOST_ROWS + 1):
        if found.rows == MOST_ROWS:
            found.is_whole = False
            break
        found.rows += 1
        found.misread.add(row)
        prepared = preparation.prepare(row)
        error = None if prepared is None or prepared.error is None else plainer(prepared.error, row)
        if (error := row.error or error) is not None:
            if isinstance(error, ValidationError):
                found.refused[error.field] += 1
            found.failures.add(failed(row, error))
        else:
            found.secrets.update(name for name in _SECRETS if getattr(row, name) is not None)
            found.groups |= dict.fromkeys(row.groups or ())
    return found
