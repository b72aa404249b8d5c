"""Fixtures that more than one part of the tests needs."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.parser import Parser
from email.policy import SMTPUTF8
from email.policy import default as default_policy
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn, cast
from uuid import uuid4

import hypothesis
import pytest
from sqlalchemy import create_engine, text

from tests.fork_server import ForkServer

# How long an example takes says more about the machine than about lback.
hypothesis.settings.register_profile("lback", deadline=None)
hypothesis.settings.load_profile("lback")

# Who starts the tests in the background lets them ignore Ctrl-C, and with them every command that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True)
class ReceivedMail:
    """A mail as the server got it: its envelope, its parsed content, and how it came."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    mail_options: list[str]
    encrypted: bool
    login: str | None


@dataclass(frozen=True)
class MailServer:
    """A running SMTP server.

    ``messages`` has the accepted mails, ``logins`` the (name, password) pairs that were tried. ``options`` are the
    keys of ``[email]`` that lead to this server, ``environment`` the same as variables for an ``lback`` process.
    """

    host: str
    port: int
    ca_file: Path
    options: dict[str, Any]
    messages: list[ReceivedMail] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {f"LBACK_EMAIL_{key}".upper(): str(value) for key, value in self.options.items()}


@pytest.fixture(scope="session")
def certificate_authority() -> Any:
    """A `trustme` authority that signs the test servers' certificates."""
    import trustme

    return trustme.CA()


@pytest.fixture
def smtp_server(
    tmp_path_factory: pytest.TempPathFactory, certificate_authority: Any
) -> Iterator[Callable[..., MailServer]]:
    """Start SMTP servers, each on a port of its own: ``smtp_server(security, login=, answers=, hostname=)``.

    *security* is starttls, tls or none. With *login*, a (name, password), mail is accepted only after it. *answers*
    replaces the server's own answer to MAIL, RCPT, DATA (the mail's end) or QUIT. *hostname* is what the certificate
    says; the server always listens on localhost.
    """
    with ExitStack() as running:

        def start(
            security: Security = "starttls",
            *,
            login: tuple[str, str] | None = None,
            answers: Mapping[str, str] | None = None,
            hostname: str = "localhost",
            smtputf8: bool = True,
        ) -> MailServer:
            directory = tmp_path_factory.mktemp("smtp")
            ca_file = directory / "ca.pem"
            certificate_authority.cert_pem.write_to_path(str(ca_file))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate_authority.issue_cert(hostname).configure_cert(context)
            messages: list[ReceivedMail] = []
            logins: list[tuple[str, str]] = []
            handler = _Handler(messages, logins, login, dict(answers or {}))
            controller = _controller(handler, security, context, smtputf8=smtputf8)
            controller.start()
            running.callback(controller.stop)
            options: dict[str, Any] = {
                "transport": "smtp",
                "host": "localhost",
                "port": controller.port,
                "security": security,
                "ca_file": ca_file,
            }
            if login is not None:
                password_file = directory / "password"
                password_file.write_text(login[1] + "\n", "utf-8")
                options |= {"username": login[0], "password_file": password_file}
            return MailServer("localhost", controller.port, ca_file, options, messages, logins)

        yield start


