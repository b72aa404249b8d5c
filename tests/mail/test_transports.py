import gc
import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTPUTF8
from pathlib import Path
from typing import Any

import pytest

from lback_cli.errors import ConfigurationError, MailError
from lback_cli.mail.message import compose
from lback_cli.mail.smtp import SmtpTransport
from lback_cli.mail.templates import Content
from lback_cli.mail.transports import FileTransport, build_transport
from lback_cli.settings.schema import EmailSettings
from tests.relay.peers import Peer, forwards

LOGIN = ("postmaster", "correct horse battery staple")
LOGGED_IN = {"username": LOGIN[0]}


@pytest.fixture(autouse=True)
def _sockets_are_closed() -> Iterator[None]:
    """Fail the test that left a socket or a file open."""
    # Older objects are not collected, which would take most of a second after thousands of tests.
    gc.freeze()
    yield
    gc.collect()
    gc.unfreeze()


def mail(recipient: str = "ann@example.org") -> EmailMessage:
    content = Content("Hello", "Open https://example.org/?token=abc\n.\nFrom here\n", "<p>Open it</p>\n")
    return compose(
        content,
        sender="accounts@example.org",
        sender_name="Example",
        recipient=recipient,
        message_id="<0123456789abcdef@example.org>",
    )


def body(message: EmailMessage, kind: str) -> str:
    part: Any = message.get_body((kind,))
    return str(part.get_content()).replace("\r\n", "\n")


def deliver(options: dict[str, Any], recipient: str = "ann@example.org", **changes: Any) -> None:
    SmtpTransport(EmailSettings(**{**options, **changes})).deliver(mail(recipient))


class ScriptedServer:
    """A server for one connection that answers commands from a script, None being silence, and records its input."""

    DRIPS = "250-drips"

    def __init__(self, script: dict[str, str | None]) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._finished = threading.Event()
        self.received = b""
        self.options = {"host": "localhost", "port": self._listener.getsockname()[1], "timeout": 0.3}
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        self._listener.settimeout(5)
        with suppress(OSError):
            connection, _ = self._listener.accept()
            connection.settimeout(5)
            with connection, connection.makefile("rb") as lines:
                self._converse(connection, lines)

    def _converse(self, connection: socket.socket, lines: Iterable[bytes]) -> None:
        self._answer(connection, "CONNECT")
        in_mail = False
        for line in lines:
            self.received += line
            verb = line.split()[0].decode().upper() if line.split() else ""
            if in_mail and line != b".\r\n":
                continue
            self._answer(connection, "." if in_mail else verb)
            in_mail = verb == "DATA"

    def _answer(self, connection: socket.socket, verb: str) -> None:
        defaults = {"CONNECT": "220 ready", "DATA": "354 go ahead", "QUIT": "221 bye"}
        answer = self._script.get(verb, defaults.get(verb, "250 OK"))
        if answer is None:
            self._finished.wait(5)
        elif answer == self.DRIPS:
            while not self._finished.wait(0.05):
                connection.sendall(b"2")
        else:
            connection.sendall(answer.encode() + b"\r\n")

    def stop(self) -> None:
        self._finished.set()
        self._listener.close()
        self._thread.join()


@pytest.fixture
def scripted_server() -> Iterator[Callable[..., ScriptedServer]]:
    servers: list[ScriptedServer] = []

    def start(script: dict[str, str | None]) -> ScriptedServer:
        servers.append(ScriptedServer(script))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def test_mail_is_written_to_a_private_file(tmp_path: Path) -> None:
    directory = tmp_path / "outbox"
    message = mail()

    FileTransport(directory).deliver(message)

    (file,) = directory.iterdir()
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.suffix == ".eml"
    assert b"\r" not in file.read_bytes()
    parsed = BytesParser(policy=SMTPUTF8).parsebytes(file.read_bytes())
    assert parsed.items() == message.items()
    assert [body(parsed, kind) for kind in ("plain", "html")] == [body(message, kind) for kind in ("plain", "html")]


