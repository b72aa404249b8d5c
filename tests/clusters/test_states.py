"""Engines in a state in which they take no writes: exit 9 with the state, and the import goes on afterwards."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.imports.harness import ARGON2
from tests.installed_command import InstalledCommand
from tests.servers.own_server import MissingServer

from .galera import Galera, galera
from .poolers import pgbouncer
from .postgresql import Replication, replication
from .processes import wait_until

ROWS = 20
PASSWORD = "a long one of 17 letters"


def opened(manager: Any, stack: ExitStack) -> Any:
    try:
        return stack.enter_context(manager)
    except MissingServer as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Galera]:
    with ExitStack() as stack:
        yield opened(galera(), stack)


@pytest.fixture(scope="module")
def pair() -> Iterator[Replication]:
    with ExitStack() as stack:
        yield opened(replication(), stack)


class Commands:
    """Commands at *url* that do not wait for the server."""

    def __init__(self, lback: InstalledCommand, url: str) -> None:
        self._lback = lback
        self._place = {"LBACK_DATABASE_URL": url, "LBACK_DATABASE_RETRY_TIMEOUT": "0.5"}
        self.file = lback.directory / "users.csv"
        lines = [f'row{number},row{number}@example.org,"{ARGON2}",true\n' for number in range(ROWS)]
        self.file.write_text("username,email,password_hash,is_email_verified\n" + "".join(lines))

    def __call__(self, *arguments: str, **options: Any) -> Any:
        return self._lback(*arguments, **options, **self._place)

    def set_up(self) -> None:
        done = self("db", "init")
        assert done.status == 0, done.err

    def register(self, name: str) -> Any:
        address = f"{name}@example.org"
        return self("user", "register", name, "--email", address, "--password-stdin", "-o", "json", input=PASSWORD)

    def import_file(self, *options: str) -> Any:
        return self("user", "import", str(self.file), "--mail", "none", "-o", "json", *options)

    def check_refused(self, state: str) -> None:
        """Check that writing commands end with 9 and *state*."""
        for done in (self.register("ann"), self.import_file()):
            assert (done.status, done.out) == (9, ""), done.err
            # The line before it may say that the event of the failure could not be stored.
            assert state in json.loads(done.err.splitlines()[-1])["error"]["message"]

    def check_resumed(self) -> None:
        """Check that the import can be made now, and that nothing else was stored."""
        done = self.import_file("--resume")
        assert done.status == 0, done.err
        listed = self("user", "list", "-o", "json").result
        assert sorted(user["username"] for user in listed) == sorted(f"row{number}" for number in range(ROWS))
        events = self("events", "list", "--signal", "user_registered", "-o", "json").result
        assert len(events) == ROWS
        assert self("events", "verify").status == 0


def test_node_without_a_quorum(cluster: Galera, lback: InstalledCommand) -> None:
    with cluster.database() as urls:
        commands = Commands(lback, urls[2])
        commands.set_up()
        cluster.settle()
        for place in (0, 1):
            cluster.fail("node", place)
        try:
            wait_until(cluster.nodes[2].require_no_quorum)
            commands.check_refused("is a node of a cluster that does not work at the moment")
            assert "does not work at the moment" in commands("doctor", "-o", "json").out
        finally:
            cluster.nodes[2].execute("SET GLOBAL wsrep_provider_options = 'pc.bootstrap=YES'")
            cluster.recover()
        commands.check_resumed()


def test_node_that_is_read_only(cluster: Galera, lback: InstalledCommand) -> None:
    with cluster.database() as urls:
        Commands(lback, urls[0]).set_up()
        name = urls[0].rpartition("/")[2].partition("?")[0]
        cluster.execute("CREATE OR REPLACE USER app@'127.0.0.1'", f"GRANT ALL ON {name}.* TO app@'127.0.0.1'")
        cluster.settle()
        commands = Commands(lback, urls[1].replace("root@", "app@"))
        cluster.nodes[1].execute("SET GLOBAL read_only = ON")
        try:
            commands.check_refused("is read-only: it is a standby, or a primary that does not take writes.")
            assert commands("user", "list", "-o", "json").result == []
        finally:
            cluster.nodes[1].execute("SET GLOBAL read_only = OFF")
        commands.check_resumed()


def test_standby_until_it_is_promoted(pair: Replication, lback: InstalledCommand) -> None:
    with pair.database() as urls:
        Commands(lback, urls[0]).set_up()
        name = urls[0].rpartition("/")[2].partition("?")[0]
        commands = Commands(lback, f"postgresql+psycopg://postgres@127.0.0.1:{pair.standby.port}/{name}")
        commands.check_refused("is read-only: it is a standby, or a primary that does not take writes.")
        assert commands("user", "list", "-o", "json").result == []
        assert "standby" in commands("doctor", "-o", "json").out
        pair.fail("failover", 0)
        pair.recover()
        commands.check_resumed()


def test_primary_whose_synchronous_standby_is_away(pair: Replication, lback: InstalledCommand) -> None:
    with pair.database() as urls:
        commands = Commands(lback, urls[0])
        commands.set_up()
        pair.standby.crash()
        try:
            registered, imported = commands.register("ann"), commands.import_file()
            checked = commands("doctor", "-o", "json")
        finally:
            pair.recover()
        for done in (registered, imported):
            assert (done.status, done.out) == (9, ""), done.err
            error = json.loads(done.err.splitlines()[-1])["error"]
            assert (error["code"], error["message"]) == (
                "outcome_unknown",
                "The server has committed the change, but no synchronous standby confirmed it within 1 s.",
            )
        assert "Each commit waits for a synchronous standby, and none is connected" in checked.out
        done = commands.import_file("--resume")
        assert done.status == 0, done.err
        # The change was made, and only once.
        listed = commands("user", "list", "-o", "json").result
        assert sorted(user["username"] for user in listed) == sorted(["ann", *(f"row{n}" for n in range(ROWS))])
        events = commands("events", "list", "--signal", "user_registered", "-o", "json").result
        assert len(events) == ROWS + 1
        assert commands("events", "list", "--signal", "user_registration_failed", "-o", "json").result == []
        assert commands("events", "verify").status == 0


def test_pooler_without_transactions_is_refused(lback: InstalledCommand) -> None:
    with ExitStack() as stack:
        engine = opened(pgbouncer("statement"), stack)
        with engine.database() as urls:
            done = Commands(lback, urls[0])("db", "init", "-o", "json")
            assert (done.status, done.out) == (9, ""), done.err
            assert "lets through no transactions" in done.error["message"], done.err
            name = urls[0].rpartition("/")[2]
            tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
            assert engine.node.execute(tables, name=name) == 0
