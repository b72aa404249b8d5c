"""Export users to CSV or JSON Lines, in the columns that an import takes, or as one JSON document."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, get_args

from lback_cli.errors import UsageError
from lback_cli.imports.formats.csv_injection import escaped
from lback_cli.imports.row import groups_cell
from lback_cli.managers.directory import Directory
from lback_cli.repositories.user_reader import UserQuery, UserRecord
from lback_cli.security.stored_hashes import is_unusable
from lback_cli.text.times import timestamp

ExportFormat = Literal["csv", "jsonl", "json"]


class Exporter:
    """Exports the users of one database."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def lines(self, query: UserQuery, export_format: str, *, with_hashes: bool = False) -> Iterator[str]:
        """Yield the users that *query* selects, all as of one moment, in pieces of many lines.

        Args:
            query: Which users, in which order.
            export_format: ``csv``, ``jsonl`` or ``json``.
            with_hashes: Whether to add the column ``password_hash``, which is empty for a user without a password.

        Raises:
            GroupNotFound: The group of the query does not exist.
            UsageError: Users cannot be exported in that format.
        """
        if export_format not in get_args(ExportFormat):
            raise UsageError(
                f"Users are not exported as {export_format}.", hint="Add --format csv or --format jsonl, or -o json."
            )
        columns = tuple(name for name in _VALUES if with_hashes or name != "password_hash")
        with self._directory.user_pages(query) as pages:
            # Nothing is yielded before the query is known to be valid.
            if export_format == "json":
                yield from _json(columns, pages)
                return
            if export_format == "csv":
                yield ",".join(columns) + "\n"
            page_text = _csv if export_format == "csv" else _jsonl
            for page in pages:
                yield page_text(columns, page)


def _csv(columns: Sequence[str], users: Sequence[UserRecord]) -> str:
    text = io.StringIO()
    values = [_VALUES[column] for column in columns]
    csv.writer(text, lineterminator="\n").writerows([[_cell(value(user)) for value in values] for user in users])
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return escaped(groups_cell(value)) if isinstance(value, list) else value


def _jsonl(columns: Sequence[str], users: Sequence[UserRecord]) -> str:
    return "".join([_object(columns, user) + "\n" for user in users])


def _json(columns: Sequence[str], pages: Iterable[Sequence[UserRecord]]) -> Iterator[str]:
    separator = "[\n"
    for page in pages:
        for user in page:
            yield f"{separator}  {_object(columns, user)}"
            separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def _object(columns: Sequence[str], user: UserRecord) -> str:
    return json.dumps({column: _VALUES[column](user) for column in columns})


_VALUES: Mapping[str, Callable[[UserRecord], Any]] = {
    "username": lambda user: user.username,
    "email": lambda user: user.email,
    "password_hash": lambda user: None if is_unusable(user.password_hash) else user.password_hash,
    "groups": lambda user: list(user.groups),
    "is_active": lambda user: user.is_active,
    "is_email_verified": lambda user: user.is_email_verified,
    "created_at": lambda user: timestamp(user.created_at),
    "updated_at": lambda user: timestamp(user.updated_at),
    "id": lambda user: user.id,
}
"""The columns of an export in their order, each with its value as in JSON."""
