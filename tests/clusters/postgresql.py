"""PostgreSQL: one server of any version, and a primary with a synchronous standby."""

import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import psycopg

from tests.servers.own_server import free_port, run_program, server_directory

from .engine import Engine
from .packages import postgresql_programs
from .processes import ServerProcess


class PostgresNode:
    """A server in a subdirectory of *directory* that trusts everybody on this machine."""

    def __init__(self, programs: Path, directory: Path, identity: dict[str, Any], name: str) -> None:
        self._programs = programs
        self._identity = identity
        self.data = directory / name
        self.name = name
        self.port = free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "wal_keep_size": "256MB",
        }
        command = [str(programs / "postgres"), "-D", str(self.data), *(f"--{k}={v}" for k, v in settings.items())]
        self.process = ServerProcess(name, command, directory, identity)

    def initialize(self) -> None:
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        run_program([str(self._programs / "initdb"), "-D", str(self.data), *options], self._identity)

    def copy_from(self, primary: "PostgresNode") -> None:
        """Become a standby of *primary*, named as this node."""
        shutil.rmtree(self.data, ignore_errors=True)
        source = f"host=127.0.0.1 port={primary.port} user=postgres application_name={self.name}"
        options = ["-d", source, "-R", "-X", "stream", "-c", "fast", "--no-sync"]
        run_program([str(self._programs / "pg_basebackup"), "-D", str(self.data), *options], self._identity)

    def start(self, *options: str) -> None:
        self.process.start(*options, ready=lambda: self.execute("SELECT 1"))

    def connect(self, name: str = "postgres") -> Any:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname=name, connect_timeout=5, autocommit=True
        )

    def execute(self, *statements: str, name: str = "postgres") -> Any:
        """Execute statements, and return the first value of the last."""
        with closing(self.connect(name)) as connection:
            value = None
            for statement in statements:
                cursor = connection.execute(statement)
                value = cursor.fetchone()[0] if cursor.description else None
            return value

    def crash(self) -> None:
        """End all processes of the server at once, so that it has to recover from its log."""
        self.process.kill(signal.SIGQUIT)


class SinglePostgres(Engine):
    """One server. Its failure is a crash, after which it recovers."""

    name = "postgresql-single"
    failures: ClassVar[tuple[str, ...]] = ("server", "connections")

    def __init__(self, node: PostgresNode) -> None:
        self.node = node

    def urls(self, name: str) -> list[str]:
        return [f"postgresql+psycopg://postgres@127.0.0.1:{self.node.port}/{name}"]

    def execute(self, *statements: str) -> None:
        self.node.execute(*statements)

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def fail(self, failure: str, place: int) -> None:  # noqa: ARG002 - there is one place
        if failure == "connections":
            self.node.execute(TERMINATE)
        else:
            self.node.crash()

    def recover(self) -> None:
        if not self.node.process.runs:
            self.node.start()


TERMINATE = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


@contextmanager
def single_postgresql(version: int | None = None) -> Iterator[SinglePostgres]:
    """Run a server of that version, or of the system's. Raises `MissingServer`."""
    programs = postgresql_programs(version)
    with server_directory("postgres") as (directory, identity):
        node = PostgresNode(programs, directory, identity, "node")
        node.initialize()
        try:
            node.start()
            yield SinglePostgres(node)
        finally:
            node.crash()


class Replication(Engine):
    """A primary with a synchronous standby. If the primary fails, the standby is promoted, and a new one made."""

    name = "postgresql-standby"
    failures = ("failover",)
    _ON_PRIMARY: ClassVar = "--synchronous_standby_names=*"

    def __init__(self, nodes: list[PostgresNode]) -> None:
        self.primary, self.standby = nodes
        self.nodes = list(nodes)
        self.outage = 0.3
        """Seconds from the crash of the primary to the promotion."""

    def start(self) -> None:
        self.primary.initialize()
        self.primary.start(self._ON_PRIMARY)
        self._start_standby()

    def _start_standby(self) -> None:
        self.standby.copy_from(self.primary)
        self.standby.start(self._ON_PRIMARY)
        deadline = time.monotonic() + 30
        while self.primary.execute("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") != 1:
            assert time.monotonic() < deadline, "the standby does not follow"
            time.sleep(0.05)

    def urls(self, name: str) -> list[str]:
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return [
            f"postgresql+psycopg://postgres@{hosts}/{name}?target_session_attrs=read-write&connect_timeout=3",
        ]

    def execute(self, *statements: str) -> None:
        self.primary.execute(*statements)

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def fail(self, failure: str, place: int) -> None:  # noqa: ARG002 - there is one place
        self.primary.crash()
        time.sleep(self.outage)
        # The new primary waits for no standby until it has one, as a manager of clusters would arrange it.
        self.standby.execute("SELECT pg_promote()")
        self.primary, self.standby = self.standby, self.primary

    def recover(self) -> None:
        if not self.standby.process.runs:
            self._start_standby()

    def close(self) -> None:
        for node in self.nodes:
            node.crash()


@contextmanager
def replication() -> Iterator[Replication]:
    """Run a primary with a standby. Raises `MissingServer`."""
    programs = postgresql_programs()
    with server_directory("postgres") as (directory, identity):
        made = Replication([PostgresNode(programs, directory, identity, name) for name in ("a", "b")])
        try:
            made.start()
            yield made
        finally:
            made.close()


class RoleAgent:
    """Answers haproxy whether a node is a primary."""

    def __init__(self, node: PostgresNode) -> None:
        self._node = node
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with client, suppress(OSError):
                    client.sendall(b"up ready\n" if self._is_primary() else b"down\n")

    def _is_primary(self) -> bool:
        try:
            return self._node.execute("SELECT pg_is_in_recovery()") is False
        except psycopg.Error:
            return False

    def close(self) -> None:
        self._listener.close()
