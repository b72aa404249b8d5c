"""Statements on tables whose rows one process at a time may change."""

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from sqlalchemy import Column, CursorResult, Delete, Table, Update, delete, update
from sqlalchemy.orm import Session

from lback_cli.lease import RELEASED, Lease, Leased


class LeaseRepository:
    """The rows of one table with the columns `owner` and `lease_until`, in one session.

    Every UPDATE and DELETE checks the owner, so a process that lost its lease cannot write.
    """

    table: ClassVar[Table]
    """The table. Its primary key has one column."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def acquire(self, row: Leased, lease: Lease, **values: Any) -> bool:
        """Make this process the owner of *row*, and set *values*.

        Returns:
            False if the row has another owner or a renewed lease since it was read.
        """
        key = getattr(row, self._key.name)
        return self.update(key, {**values, **lease.columns}, owner=row.owner, lease_until=row.lease_until)

    def update(self, key: object, values: Mapping[str, Any], *, owner: str | None, **expected: Any) -> bool:
        """Set *values* in the row with that *key*.

        Returns:
            False if *owner* does not hold the row or another column is not as *expected*. Then nothing is written.
        """
        return self._execute(update(self.table).values(**values), key, owner=owner, **expected)

    def delete(self, key: object, *, owner: str | None) -> bool:
        """Delete the row with that *key*; return False if *owner* does not hold it."""
        return self._execute(delete(self.table), key, owner=owner)

    def release(self, key: object, *, owner: str | None) -> bool:
        """Let any process take the row at once; return False if *owner* does not hold it."""
        return self.update(key, RELEASED, owner=owner)

    @property
    def _key(self) -> Column[Any]:
        (key,) = self.table.primary_key.columns
        return key

    def _execute(self, statement: Update | Delete, key: object, **expected: object) -> bool:
        statement = statement.where(self._key == key)
        for column, value in expected.items():
            statement = statement.where(self.table.c[column] == value)
        result = self._session.execute(statement)
        return cast("CursorResult[Any]", result).rowcount == 1