def _controller(handler: "_Handler", security: Security, context: ssl.SSLContext, *, smtputf8: bool) -> Any:
    from aiosmtpd.controller import Controller

    class FreePortController(Controller):
        """Lets the system choose the port: the stock controller has to be told one that may be taken by then."""

        def _create_server(self) -> Awaitable[Any]:
            listener = socket.create_server(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
            created = self.loop.create_server(self._factory_invoker, sock=listener, ssl=self.ssl_context)
            return cast("Awaitable[Any]", created)

    return FreePortController(
        handler,
        hostname="127.0.0.1",
        authenticator=handler.authenticate,
        # aiosmtpd knows TLS only as STARTTLS; under implicit TLS it would offer no login otherwise.
        auth_require_tls=security == "starttls",
        enable_SMTPUTF8=smtputf8,
        tls_context=context if security == "starttls" else None,
        ssl_context=context if security == "tls" else None,
    )


@dataclass
class _Handler:
    """aiosmtpd's hooks; it finds them by name."""

    messages: list[ReceivedMail]
    logins: list[tuple[str, str]]
    login: tuple[str, str] | None
    answers: dict[str, str]

    def authenticate(self, _server: Any, session: Any, _envelope: Any, _mechanism: str, data: Any) -> Any:
        from aiosmtpd.smtp import AuthResult

        tried = (data.login.decode(), data.password.decode())
        self.logins.append(tried)
        session.user_name = tried[0]
        return AuthResult(success=tried == self.login, handled=False)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd calls it so
        self, _server: Any, session: Any, envelope: Any, address: str, options: Sequence[str]
    ) -> str:
        if self.login is not None and not session.authenticated:
            return "530 5.7.0 Authentication required"
        if "MAIL" not in self.answers:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return self.answers.get("MAIL", "250 2.1.0 OK")

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Sequence[str]
    ) -> str:
        if "RCPT" not in self.answers:
            envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 2.1.5 OK")

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd calls it so
        if "DATA" not in self.answers:
            self.messages.append(
                ReceivedMail(
                    sender=envelope.mail_from,
                    recipients=list(envelope.rcpt_tos),
                    message=Parser(policy=SMTPUTF8).parsestr(envelope.content.decode("utf-8")),
                    mail_options=list(envelope.mail_options),
                    encrypted=server.transport.get_extra_info("ssl_object") is not None,
                    login=session.user_name if session.authenticated else None,
                )
            )
        return self.answers.get("DATA", "250 2.0.0 OK")

    async def handle_QUIT(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802 - aiosmtpd calls it so
        return self.answers.get("QUIT", "221 2.0.0 Bye")


class Finished(NamedTuple):
    """How a run of `lback` ended, to be compared with a plain ``(status, out, err)``."""

    status: int
    out: str
    err: str

    @property
    def result(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """What the one JSON object on stderr says."""
        return json.loads(self.err)["error"]


@dataclass(frozen=True)
class InstalledCommand:
    """Runs `lback` in processes of their own: ``lback("user", "list", input=, **variables)``.

    *environment* is clean but for the cheapest Argon2; home, configuration and data are in *directory*, which is also
    the current one. A keyword in capitals sets a variable for that run. A call forks the process from *forks*, unless
    it has options of `subprocess.Popen`; `start` runs the installed script.
    """

    directory: Path
    environment: dict[str, str]
    forks: ForkServer

    def __call__(self, *arguments: str | bytes, input: str | bytes = b"", **options: Any) -> Finished:  # noqa: A002
        raw = input.encode("utf-8", "surrogateescape") if isinstance(input, str) else input
        environment = self.environment | {name: str(value) for name, value in options.items() if name.isupper()}
        if all(map(str.isupper, options)) and self.forks.accepts(environment):
            status, *outputs = self.forks.run(arguments, environment=environment, directory=self.directory, stdin=raw)
            return Finished(status, *(output.decode("utf-8", "replace") for output in outputs))
        process = self.start(*arguments, **{"stdin": subprocess.PIPE} | options)
        try:
            out, err = process.communicate(None if "stdin" in options else raw, timeout=60)
        finally:
            process.kill()
            process.wait()
        return Finished(process.returncode, *(("" if s is None else s.decode("utf-8", "replace")) for s in (out, err)))

    def start(self, *arguments: str | bytes, **options: Any) -> "subprocess.Popen[bytes]":
        """Start it; keywords in capitals are variables, others are those of `subprocess.Popen`."""
        variables = {name: str(options.pop(name)) for name in list(options) if name.isupper()}
        # A test run under nohup ignores the hang-up, and a child would inherit that.
        hear = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL)}
        streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | hear | options
        environment = self.environment | variables
        return subprocess.Popen([self.program, *arguments], env=environment, cwd=self.directory, **streams)

    @property
    def program(self) -> str:
        """The `lback` beside this Python."""
        return str(Path(sys.executable).with_name("lback"))

    @property
    def database(self) -> Path:
        """The SQLite file that is used where none is configured."""
        return self.directory / "data" / "lback" / "lback.db"

    @property
    def mails(self) -> list[EmailMessage]:
        """What transport ``file`` wrote, the oldest first."""
        files = sorted((self.database.parent / "mail").glob("*.eml"))
        return [message_from_bytes(file.read_bytes(), policy=default_policy) for file in files]


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """The process that runs commands by forking."""
    server = ForkServer()
    yield server
    server.close()


