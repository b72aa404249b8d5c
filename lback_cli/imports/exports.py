"""Export users to CSV or JSON Lines, in the columns that an import takes, or as one JSON document."""

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, get_args

from lback_cli.database.engine import Database
from lback_cli.database.retry import retried
from lback_cli.errors import NotWritable, UsageError
from lback_cli.events.record import administrative_event
from lback_cli.events.serialization import to_json
from lback_cli.imports.formats.csv_writer import csv_rows, texts_of
from lback_cli.imports.formats.jsonl_reader import ATTRIBUTES
from lback_cli.imports.options import ExportFormat
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.directory import Directory, UserListing
from lback_cli.problem import Problem
from lback_cli.repositories.unit_of_work import transaction_with_events
from lback_cli.repositories.user_columns import Columns
from lback_cli.repositories.user_query import UserQuery
from lback_cli.text.times import timestamp


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
        self._services = services
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
        columns = self._columns(nested=export_format != "csv", with_hashes=with_hashes)
        with self._recorded(query, columns, with_hashes=with_hashes) as pages:
            # Nothing is yielded before the query is known to be valid and the export is recorded.
            if export_format == "json":
                yield from _json(columns, pages)
                return
            if export_format == "csv":
                yield ",".join(columns) + "\n"
            for page in pages:
                yield csv_rows(list(map(texts_of, page))) if export_format == "csv" else _jsonl(columns, page)

    def state(self, query: UserQuery) -> Iterator[str]:
        """Record the export, and yield the groups and the users that *query* selects as a file for `lback apply`.

        Raises:
            GroupNotFound: A group of the query does not exist.
        """
        from lback_cli.text.yaml_text import dump_yaml

        default_group = self._services.canonical_group_name(self._services.settings.users.default_group)
        groups = [group for group, _ in self._directory.list_groups() if group.name != default_group]
        own = [*(attribute.name for attribute in self._directory.attributes.built_in_rows), ATTRIBUTES]
        columns = [*_STATE, *own]
        with self._recorded(query, columns, with_hashes=False) as pages:
            yield "groups:\n" if groups else "groups: []\n"
            for group in groups:
                described = {} if group.description is None else {"description": group.description}
                yield dump_yaml([{"name": group.name, **described}])
            users = (row for page in pages for row in zip(*page, strict=True))
            first = next(users, None)
            yield "users: []\n" if first is None else "users:\n"
            for row in () if first is None else chain([first], users):
                yield dump_yaml([_desired(dict(zip(columns, row, strict=True)), own, default_group)])

    @contextlib.contextmanager
    def _recorded(self, query: UserQuery, columns: Sequence[str], *, with_hashes: bool) -> Iterator[UserListing]:
        """Yield the pages of a snapshot whose number of users the event log has.

        No snapshot is open while the event is committed, as it would keep the writer out of a SQLite file without WAL.
        So users may be added between the two, and then the export is recorded again.
        """
        recorded = -1
        while True:
            with self._directory.list_users(query, columns) as pages:
                if (count := pages.count()) == recorded:
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
            # A standby is there to be read.
            retried(append, waits=False)
        except NotWritable as error:
            if with_hashes:
                raise
            self._warn(Problem(f"The event log does not record this export: {error.message}", error.hint))

    def _columns(self, *, nested: bool, with_hashes: bool) -> Sequence[str]:
        """Return the columns in their order.

        Args:
            nested: Whether the attributes that the configuration declares are in one column, as in results.
            with_hashes: Whether to add the password hashes.
        """
        known = self._directory.attributes
        own = [attribute.name for attribute in (known.built_in_rows if nested else known.rows)]
        first = [name for name in _FIRST if with_hashes or name != "password_hash"]
        return (*first, *own, *([ATTRIBUTES] if nested else []), *_LAST)


def _filters(query: UserQuery) -> dict[str, Any]:
    """Return the conditions of *query* that are set."""
    texts = {"search": list(query.searches), "group": list(query.groups)}
    flags = {"is_active": query.is_active, "is_email_verified": query.is_email_verified}
    conditions: dict[str, Any] = {name: value for name, value in (texts | flags).items() if value not in ([], None)}
    moments = {"locked_at": query.locked_at, "created_before": query.created_before}
    moments |= {"last_login_before": query.last_login_before}
    conditions |= {name: timestamp(moment) for name, moment in moments.items() if moment is not None}
    conditions |= {"never_logged_in": True} if query.never_logged_in else {}
    return conditions | ({"attributes": to_json(query.attributes)} if query.attributes else {})


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


_STATE = ("username", "email", "groups", "is_active", "is_email_verified")
"""What a file for `lback apply` has of a user, besides the attributes in lback's own table."""


def _desired(user: Mapping[str, Any], own: Sequence[str], default_group: str) -> dict[str, Any]:
    """Return a user as `lback apply` takes it."""
    wanted: dict[str, Any] = {
        "username": user["username"],
        "email": user["email"],
        "groups": [name for name in user["groups"] if name != default_group],
        "active": user["is_active"],
        "verified": user["is_email_verified"],
    }
    return wanted | {name: user[name] for name in own if user[name] not in ({}, None)}
