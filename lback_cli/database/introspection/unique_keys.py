"""What a table keeps from being there twice."""

from typing import Any

from sqlalchemy.engine.reflection import Inspector


def unique_keys(tables: Inspector, table: str) -> set[frozenset[str | None]]:
    """The sets of columns that *table* holds once only, in all rows and to their full length; its primary key too."""
    indexes: list[Any] = [index for index in tables.get_indexes(table) if index["unique"] and not _is_partial(index)]
    constraints: list[Any] = [one for one in tables.get_unique_constraints(table) if not one.get("duplicates_index")]
    keys = {frozenset(one["column_names"]) for one in (*indexes, *constraints)}
    return keys | {frozenset(tables.get_pk_constraint(table)["constrained_columns"])}


def _is_partial(index: Any) -> bool:
    """Whether it covers some rows only, or the beginnings of texts only."""
    options = index.get("dialect_options", {})
    return any(name.endswith(("_where", "_length")) and value is not None for name, value in options.items())
