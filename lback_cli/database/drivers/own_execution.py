"""Statements that lback hands to the driver itself, executed like any of SQLAlchemy, which handles their errors."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import Connection

_RUN = "lback_run"
"""The execution option with the function that runs a statement."""

_ENABLED = "lback_own_execution"
"""The execution option of connections on which `execute_by` works."""


def enable_own_execution(engine: Engine) -> None:
    """Let `execute_by` use connections of *engine*."""
    engine.update_execution_options(**{_ENABLED: True})

    @event.listens_for(engine, "do_execute")
    def execute(cursor: Any, _statement: str, _parameters: Any, context: Any) -> bool:
        run = context.execution_options.get(_RUN)
        if run is not None:
            run(cursor)
        return run is not None


def can_execute_own(connection: Connection) -> bool:
    """Return whether `execute_by` works on *connection*. It does not on that of a caller's own engine."""
    return _ENABLED in connection.get_execution_options()


def execute_by(connection: Connection, statement: str, run: Callable[[Any], object]) -> None:
    """Execute *statement*, as errors show it, by calling *run* with a cursor of the driver."""
    connection.exec_driver_sql(statement, execution_options={_RUN: run})
