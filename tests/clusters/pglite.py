"""PGlite: PostgreSQL compiled to WebAssembly, with one session for all its connections."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.servers.own_server import free_port, server_directory

from .engine import Engine
from .packages import pglite_command
from .processes import ServerProcess


class PGlite(Engine):
    """A server in *directory*. It has one database, whose tables `drop` removes."""

    name = "pglite"
    simultaneous = False

    def __init__(self, directory: Path, identity: dict[str, Any]) -> None:
        self._port = free_port()
        # A contest begins when all of its 32 processes are connected.
        options = ["--db", str(directory / "data"), "--port", str(self._port), "--max-connections", "40"]
        self._process = ServerProcess("pglite", [*pglite_command(), *options], directory, identity)

    def new_name(self) -> str:
        return "postgres"

    @contextmanager
    def database(self) -> Iterator[list[str]]:
        self.execute("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
        yield self.urls("postgres")

    def urls(self, name: str) -> list[str]:
        return [f"postgresql+psycopg://postgres@127.0.0.1:{self._port}/{name}?sslmode=disable"]

    def execute(self, *statements: str) -> None:
        with closing(self._connect()) as connection:
            for statement in statements:
                connection.execute(statement)

    def _connect(self) -> Any:
        return psycopg.connect(
            host="127.0.0.1",
            port=self._port,
            user="postgres",
            dbname="postgres",
            sslmode="disable",
            connect_timeout=5,
            autocommit=True,
            prepare_threshold=None,
        )

    def fail(self, failure: str, place: int) -> None:  # noqa: ARG002 - there is one kind and one place
        self._process.kill()

    def recover(self) -> None:
        if not self._process.runs:
            self._process.start(ready=lambda: self.execute("SELECT 1"))

    def close(self) -> None:
        self._process.kill()


@contextmanager
def pglite() -> Iterator[PGlite]:
    """Run a server. Raises `MissingServer`."""
    with server_directory("nobody") as (directory, identity), closing(PGlite(directory, identity)) as engine:
        engine.recover()
        yield engine