def test_names_of_files_sort_in_the_order_of_sending(tmp_path: Path) -> None:
    transport = FileTransport(tmp_path)
    recipients = [f"user{number}@example.org" for number in range(50)]

    for recipient in recipients:
        transport.deliver(mail(recipient))

    files = sorted(tmp_path.iterdir())
    assert [BytesParser(policy=SMTPUTF8).parsebytes(file.read_bytes())["To"] for file in files] == recipients


def test_existing_file_is_not_replaced(tmp_path: Path) -> None:
    transport = FileTransport(tmp_path)
    transport._write("taken", b"first")

    with pytest.raises(FileExistsError):
        transport._write("taken", b"second")

    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"taken.eml": b"first"}


def test_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")

    with pytest.raises(MailError, match=r"Cannot write mail to .*file") as caught:
        FileTransport(blocked).deliver(mail())

    assert isinstance(caught.value.__cause__, OSError)
    assert "email.directory" in str(caught.value.hint)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_mail_is_not_written_through_a_linked_directory_of_another_user(tmp_path: Path) -> None:
    shared, target = tmp_path / "shared", tmp_path / "target"
    target.mkdir()
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "link").symlink_to(target)
    os.chown(shared / "link", 65534, 65534, follow_symlinks=False)
    for directory in (shared / "link", shared / "link" / "mail"):
        with pytest.raises(MailError, match="another user made a symbolic link in its path"):
            FileTransport(directory).deliver(mail())
    assert list(target.iterdir()) == []


def test_setting_selects_the_transport(tmp_path: Path) -> None:
    build_transport(EmailSettings(), default_directory=tmp_path / "default").deliver(mail())
    build_transport(EmailSettings(directory=tmp_path / "own"), default_directory=tmp_path / "default").deliver(mail())

    assert [len(list((tmp_path / name).iterdir())) for name in ("default", "own")] == [1, 1]
    assert isinstance(build_transport(EmailSettings(transport="smtp"), default_directory=tmp_path), SmtpTransport)


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
def test_mail_reaches_the_server_unchanged(smtp_server: Any, security: str) -> None:
    server = smtp_server(security)
    message = mail()

    SmtpTransport(EmailSettings(**server.options)).deliver(message)

    (received,) = server.messages
    assert (received.sender, received.recipients) == ("accounts@example.org", ["ann@example.org"])
    assert received.encrypted == (security != "none")
    assert received.login is None
    assert received.message.items() == message.items()
    for kind in ("plain", "html"):
        assert body(received.message, kind) == body(message, kind)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_password_is_sent_over_tls(smtp_server: Any, security: str) -> None:
    server = smtp_server(security, login=LOGIN)

    deliver(server.options)

    assert server.logins == [LOGIN]
    assert [(received.login, received.encrypted) for received in server.messages] == [(LOGIN[0], True)]


def test_password_is_the_first_line_of_its_file(smtp_server: Any) -> None:
    server = smtp_server(login=LOGIN)
    server.options["password_file"].write_bytes(LOGIN[1].encode() + b"\r\nsecond line\n")

    deliver(server.options)

    assert server.logins == [LOGIN]


def test_wrong_password_is_reported(smtp_server: Any) -> None:
    server = smtp_server(login=LOGIN)
    server.options["password_file"].write_text("wrong")

    with pytest.raises(MailError, match=rf"The mail server localhost:{server.port} refused the login: 535 ") as caught:
        deliver(server.options)

    assert "email.password_file" in str(caught.value.hint)
    assert "wrong" not in str(caught.value)
    assert server.messages == []


