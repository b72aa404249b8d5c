"""Export users to CSV or JSON Lines, in the columns that an import takes, or as one JSON document."""

import contextlib
import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

from lback_cli.database.engine import Database
from lback_cli.database.retry import retried
from lback_cli.errors import NotWritable, UsageError
from lback_cli.events.record import administrative_event
from lback_cli.events.serialization import to_json
from lback_cli.imports.formats.csv_injection import escaped
from lback_cli.imports.formats.jsonl_reader import ATTRIBUTES
from lback_cli.imports.options import ExportFormat
from lback_cli.imports.row import groups_cell
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.directory import Directory
from lback_cli.problem import Problem
from lback_cli.repositories.unit_of_work import transaction_with_events
from lback_cli.repositories.user_reader import UserQuery, UserRecord
from lback_cli.security.stored_hashes import is_unusable
from lback_cli.text.times import timestamp

_CONDITIONS = ("search", "group", "is_active", "is_email_verified")
"""The conditions of a query that an export can have, besides those on attributes."""

_Column = Callable[[UserRecord], Any]


class Exporter:
    """Exports the users of one database. The event log records each export before the first user is read.

    Args:
        database: The database.
        services: The dependencies of the managers.
        warn: Reports that an export is not recorded, because the database cannot be written.
    """

    def __init__(self, database: Database, services: Dependencies, warn: Callable[[Problem], None]) -> None:
        self._database = database
        self._directory = Directory(database, services)
        self._warn = warn

    def lines(self, query: UserQuery, export_format: str, *, with_hashes: bool = False) -> Iterator[str]:
        """Record the export, and yield the users that *query* selects, all as of one moment, in pieces of many lines.

        Args:
            query: Which users, in which order.
            export_format: ``csv``, ``jsonl`` or ``json``.
            with_hashes: Whether to add the column ``password_hash``, which is empty for a user without a password.

        Raises:
            GroupNotFound: The group of the query does not exist.
            UsageError: Users cannot be exported in that format.
            NotWritable: The export has hashes and cannot be recorded.
        """
        if export_format not in get_args(ExportFormat):
            raise UsageError(
                f"Users are not exported as {export_format}.", hint="Add --format csv or --format jsonl, or -o json."
            )
        columns = self._columns(nested=export_format != "csv")
        if not with_hashes:
            del columns["password_hash"]
        with self._recorded_pages(query, with_hashes=with_hashes) as pages:
            # Nothing is yielded before the query is known to be valid and the export is recorded.
            if export_format == "json":
                yield from _json(columns, pages)
                return
            if export_format == "csv":
                yield ",".join(columns) + "\n"
            page_text = _csv if export_format == "csv" else _jsonl
            for page in pages:
                yield page_text(columns, page)

    @contextlib.contextmanager
    def _recorded_pages(self, query: UserQuery, *, with_hashes: bool) -> Iterator[Iterator[Sequence[UserRecord]]]:
        """Yield the pages of a snapshot whose number of users the event log has.

        No snapshot is open while the event is committed, as it would keep the writer out of a SQLite file without WAL.
        So users may be added between the two, and then the export is recorded again.
        """
        recorded = -1
        while True:
            with self._directory.user_pages(query) as (count, pages):
                if count == recorded:
                    yield pages
                    return
            self._record(query, count, with_hashes=with_hashes)
            recorded = count

    def _record(self, query: UserQuery, count: int, *, with_hashes: bool) -> None:
        data = {"users": count, "filters": _filters(query), "with_hashes": with_hashes}

        def append() -> None:
            with transaction_with_events(self._database) as uow:
                uow.events.append([administrative_event("users_exported", "export_users", data)])

        try:
            retried(append)
        except NotWritable as error:
            if with_hashes:
                raise
            self._warn(Problem(f"The event log does not record this export: {error.message}", error.hint))

    def _columns(self, *, nested: bool) -> dict[str, _Column]:
        """Return the columns in their order, each with its value as in JSON.

        Args:
            nested: Whether the attributes that the configuration declares are in one column, as in results.
        """
        rows = self._directory.attributes.rows
        own = {attribute.name: _attribute(attribute.name) for attribute in rows if not (nested and attribute.declared)}
        if nested:
            own[ATTRIBUTES] = _attributes([attribute.name for attribute in rows if attribute.declared])
        return {**_FIRST, **own, **_LAST}


def _filters(query: UserQuery) -> dict[str, Any]:
    """Return the conditions of *query* that are set."""
    conditions = {name: getattr(query, name) for name in _CONDITIONS if getattr(query, name) is not None}
    return conditions | ({"attributes": to_json(query.attributes)} if query.attributes else {})


def _csv(columns: Mapping[str, _Column], users: Sequence[UserRecord]) -> str:
    text = io.StringIO()
    values = columns.values()
    csv.writer(text, lineterminator="\n").writerows([[_cell(value(user)) for value in values] for user in users])
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return escaped(groups_cell(value)) if isinstance(value, list) else value


def _jsonl(columns: Mapping[str, _Column], users: Sequence[UserRecord]) -> str:
    return "".join([_object(columns, user) + "\n" for user in users])


def _json(columns: Mapping[str, _Column], pages: Iterable[Sequence[UserRecord]]) -> Iterator[str]:
    separator = "[\n"
    for page in pages:
        for user in page:
            yield f"{separator}  {_object(columns, user)}"
            separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def _object(columns: Mapping[str, _Column], user: UserRecord) -> str:
    return json.dumps({name: value(user) for name, value in columns.items()})


def _attribute(name: str) -> _Column:
    return lambda user: user.attributes.get(name)


def _attributes(names: Sequence[str]) -> _Column:
    return lambda user: {name: user.attributes[name] for name in names if name in user.attributes}


_FIRST: Mapping[str, _Column] = {
    "username": lambda user: user.username,
    "email": lambda user: user.email,
    "password_hash": lambda user: None if is_unusable(user.password_hash) else user.password_hash,
    "groups": lambda user: list(user.groups),
    "is_active": lambda user: user.is_active,
    "is_email_verified": lambda user: user.is_email_verified,
}
"""The columns before those of the attributes in lback's own table."""

_LAST: Mapping[str, _Column] = {
    "created_at": lambda user: timestamp(user.created_at),
    "updated_at": lambda user: timestamp(user.updated_at),
    "id": lambda user: user.id,
}
