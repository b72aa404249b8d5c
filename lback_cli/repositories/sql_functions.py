"""SQL functions that compare text exactly, on every database, and a short condition for many numbers."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Integer, String, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

_MOST_RANGES = 8


def is_among(column: ColumnElement[Any], numbers: Collection[int]) -> ColumnElement[bool]:
    """Return the condition that *column* has one of *numbers*.

    Numbers that follow each other, as the ids of imported users do, become a range: to write hundreds of values into a
    statement takes longer than to run it. Only for queries: MariaDB locks also the gap beside a range.
    """
    ranges: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if ranges and number <= ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        elif len(ranges) == _MOST_RANGES:
            return column.in_(numbers)
        else:
            ranges.append((number, number))
    if len(numbers) <= 2 * len(ranges):
        return column.in_(numbers)
    return or_(*(column.between(first, last) for first, last in ranges))


class binary_equal(FunctionElement[str]):  # noqa: N801 - it is used like a function of SQL
    """An expression that equals only exactly the same text as the column, whatever the collation of the column is.

    Most collations of MariaDB ignore spaces at the end. No index is used.
    """

    inherit_cache = True
    name = "exactly"
    type = String()


@compiles(binary_equal)
def _in_c(element: binary_equal, compiler: SQLCompiler, **options: Any) -> str:
    """PostgreSQL's citext has no collation, so it is cast to text first."""
    return f'CAST({compiler.process(element.clauses, **options)} AS TEXT) COLLATE "C"'


@compiles(binary_equal, "sqlite")
def _in_binary(element: binary_equal, compiler: SQLCompiler, **options: Any) -> str:
    return f"{compiler.process(element.clauses, **options)} COLLATE BINARY"


@compiles(binary_equal, "mysql")
@compiles(binary_equal, "mariadb")
def _by_bytes(element: binary_equal, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(CONVERT({compiler.process(element.clauses, **options)} USING utf8mb4) AS BINARY)"


class binary_position(FunctionElement[int]):  # noqa: N801 - it is used like a function of SQL
    """The position of a part in a column, from 1, or 0 without it. The comparison is exact, unlike LIKE on SQLite."""

    inherit_cache = True
    name = "position"
    type = Integer()


@compiles(binary_position)
def _strpos(element: binary_position, compiler: SQLCompiler, **options: Any) -> str:
    column, part = element.clauses
    return f"strpos({compiler.process(binary_equal(column), **options)}, {compiler.process(part, **options)})"


@compiles(binary_position, "sqlite")
def _instr(element: binary_position, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@compiles(binary_position, "mysql")
@compiles(binary_position, "mariadb")
def _instr_by_bytes(element: binary_position, compiler: SQLCompiler, **options: Any) -> str:
    column, part = element.clauses
    return f"instr({compiler.process(binary_equal(column), **options)}, {compiler.process(part, **options)})"
