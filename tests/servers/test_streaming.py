"""Rows that are read page by page: a reader that stops early leaves no open cursor."""

import gc
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from lback_cli.errors import BrokenEventLog
from lback_cli.models.tables import EVENTS
from lback_cli.repositories.streaming import read_stream

from .conftest import SERVERS
from .database import Installation
from .test_contests import DatabaseOn


@pytest.mark.parametrize("server", SERVERS)
def test_reader_that_stops_early_closes_its_cursor(
    server: str, database_on: DatabaseOn, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    with database_on(server) as url:
        installation = Installation(url, tmp_path).initialize()
        for name in ("ann", "bob", "cleo"):
            installation.register(name)
        with installation.database.read_connection() as connection:
            assert len(next(read_stream(connection.execute, select(EVENTS.c.seq), size=1))) == 1
            assert connection.scalar(select(EVENTS.c.seq).limit(1)) == 1
        installation.write("UPDATE lback_events SET actor = 'mallory' WHERE seq = 2")
        with pytest.raises(BrokenEventLog):
            installation.events.verify()
        installation.register("dora")
        installation.close()
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == []


def test_stream_whose_connection_is_lost_leaves_no_open_cursor(
    database_on: DatabaseOn, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    with database_on("postgresql") as url:
        installation = Installation(url, tmp_path).initialize()
        with installation.database.read_connection() as connection:
            backend = connection.scalar(select(func.pg_backend_pid()))
            installation.write(f"SELECT pg_terminate_backend({backend})")
            with pytest.raises(OperationalError):
                list(read_stream(connection.execute, select(EVENTS.c.seq), size=1))
        installation.close()
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == []
