"""The engines. Each runs for the tests of a module; those whose programs are missing are skipped."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial

import pytest

from tests.servers.own_server import MissingServer

from .engine import Engine
from .galera import galera
from .pglite import pglite
from .poolers import pgbouncer, proxied_galera, proxied_replication
from .postgresql import replication, single_postgresql

ENGINES: dict[str, Callable[[], AbstractContextManager[Engine]]] = {
    "galera": galera,
    "galera-haproxy": proxied_galera,
    "standby": replication,
    "standby-haproxy": proxied_replication,
    "pgbouncer-transaction": partial(pgbouncer, "transaction"),
    "pgbouncer-session": partial(pgbouncer, "session"),
    "postgresql-17": partial(single_postgresql, 17),
    "postgresql-18": partial(single_postgresql, 18),
    "pglite": pglite,
}


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each engine in turn."""
    with ExitStack() as opened:
        try:
            made = opened.enter_context(ENGINES[request.param]())
        except MissingServer as error:
            pytest.skip(f"{request.param}: {error}")
        yield made


@pytest.fixture
def urls(engine: Engine) -> Iterator[list[str]]:
    """The URLs of a new database: one for each place that takes writes."""
    with engine.database() as made:
        yield made
