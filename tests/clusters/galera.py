"""A Galera cluster of three nodes of MariaDB."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pymysql

from tests.servers.own_server import free_port, program, run_program, server_directory

from .engine import Engine
from .packages import galera_library
from .processes import ServerProcess


class GaleraNode:
    """One node, in a subdirectory of *directory*."""

    def __init__(self, number: int, ports: Sequence[int], directory: Path, identity: dict[str, Any]) -> None:
        self.port = free_port()
        self._identity = identity
        self._data = directory / f"node{number}"
        group, snapshots, increments = ports[number], free_port(), free_port()
        provider = {
            "base_host": "127.0.0.1",
            "base_port": group,
            "gmcast.listen_addr": f"tcp://127.0.0.1:{group}",
            "ist.recv_addr": f"127.0.0.1:{increments}",
            "ist.recv_bind": f"127.0.0.1:{increments}",
            "evs.keepalive_period": "PT0.3S",
            "evs.inactive_check_period": "PT0.3S",
            "evs.suspect_timeout": "PT1S",
            "evs.inactive_timeout": "PT3S",
            "evs.install_timeout": "PT3S",
            "gcache.size": "64M",
        }
        settings = {
            "datadir": self._data,
            "port": self.port,
            "bind-address": "127.0.0.1",
            "socket": directory / f"socket{number}",
            "pid-file": directory / f"pid{number}",
            "innodb_autoinc_lock_mode": 2,
            "innodb_flush_log_at_trx_commit": 0,  # the other nodes have what a killed node loses
            "binlog_format": "ROW",
            "max_connections": 300,
            "max_connect_errors": 1_000_000,  # the checks of haproxy are connections that are not used
            "wsrep_on": "ON",
            "wsrep_provider": galera_library(),
            "wsrep_cluster_name": "lback",
            "wsrep_cluster_address": "gcomm://" + ",".join(f"127.0.0.1:{port}" for port in ports),
            "wsrep_node_name": f"node{number}",
            "wsrep_node_address": f"127.0.0.1:{group}",
            "wsrep_sst_method": "rsync",
            "wsrep_sst_receive_address": f"127.0.0.1:{snapshots}",
            "wsrep_provider_options": ";".join(f"{key}={value}" for key, value in provider.items()),
        }
        self._command = [program("mariadbd"), "--no-defaults", *(f"--{key}={value}" for key, value in settings.items())]
        self.process = ServerProcess(f"node{number}", self._command, directory, identity)

    def initialize(self) -> None:
        install = [program("mariadb-install-db"), "--no-defaults", f"--datadir={self._data}", "--skip-test-db"]
        run_program([*install, "--auth-root-authentication-method=normal"], self._identity)

    def start(self, *options: str) -> None:
        """Start the node, and wait until it has what the others have."""
        self.process.start(*options, ready=self._require_synchronized, timeout=120)

    def restart(self) -> None:
        """Start the node after a crash, from the position that it had reached."""
        recovery = subprocess.run(
            [*self._command, "--wsrep-recover"], **self._identity, capture_output=True, text=True, check=False
        )
        found = [line for line in recovery.stderr.splitlines() if "Recovered position:" in line]
        position = found[-1].rpartition("position:")[2].strip().partition(",")[0] if found else ""
        self.start(*([f"--wsrep_start_position={position}"] if position else []))

    def connect(self) -> Any:
        return pymysql.connect(host="127.0.0.1", port=self.port, user="root", autocommit=True, connect_timeout=5)

    def execute(self, *statements: str) -> Any:
        """Execute statements, and return the last column of the first row of the last."""
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            row = cursor.fetchone()
            return row[-1] if row else None

    def require_no_quorum(self) -> None:
        """Raise an error if the node is in a part of the cluster that has a quorum, so far as it knows."""
        state = self.execute("SHOW STATUS LIKE 'wsrep_cluster_status'")
        if state == "Primary":
            raise AssertionError(state)

    def _require_synchronized(self) -> None:
        state = self.execute("SHOW STATUS LIKE 'wsrep_local_state_comment'")
        assert state == "Synced", f"its state is {state}"


class Galera(Engine):
    """Three nodes that all take writes."""

    name = "galera"
    failures = ("node", "frozen node")

    _SEES_ALL: ClassVar = "SET SESSION wsrep_sync_wait = 1"

    def __init__(self, nodes: Sequence[GaleraNode]) -> None:
        self.nodes = list(nodes)
        self._failed: list[GaleraNode] = []

    def start(self) -> None:
        for node in self.nodes:
            node.initialize()
        first, *others = self.nodes
        first.start("--wsrep-new-cluster")
        for node in others:
            node.start()

    def urls(self, name: str) -> list[str]:
        return [f"mariadb+pymysql://root@127.0.0.1:{node.port}/{name}?charset=utf8mb4" for node in self.nodes]

    def leave_no_gaps(self) -> None:
        # Each node leaves gaps for the ids of the others.
        gapless = "wsrep_auto_increment_control = OFF, auto_increment_increment = 1, auto_increment_offset = 1"
        for node in self.nodes:
            node.execute("SET GLOBAL " + gapless.replace(", ", ", GLOBAL "))

    def execute(self, *statements: str) -> None:
        self._working[0].execute(*statements)

    @property
    def _working(self) -> list[GaleraNode]:
        return [node for node in self.nodes if node not in self._failed]

    def fail(self, failure: str, place: int) -> None:
        node = self.nodes[place]
        self._failed.append(node)
        if failure == "node":
            node.process.kill()
        else:
            # The others evict a node that does not answer.
            node.process.send(signal.SIGSTOP)

    def recover(self) -> None:
        for node in self._failed:
            if node.process.runs:
                node.process.send(signal.SIGCONT)
                node.process.kill()
            node.restart()
        self._failed.clear()
        self.settle()

    def settle(self) -> None:
        for node in self.nodes:
            node.execute(self._SEES_ALL, "SELECT count(*) FROM mysql.user")

    def close(self) -> None:
        for node in self.nodes:
            node.process.send(signal.SIGCONT)
            node.process.kill()


@contextmanager
def galera() -> Iterator[Galera]:
    """Run a cluster of three nodes. Raises `MissingServer`."""
    galera_library()
    program("rsync")
    with server_directory("mysql") as (directory, identity):
        ports = [free_port() for _ in range(3)]
        # The script that copies a node finds its programs in PATH.
        identity |= {"env": {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/usr/bin:/sbin:/bin"}}
        cluster = Galera([GaleraNode(number, ports, directory, identity) for number in range(3)])
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.close()
