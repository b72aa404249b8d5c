"""Deleting a row that rows of an application's tables may refer to."""

import contextlib
from collections.abc import Iterator

from sqlalchemy import Table
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lback_cli.errors import StillReferenced


@contextlib.contextmanager
def unreferenced(session: Session, table: Table, row_id: int, name: str, alternative: str = "") -> Iterator[None]:
    """Delete the row of *table* with that id in the block, under a savepoint.

    Raises:
        StillReferenced: Foreign keys prevent it. The message says which rows refer to *name*, the hint has an
            *alternative*.
    """
    try:
        with session.begin_nested():
            yield
    except IntegrityError as error:
        from lback_cli.database.introspection.references import find_references

        found = find_references(session.connection(), table.name, row_id)
        if not found:
            raise
        raise StillReferenced(
            f"{name!r} cannot be deleted, because other rows refer to it: {', '.join(map(str, found))}.",
            hint=f"Delete those rows in the application first. {alternative}".rstrip(),
        ) from error