@pytest.fixture
def lback(tmp_path: Path, fork_server: ForkServer) -> InstalledCommand:
    """The installed command, with nothing configured."""
    return InstalledCommand(
        tmp_path,
        {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "XDG_DATA_HOME": str(tmp_path / "data"),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "LBACK_PASSWORD_MEMORY": "19456",
            "LBACK_PASSWORD_ITERATIONS": "2",
            "LBACK_PASSWORD_PARALLELISM": "1",
        },
        fork_server,
    )


@pytest.fixture
def token_in() -> Callable[[EmailMessage], str]:
    """Reads the token off the link in a mail."""

    def read(mail: EmailMessage) -> str:
        body = mail.get_body(("plain",))
        assert body is not None
        found = re.search(r"token=([\w-]{43})(?![\w-])", body.get_content())
        assert found is not None, body.get_content()
        return found[1]

    return read


def _unavailable(service: str, reason: str) -> NoReturn:
    """Skip a test of a service that does not run; fail it where ``LBACK_REQUIRE_SERVICES`` says that it must."""
    if service in os.environ.get("LBACK_REQUIRE_SERVICES", "").split(","):
        pytest.fail(f"{service} is required: {reason}", pytrace=False)
    pytest.skip(f"{service} is not reachable: {reason}")


@pytest.fixture(scope="session")
def unavailable() -> Callable[[str, str], NoReturn]:
    """Say why a service cannot be tested: that skips the test, or fails it where the service is required."""
    return _unavailable


@contextmanager
def _on_postgresql(options: str = "") -> Iterator[str]:
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
    import pymysql

    name = f"lback_test_{uuid4().hex}"
    try:
        server = pymysql.connect(host="127.0.0.1", port=3306, user="root", password="", connect_timeout=5)
    except pymysql.Error as error:
        _unavailable("mariadb", str(error))
    with server, server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} {options}")
        # The server hangs up on who is silent for longer than a long test may take.
        cursor.execute("SET SESSION wait_timeout = 86400")
        try:
            yield f"mariadb+pymysql://root@127.0.0.1:3306/{name}?charset=utf8mb4"
        finally:
            # Nothing is dropped that a transaction which a failed test left open has read, for as long as it is open.
            cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", (name,))
            for (connection,) in cursor.fetchall():
                with suppress(pymysql.Error):
                    cursor.execute(f"KILL {connection}")
            cursor.execute(f"DROP DATABASE {name}")


@pytest.fixture(scope="session")
def database_on() -> Callable[..., AbstractContextManager[str]]:
    """``with database_on("postgresql") as url``: an empty database of its own on that server of this machine.

    A second argument says how it is made, in the words of CREATE DATABASE.
    """
    servers: dict[str, Callable[..., AbstractContextManager[str]]]
    servers = {"postgresql": _on_postgresql, "mariadb": _on_mariadb}
    return lambda service, *options: servers[service](*options)


class Guest:
    """A user of the server at *url* who may do nothing with the database but connect to it, and what is granted.

    *account* is what the server calls it; its own *url* is to the same database.
    """

    def __init__(self, url: str) -> None:
        self._owners = create_engine(url)
        self.on_postgresql = url.startswith("postgresql")
        self.name = f"lback_test_{uuid4().hex[:12]}"
        self.account = self.name if self.on_postgresql else f"'{self.name}'@'%'"
        self.url = url.replace("root@", f"{self.name}@")

    def execute(self, *statements: str) -> None:
        """As the database's owner."""
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
    """The URL of an empty database of its own on the PostgreSQL server of this machine."""
    with _on_postgresql() as url:
        yield url


@pytest.fixture
def mariadb_url() -> Iterator[str]:
    """The URL of an empty database of its own on the MariaDB server of this machine."""
    with _on_mariadb() as url:
        yield url


@pytest.fixture
def redis_url() -> str:
    """The URL of the Redis server of this machine; tests keep to keys of their own."""
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
    """The URL of the RabbitMQ broker of this machine; tests keep to queues of their own."""
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
    """The URL of the NATS server of this machine, with JetStream; tests keep to streams of their own."""
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
