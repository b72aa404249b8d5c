"""What may stand between lback and a server: PgBouncer and haproxy."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import psycopg
import pymysql

from tests.servers.own_server import free_port, server_directory, write_file

from .galera import Galera, galera
from .packages import debian_program
from .postgresql import PostgresNode, Replication, RoleAgent, SinglePostgres, replication, single_postgresql
from .processes import ServerProcess, wait_until

PGBOUNCER = """
[databases]
* = host=127.0.0.1 port={server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
admin_users = postgres
pool_mode = {mode}
; A contest begins when all of its 32 processes are connected.
default_pool_size = 40
min_pool_size = 0
server_login_retry = 1
max_client_conn = 500
"""


def connect(port: int, name: str) -> Any:
    return psycopg.connect(
        host="127.0.0.1", port=port, user="postgres", dbname=name, connect_timeout=3, autocommit=True
    )


class PgBouncer(SinglePostgres):
    """A pooler in front of one server, which is also killed."""

    failures = ("pooler", "server", "connections")

    def __init__(self, node: PostgresNode, pooler: ServerProcess, port: int) -> None:
        super().__init__(node)
        self._pooler = pooler
        self._port = port

    def urls(self, name: str) -> list[str]:
        return [f"postgresql+psycopg://postgres@127.0.0.1:{self._port}/{name}"]

    def fail(self, failure: str, place: int) -> None:
        if failure == "pooler":
            self._pooler.kill()
        else:
            super().fail(failure, place)

    def recover(self) -> None:
        super().recover()
        if not self._pooler.runs:
            self._pooler.start(ready=lambda: connect(self._port, "pgbouncer").close())


@contextmanager
def pgbouncer(mode: str) -> Iterator[PgBouncer]:
    """Run PgBouncer in that mode, and a server. Raises `MissingServer`."""
    program = debian_program("pgbouncer")
    with single_postgresql() as server, server_directory("postgres") as (directory, identity):
        port = free_port()
        write_file(directory, "pgbouncer.ini", PGBOUNCER.format(server=server.node.port, port=port, mode=mode))
        pooler = ServerProcess("pgbouncer", [program, str(directory / "pgbouncer.ini")], directory, identity)
        engine = PgBouncer(server.node, pooler, port)
        try:
            engine.recover()
            yield engine
        finally:
            pooler.kill()


class Backend(NamedTuple):
    """A server behind haproxy, with options of its line."""

    port: int
    options: str = "check"


@contextmanager
def haproxy(backends: Sequence[Backend], balance: str = "first") -> Iterator[int]:
    """Run haproxy in front of servers, and yield its port. Raises `MissingServer`."""
    program = debian_program("haproxy")
    with server_directory("nobody") as (directory, identity):
        port = free_port()
        servers = [
            f"    server s{number} 127.0.0.1:{backend.port} {backend.options}"
            for number, backend in enumerate(backends)
        ]
        lines = [
            *("defaults", "    mode tcp", "    timeout connect 2s", "    timeout client 1h", "    timeout server 1h"),
            *("    option redispatch", "    retries 2"),
            *("listen database", f"    bind 127.0.0.1:{port}", f"    balance {balance}"),
            "    default-server inter 300ms fall 1 rise 1 on-marked-down shutdown-sessions",
            *servers,
        ]
        write_file(directory, "haproxy.cfg", "\n".join([*lines, ""]))
        command = [program, "-db", "-f", str(directory / "haproxy.cfg")]
        process = ServerProcess("haproxy", command, directory, identity)
        process.launch()
        try:
            yield port
        finally:
            process.kill()


class ProxiedReplication(Replication):
    """A primary with a standby behind haproxy, which leads to the one that takes writes."""

    name = "postgresql-haproxy"

    def __init__(self, engine: Replication, port: int) -> None:
        super().__init__(engine.nodes)
        self._port = port

    def urls(self, name: str) -> list[str]:
        return [f"postgresql+psycopg://postgres@127.0.0.1:{self._port}/{name}?connect_timeout=3"]


@contextmanager
def proxied_replication() -> Iterator[ProxiedReplication]:
    """Run haproxy in front of a primary and a standby. Raises `MissingServer`."""
    with replication() as engine, ExitStack() as opened:
        backends = []
        for node in engine.nodes:
            agent = RoleAgent(node)
            opened.callback(agent.close)
            backends.append(Backend(node.port, f"check agent-check agent-port {agent.port} agent-inter 200ms"))
        port = opened.enter_context(haproxy(backends))
        made = ProxiedReplication(engine, port)
        wait_until(lambda: connect(port, "postgres").close())
        yield made


class ProxiedGalera(Galera):
    """A cluster behind haproxy, which leads to one node at a time."""

    name = "galera-haproxy"

    def __init__(self, cluster: Galera, port: int) -> None:
        super().__init__(cluster.nodes)
        self._port = port

    def urls(self, name: str) -> list[str]:
        return [f"mariadb+pymysql://root@127.0.0.1:{self._port}/{name}?charset=utf8mb4"]

    def fail(self, failure: str, place: int) -> None:  # noqa: ARG002 - there is one place, which is the first that works
        super().fail(failure, 0)


@contextmanager
def proxied_galera() -> Iterator[ProxiedGalera]:
    """Run haproxy in front of a cluster. Raises `MissingServer`."""
    with galera() as cluster:
        first, *others = cluster.nodes
        backends = [Backend(first.port), *(Backend(node.port, "check backup") for node in others)]
        with haproxy(backends) as port:
            made = ProxiedGalera(cluster, port)
            wait_until(lambda: pymysql.connect(host="127.0.0.1", port=port, user="root").close())
            yield made
