"""Exporting users to CSV or JSON Lines, in the columns that an import takes, or as one JSON document."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal

from lback_cli.imports.formats.csv_injection import escaped
from lback_cli.imports.row import groups_cell
from lback_cli.managers.directory import UserDirectory
from lback_cli.repositories.user_repository import UserQuery, UserRow
from lback_cli.security.unusable import is_unusable
from lback_cli.text.times import timestamp

Form = Literal["csv", "jsonl", "json"]

_FIRST = ("username", "email")
_REST = ("groups", "is_active", "is_email_verified", "created_at", "updated_at", "id")


class Exporter:
    """Exports the users of one database."""

    def __init__(self, directory: UserDirectory) -> None:
        self._directory = directory

    def lines(self, query: UserQuery, form: Form, *, with_hashes: bool = False) -> Iterator[str]:
        """The users that *query* describes, in pieces of many lines, all as of one moment; never many in memory.

        *with_hashes* adds the column ``password_hash``, empty for users who have no password. Raises `GroupNotFound`.
        """
        columns = (*_FIRST, *(("password_hash",) if with_hashes else ()), *_REST)
        with self._directory.select_stored(query) as pages:
            # Nothing is written before the query is known to make sense.
            if form == "json":
                yield from _json(columns, pages)
            else:
                if form == "csv":
                    yield ",".join(columns) + "\n"
                written = _csv if form == "csv" else _jsonl
                for page in pages:
                    yield written(columns, page)


def _csv(columns: Sequence[str], users: Sequence[UserRow]) -> str:
    text = io.StringIO()
    cells: list[Callable[[UserRow], Any]] = [_CELLS[column] for column in columns]
    csv.writer(text, lineterminator="\n").writerows([[cell(user) for cell in cells] for user in users])
    return text.getvalue()


def _jsonl(columns: Sequence[str], users: Sequence[UserRow]) -> str:
    return "".join([_object(columns, user) + "\n" for user in users])


def _json(columns: Sequence[str], pages: Iterable[Sequence[UserRow]]) -> Iterator[str]:
    separator = "[\n"
    for page in pages:
        for user in page:
            yield f"{separator}  {_object(columns, user)}"
            separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def _object(columns: Sequence[str], user: UserRow) -> str:
    return json.dumps({column: _VALUES[column](user) for column in columns})


def _hash(user: UserRow) -> str | None:
    return None if is_unusable(user.password_hash) else user.password_hash


_VALUES: dict[str, Callable[[UserRow], Any]] = {
    "username": lambda user: user.username,
    "email": lambda user: user.email,
    "password_hash": _hash,
    "groups": lambda user: list(user.groups),
    "is_active": lambda user: user.is_active,
    "is_email_verified": lambda user: user.is_email_verified,
    "created_at": lambda user: timestamp(user.created_at),
    "updated_at": lambda user: timestamp(user.updated_at),
    "id": lambda user: user.id,
}

_CELLS: dict[str, Callable[[UserRow], Any]] = {
    **_VALUES,
    "username": lambda user: escaped(user.username),
    "email": lambda user: escaped(user.email),
    "password_hash": lambda user: escaped(_hash(user) or ""),
    "groups": lambda user: escaped(groups_cell(user.groups)),
    "is_active": lambda user: "true" if user.is_active else "false",
    "is_email_verified": lambda user: "true" if user.is_email_verified else "false",
}