def test_missing_login_is_reported(smtp_server: Any) -> None:
    server = smtp_server(login=LOGIN)

    with pytest.raises(MailError, match=r"refused the sender: 530 5\.7\.0 Authentication required") as caught:
        deliver(server.options, username="", password_file=None)

    assert "email.username" in str(caught.value.hint)


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("fault", ["another authority", "another name"])
def test_untrusted_server_is_sent_nothing(smtp_server: Any, security: str, fault: str) -> None:
    server = smtp_server(
        security, login=LOGIN, hostname="elsewhere.example" if fault == "another name" else "localhost"
    )
    changes: dict[str, Any] = {"ca_file": None} if fault == "another authority" else {}

    with pytest.raises(MailError, match="has a certificate that is not trusted: ") as caught:
        deliver(server.options, **changes)

    assert "email.ca_file" in str(caught.value.hint)
    assert caught.value.__cause__ is not None
    assert (server.logins, server.messages) == ([], [])


def test_server_without_starttls_is_sent_nothing(scripted_server: Any, tmp_path: Path) -> None:
    server = scripted_server({"EHLO": "250-localhost\r\n250 AUTH PLAIN LOGIN", "AUTH": "235 welcome"})
    password = tmp_path / "password"
    password.write_text(LOGIN[1])

    with pytest.raises(MailError, match=r"does not offer STARTTLS, so nothing was sent\."):
        deliver(server.options, username=LOGIN[0], password_file=password)

    server.stop()
    assert server.received.lower().startswith(b"ehlo ")
    assert server.received.count(b"\n") == 1


def test_server_that_refuses_starttls_is_sent_nothing(scripted_server: Any) -> None:
    server = scripted_server({"EHLO": "250-localhost\r\n250 STARTTLS", "STARTTLS": "454 TLS not available"})

    with pytest.raises(MailError, match="refused: 454 TLS not available") as caught:
        deliver(server.options)

    server.stop()
    assert server.received.splitlines()[1:] == [b"STARTTLS"]
    assert "temporary" in str(caught.value.hint)


def test_server_without_auth_is_not_sent_the_password(smtp_server: Any, tmp_path: Path) -> None:
    server = smtp_server("none")
    password = tmp_path / "password"
    password.write_text(LOGIN[1])

    with pytest.raises(ConfigurationError, match="a password is never sent unprotected"):
        deliver(server.options, username=LOGIN[0], password_file=password)

    assert (server.logins, server.messages) == ([], [])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"username": "ann"}, "email.username is set, but email.password_file is not"),
        ({"username": "ann", "password_file": "missing"}, "cannot read .*missing: No such file"),
        ({"username": "ann", "password_file": "."}, "cannot read .*: Is a directory"),
        ({"username": "ann", "password_file": "empty"}, "the first line of .*empty is empty"),
        ({"username": "ann", "password_file": "latin1"}, "cannot read .*latin1: it is not UTF-8"),
        ({"username": "ann", "password_file": "accents"}, "must be plain ASCII"),
        ({"ca_file": "missing"}, "email.ca_file: cannot use .*missing: No such file"),
        ({"ca_file": "empty"}, "email.ca_file: cannot use .*empty"),
    ],
)
def test_bad_setting_is_named_before_connecting(tmp_path: Path, changes: dict[str, str], message: str) -> None:
    (tmp_path / "empty").write_text("\nsecond line\n")
    (tmp_path / "latin1").write_bytes(b"pass\xe9\n")
    (tmp_path / "accents").write_text("passé-secret\n", "utf-8")
    settings: dict[str, Any] = {
        key: tmp_path / value if key.endswith("_file") else value for key, value in changes.items()
    }

    with socket.create_server(("127.0.0.1", 0)) as listener:
        with pytest.raises(ConfigurationError, match=message) as caught:
            deliver({"host": "127.0.0.1", "port": listener.getsockname()[1]}, **settings)
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("stage", "answer", "event", "hint"),
    [
        ("MAIL", "553 5.1.8 not your address", "refused the sender: 553 5.1.8 not your address", "email.sender"),
        ("RCPT", "550 5.1.1 no such user", "refused the recipient: 550 5.1.1 no such user", "e-mail address"),
        ("RCPT", "450 4.2.1 greylisted", "refused the recipient: 450 4.2.1 greylisted", "temporary"),
        ("RCPT", "450 4.7.1 helo", "refused the recipient: 450 4.7.1 helo", "temporary"),
        ("RCPT", "552 5.2.2 full", "has no room for the recipient: 552 5.2.2 full", "when there is room"),
        ("RCPT", "552 too much", "has no room for the recipient: 552 too much", "when there is room"),
        ("MAIL", "552 5.3.4 limit", "refuses the mail as too large: 552 5.3.4 limit", "raise the limit"),
        ("MAIL", "552 limit", "refuses the mail as too large: 552 limit", "raise the limit"),
        ("DATA", "552 5.2.3 limit", "refuses the mail as too large: 552 5.2.3 limit", "raise the limit"),
        ("DATA", "554 5.6.0 not well-formed", "refused: 554 5.6.0 not well-formed", "say why"),
        ("DATA", "451 4.3.0 try later", "refused: 451 4.3.0 try later", "temporary"),
    ],
)
def test_refusal_repeats_the_answer(smtp_server: Any, stage: str, answer: str, event: str, hint: str) -> None:
    server = smtp_server(answers={stage: answer})

    with pytest.raises(MailError) as caught:
        deliver(server.options)

    assert caught.value.message == f"The mail server localhost:{server.port} {event}."
    assert hint in str(caught.value.hint)
    assert caught.value.__cause__ is not None
    assert server.messages == []


