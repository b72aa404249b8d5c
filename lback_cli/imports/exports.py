"""Export users to CSV or JSON Lines, in the columns that an import takes, or as one JSON document."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, get_args

from lback_cli.errors import UsageError
from lback_cli.imports.formats.csv_writer import csv_rows, texts_of
from lback_cli.imports.formats.jsonl_reader import ATTRIBUTES
from lback_cli.managers.directory import Directory
from lback_cli.repositories.user_columns import Columns
from lback_cli.repositories.user_query import UserQuery

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
        columns = self._columns(nested=export_format != "csv", with_hashes=with_hashes)
        with self._directory.list_users(query, columns) as pages:
            # Nothing is yielded before the query is known to be valid.
            if export_format == "json":
                yield from _json(columns, pages)
                return
            if export_format == "csv":
                yield ",".join(columns) + "\n"
            for page in pages:
                yield csv_rows(list(map(texts_of, page))) if export_format == "csv" else _jsonl(columns, page)

    def _columns(self, *, nested: bool, with_hashes: bool) -> Sequence[str]:
        """Return the columns in their order.

        Args:
            nested: Whether the attributes that the configuration declares are in one column, as in results.
            with_hashes: Whether to add the password hashes.
        """
        rows = self._directory.attributes.rows
        own = [attribute.name for attribute in rows if not (nested and attribute.declared)]
        first = [name for name in _FIRST if with_hashes or name != "password_hash"]
        return (*first, *own, *([ATTRIBUTES] if nested else []), *_LAST)


def _jsonl(columns: Sequence[str], page: Columns) -> str:
    return "".join([f"{text}\n" for text in _objects(columns, page)])


def _json(columns: Sequence[str], pages: Iterable[Columns]) -> Iterator[str]:
    separator = "[\n"
    for page in pages:
        for text in _objects(columns, page):
            yield f"{separator}  {text}"
            separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def _objects(columns: Sequence[str], page: Columns) -> Iterator[str]:
    return (json.dumps(dict(zip(columns, row, strict=True))) for row in zip(*page, strict=True))


_FIRST = ("username", "email", "password_hash", "groups", "is_active", "is_email_verified")
"""The columns before those of the attributes in lback's own table."""

_LAST = ("created_at", "updated_at", "id")
