"""Reading more rows than fit in memory."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Select


def read_stream(execute: Callable[..., Any], statement: Select[Any], *, size: int) -> Iterator[Sequence[Any]]:
    """Yield the rows of *statement*, a page at a time. The cursor of the server is closed at the end, an early one too.

    The connection can run no other query until then.

    Args:
        execute: The method of a connection or a session.
        statement: The query.
        size: How many rows a page has at most.
    """
    with contextlib.closing(execute(statement, execution_options={"yield_per": size})) as result:
        yield from result.partitions()