@pytest.mark.parametrize("stage", ["RCPT", "DATA"])
@pytest.mark.parametrize(
    ("answer", "settings", "hint"),
    [
        ("554 5.7.1 <ann@example.org>: Relay access denied", {}, "requires a login (email.username)"),
        ("530 5.7.0 Authentication required", {}, "requires a login (email.username)"),
        ("550 relaying denied", {}, "requires a login (email.username)"),
        ("553 5.7.1 <a@b.c>: Sender address rejected: not owned by user", LOGGED_IN, "email.sender and "),
        ("550 5.1.8 sender unknown", LOGGED_IN, "email.sender and email.envelope_sender"),
        ("550 5.1.7 bad sender", LOGGED_IN, "email.sender and email.envelope_sender"),
        ("550 5.7.1 <[127.0.0.1]>: Helo command rejected", LOGGED_IN, "email.ehlo_name"),
        ("550 5.7.1 <[127.0.0.1]>: Helo command rejected", {}, "email.ehlo_name"),
        ("550 5.4.5 Daily sending quota exceeded", LOGGED_IN, "The limit of postmaster at the mail server"),
        ("554 5.7.1 looks like spam", LOGGED_IN, "email.username, email.sender and email.ehlo_name"),
    ],
)
def test_refusal_of_us_names_the_setting(
    smtp_server: Any, stage: str, answer: str, settings: dict[str, str], hint: str
) -> None:
    server = smtp_server(login=LOGIN if settings else None, answers={stage: answer})

    with pytest.raises(MailError) as caught:
        deliver(server.options)

    assert caught.value.message == f"The mail server localhost:{server.port} refuses mail from lback: {answer}."
    assert hint in str(caught.value.hint)
    assert caught.value.verdict == "policy"


@pytest.mark.parametrize(
    ("stage", "answer", "verdict"),
    [
        ("RCPT", "550 5.1.1 no such user", "refused"),
        ("RCPT", "550 no such user", "refused"),
        ("RCPT", "556 5.1.10 null MX", "refused"),
        ("RCPT", "450 4.7.1 greylisted", "deferred"),
        ("RCPT", "552 5.2.2 full", "deferred"),
        ("RCPT", "552 full", "deferred"),
        ("DATA", "452 4.3.1 disk full", "deferred"),
        ("DATA", "554 5.6.0 malformed", "refused"),
        ("MAIL", "552 5.3.4 too large", "refused"),
        ("MAIL", "552 too large", "refused"),
        ("MAIL", "550 5.7.1 not you", "unreachable"),
        ("MAIL", "452 4.3.1 disk full", "unreachable"),
    ],
)
def test_answer_decides_whether_to_try_again(smtp_server: Any, stage: str, answer: str, verdict: str) -> None:
    server = smtp_server(answers={stage: answer})

    with pytest.raises(MailError) as caught:
        deliver(server.options)

    assert caught.value.verdict == verdict


