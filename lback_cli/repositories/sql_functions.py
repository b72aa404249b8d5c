"""Text that is compared as it is, on every database."""

from typing import Any

from sqlalchemy import Integer, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class exactly(FunctionElement[str]):  # noqa: N801 - it is used like a function of SQL
    """*column*, which differs from any other text, whatever its collation takes for the same.

    MariaDB ignores spaces at the end with most of them, and uses no index for this.
    """

    inherit_cache = True
    name = "exactly"
    type = String()


@compiles(exactly)
def _in_c(element: exactly, compiler: SQLCompiler, **options: Any) -> str:
    """PostgreSQL's citext knows no collation, so it is made text first."""
    return f'CAST({compiler.process(element.clauses, **options)} AS TEXT) COLLATE "C"'


@compiles(exactly, "sqlite")
def _in_binary(element: exactly, compiler: SQLCompiler, **options: Any) -> str:
    return f"{compiler.process(element.clauses, **options)} COLLATE BINARY"


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
    column, part = element.clauses
    return f"strpos({compiler.process(exactly(column), **options)}, {compiler.process(part, **options)})"


@compiles(position, "sqlite")
def _instr(element: position, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@compiles(position, "mysql")
@compiles(position, "mariadb")
def _instr_by_bytes(element: position, compiler: SQLCompiler, **options: Any) -> str:
    column, part = element.clauses
    return f"instr({compiler.process(exactly(column), **options)}, {compiler.process(part, **options)})"
