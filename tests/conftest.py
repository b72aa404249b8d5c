"""Fixtures that several packages of tests use."""

import re
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import Parser
from email.policy import SMTPUTF8
from pathlib import Path
from typing import Any, Literal, cast
from uuid import uuid4

import hypothesis
import pytest

pytest_plugins = ("tests.installed_command", "tests.services")

# The time of an example depends on the load of the machine.
hypothesis.settings.register_profile("lback", deadline=None)
hypothesis.settings.load_profile("lback")

# A shell lets background jobs ignore SIGINT, and every command of the tests would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True)
class ReceivedMail:
    """A received mail: its envelope, its parsed content, and the protocol."""

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


@pytest.fixture(autouse=True)
def state_directory(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what lback remembers of event logs apart for each test. The directory is made when it is needed."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state" / uuid4().hex))


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
        """Lets the system choose the port. The base class needs a given port, which may be taken meanwhile."""

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
    """The hooks of aiosmtpd, which calls them by name."""

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


@pytest.fixture
def token_in() -> Callable[[EmailMessage], str]:
    """Return a function that reads the token in the link of a mail."""

    def read(mail: EmailMessage) -> str:
        body = mail.get_body(("plain",))
        assert body is not None
        found = re.search(r"token=([\w-]{43})(?![\w-])", body.get_content())
        assert found is not None, body.get_content()
        return found[1]

    return read