def test_check_goes_as_far_as_the_recipient(scripted_server: Any) -> None:
    server = scripted_server({"RCPT": "554 5.7.1 Relay access denied"})

    with pytest.raises(MailError, match=r"refuses mail from lback: 554 5\.7\.1 Relay access denied"):
        SmtpTransport(EmailSettings(**server.options, security="none")).check()

    server.stop()
    commands = [line.partition(b":")[0] for line in server.received.lower().splitlines()]
    assert commands[1:] == [b"mail from", b"rcpt to", b"rset"]


@pytest.mark.parametrize("answer", ["550 5.1.1 no such user", "450 4.7.1 greylisted", "250 fine"])
def test_check_ignores_what_is_wrong_with_its_own_recipient(smtp_server: Any, answer: str) -> None:
    server = smtp_server(answers={"RCPT": answer})
    transport = SmtpTransport(EmailSettings(**server.options))

    assert transport.check() == f"localhost:{server.port} with STARTTLS"
    if answer.startswith("250"):
        transport.check("ann@example.org")
    else:
        with pytest.raises(MailError, match="refused the recipient"):
            transport.check("ann@example.org")
    assert server.messages == []


def test_names_and_addresses_of_the_sender_are_those_of_the_settings(scripted_server: Any) -> None:
    server = scripted_server({})

    deliver(server.options, security="none", ehlo_name="app1.example.org", envelope_sender="bounces@example.org")

    server.stop()
    assert server.received.splitlines()[:2] == [b"ehlo app1.example.org", b"mail FROM:<bounces@example.org>"]


@pytest.mark.parametrize(
    "changes", [{"ehlo_name": "a b"}, {"ehlo_name": "-"}, {"envelope_sender": "ann"}, {"ehlo_name": "é.example"}]
)
def test_bad_name_of_the_sender_is_refused(smtp_server: Any, changes: dict[str, str]) -> None:
    server = smtp_server()

    with pytest.raises(ConfigurationError, match=next(iter(changes))):
        deliver(server.options, **changes)

    assert server.messages == []


@pytest.mark.parametrize("stage", ["CONNECT", "EHLO", "RCPT", "."])
def test_server_that_answers_byte_by_byte_times_out(scripted_server: Any, stage: str) -> None:
    server = scripted_server({stage: ScriptedServer.DRIPS})

    with pytest.raises(MailError, match=r"did not answer within 0\.3 s"):
        deliver(server.options, security="none")


def test_quit_is_not_waited_for_as_long_as_for_a_mail(scripted_server: Any) -> None:
    server = scripted_server({"QUIT": None})
    started = time.monotonic()

    deliver(server.options, security="none", timeout=30)

    assert time.monotonic() - started < 10


def test_what_a_server_said_before_tls_does_not_count(smtp_server: Any) -> None:
    """An attacker could add answers to the one that begins TLS."""
    server = smtp_server("starttls", answers={"RCPT": "550 5.1.1 no"})

    def inject(data: bytes) -> bytes:
        return data + b"250 injected\r\n" * 9 if data.startswith(b"220 ") and b"TLS" in data else data

    with Peer(forwards(server.port, inject)) as proxy, pytest.raises(MailError):
        deliver(server.options, port=proxy.port)
    assert server.messages == []


def test_proxy_that_removes_the_offer_of_tls_is_sent_nothing(smtp_server: Any) -> None:
    server = smtp_server("starttls", login=LOGIN)

    def strip(data: bytes) -> bytes:
        return data.replace(b"STARTTLS", b"XXXXXXXX")

    with Peer(forwards(server.port, strip)) as proxy:
        with pytest.raises(MailError, match="does not offer STARTTLS, so nothing was sent"):
            deliver(server.options, port=proxy.port)
        assert proxy.received.lower().startswith(b"ehlo ")
        assert proxy.received.count(b"\n") == 1


