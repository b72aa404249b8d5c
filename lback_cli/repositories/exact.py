"""Text that is compared as it is, on every database."""

from typing import Any

from sqlalchemy import Integer, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class exactly(FunctionElement[str]):  # noqa: N801 - it is used like a function of SQL
    """*column*, which differs from any other text; MariaDB ignores spaces at the end, and by its collation more.

    No index is used for it there.
    """

    inherit_cache = True
    name = "exactly"
    type = String()


@compiles(exactly)
def _as_it_is(element: exactly, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(exactly, "mysql")
@compiles(exactly, "mariadb")
def _by_bytes(element: exactly, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(CONVERT({compiler.process(element.clauses, **options)} USING utf8mb4) AS BINARY)"


class position(FunctionElement[int]):  # noqa: N801 - it is used like a function of SQL
    """Where *column*, taken as it is, has *part*, counted from 1; 0 where it has not. LIKE knows no case on SQLite."""

    inherit_cache = True
    name = "position"
    type = Integer()


@compiles(position)
def _strpos(element: position, compiler: SQLCompiler, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"


@compiles(position, "sqlite")
def _instr(element: position, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@compiles(position, "mysql")
@compiles(position, "mariadb")
def _instr_by_bytes(element: position, compiler: SQLCompiler, **options: Any) -> str:
    column, part = element.clauses
    return f"instr({compiler.process(exactly(column), **options)}, {compiler.process(part, **options)})"