def test_long_answer_is_shortened_to_one_line(scripted_server: Any) -> None:
    server = scripted_server({"RCPT": "550-first line\r\n550 " + "very " * 200 + "long"})

    with pytest.raises(MailError) as caught:
        deliver(server.options, security="none")

    assert "550 first line very very" in caught.value.message
    assert len(caught.value.message) < 300
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("answer", ["421 shutting down", None])
def test_failing_quit_does_not_fail_an_accepted_mail(scripted_server: Any, answer: str | None) -> None:
    server = scripted_server({"QUIT": answer})

    deliver(server.options, security="none")

    server.stop()
    assert server.received.endswith(b"\r\n.\r\nquit\r\n")


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
def test_silent_server_times_out(security: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(MailError, match=rf"The mail server localhost:{port} did not answer within 0\.3 s\."):
            deliver({"host": "localhost", "port": port, "security": security, "timeout": 0.3})


@pytest.mark.parametrize("stage", ["EHLO", "MAIL", "RCPT", "DATA", "."])
def test_server_that_stops_answering_times_out(scripted_server: Any, stage: str) -> None:
    server = scripted_server({stage: None})

    with pytest.raises(MailError, match=r"did not answer within 0\.3 s"):
        deliver(server.options, security="none")


def test_refused_connection_has_a_hint() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(MailError, match=rf"The mail server 127\.0\.0\.1:{port} cannot be reached: ") as caught:
        deliver({"host": "127.0.0.1", "port": port})

    assert "email.port" in str(caught.value.hint)
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


@pytest.mark.parametrize("host", ["", "no\0host", "a" * 300, "-.invalid", "\udcff"])
def test_impossible_host_is_a_mail_error(host: str) -> None:
    with pytest.raises(MailError, match="The mail server "):
        deliver({"host": host, "timeout": 0.5})


@pytest.mark.parametrize(("offered", "used"), [("tls", "starttls"), ("starttls", "tls"), ("none", "tls")])
def test_wrong_kind_of_tls_is_a_mail_error(smtp_server: Any, offered: str, used: str) -> None:
    server = smtp_server(offered)

    with pytest.raises(MailError, match=r"email.security|did not answer|does not speak TLS") as caught:
        deliver(server.options, security=used, timeout=0.5)

    assert "email.security" in str(caught.value.hint)
    assert server.messages == []


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ({"CONNECT": "554 go away"}, "refused: 554 go away"),
        ({"CONNECT": "\x1b[2J"}, "an answer is malformed"),
        ({"EHLO": "500", "HELO": "500"}, "refused: 500"),
        ({"RCPT": "55"}, "an answer is malformed"),
        ({"RCPT": "nonsense"}, "an answer is malformed"),
        ({"RCPT": "999 nonsense"}, "an answer is malformed"),
    ],
)
def test_server_that_breaks_the_protocol_does_not_refuse_the_mail(
    scripted_server: Any, script: dict[str, str | None], message: str
) -> None:
    server = scripted_server(script)

    with pytest.raises(MailError, match=message) as caught:
        deliver(server.options, security="none")
    assert caught.value.verdict == "unreachable"


def test_address_beyond_ascii_uses_smtputf8(smtp_server: Any) -> None:
    server = smtp_server()

    deliver(server.options, "jörg@bücher.example")

    (received,) = server.messages
    assert received.recipients == ["jörg@xn--bcher-kva.example"]
    assert received.message["To"].addresses[0].addr_spec == "jörg@xn--bcher-kva.example"
    assert "SMTPUTF8" in received.mail_options


def test_address_beyond_ascii_needs_smtputf8(smtp_server: Any) -> None:
    server = smtp_server(smtputf8=False)

    deliver(server.options, "jorg@bücher.example")
    with pytest.raises(MailError, match="SMTPUTF8"):
        deliver(server.options, "jörg@example.org")

    assert [received.recipients for received in server.messages] == [["jorg@xn--bcher-kva.example"]]
