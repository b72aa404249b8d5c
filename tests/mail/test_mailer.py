import json
import secrets
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage
from email.parser import Parser
from email.policy import SMTPUTF8
from pathlib import Path
from typing import Any

import pytest

from lback_cli.errors import ConfigurationError, LbackError, MailError
from lback_cli.mail.mailer import Mailer, format_time
from lback_cli.settings.schema import EmailSettings, LinkSettings

TOKEN = secrets.token_urlsafe(32)
EXPIRY = datetime(2026, 3, 4, 15, 4, 59, tzinfo=UTC)

SENDINGS: dict[str, Callable[[Mailer], object]] = {
    "verification": lambda mailer: mailer.send_link(
        "verify_email", username="ann", email="ann@example.org", token=TOKEN, expires_at=EXPIRY
    ),
    "reset": lambda mailer: mailer.send_link(
        "reset_password", username="ann", email="ann@example.org", token=TOKEN, expires_at=EXPIRY
    ),
    "email changed": lambda mailer: mailer.send_email_changed(
        username="ann", old_email="ann@example.org", new_email="anna@example.com", key="7"
    ),
    "password changed": lambda mailer: mailer.send_password_changed(username="ann", email="ann@example.org", key="7"),
    "test": lambda mailer: mailer.send_test(email="ann@example.org", key="7"),
}


def mailer(directory: Path, links: LinkSettings | None = None, **settings: Any) -> Mailer:
    return Mailer(EmailSettings(**settings), links or LinkSettings(), default_directory=directory)


def sent(directory: Path) -> list[EmailMessage]:
    files = sorted(directory.iterdir()) if directory.exists() else []
    return [Parser(policy=SMTPUTF8).parsestr(file.read_text("utf-8")) for file in files]


def body(message: EmailMessage, kind: str = "plain") -> str:
    part: Any = message.get_body((kind,))
    return str(part.get_content())


@pytest.mark.parametrize(
    ("sending", "subject", "says"),
    [
        (
            "verification",
            "Confirm your e-mail address for Example",
            ["ann,", "ann@example.org", f"https://localhost/verify-email?token={TOKEN}", "4 March 2026, 15:04 UTC"],
        ),
        (
            "reset",
            "Choose a new password for Example",
            ["ann,", f"https://localhost/reset-password?token={TOKEN}", "4 March 2026, 15:04 UTC"],
        ),
        (
            "email changed",
            "Your e-mail address at Example was changed",
            ["ann,", "ann@example.org", "anna@example.com"],
        ),
        ("password changed", "Your password at Example was changed", ["ann,"]),
        ("test", "Mail from Example works", ["ann@example.org"]),
    ],
)
def test_mail_has_its_recipient_headers_and_values(tmp_path: Path, sending: str, subject: str, says: list[str]) -> None:
    before = datetime.now(UTC).replace(microsecond=0)

    SENDINGS[sending](mailer(tmp_path, sender="accounts@example.org", application="Example"))

    (message,) = sent(tmp_path)
    assert message["Subject"] == subject
    assert message["From"] == "Example <accounts@example.org>"
    assert message["To"] == "ann@example.org"
    assert message["Auto-Submitted"] == "auto-generated"
    assert before <= message["Date"].datetime <= datetime.now(UTC)
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    for value in says:
        assert value in body(message)
        assert value in body(message, "html")
    assert not {"Cc", "Bcc", "Reply-To", "Return-Path"} & set(message.keys())


def test_message_id_is_the_same_for_copies_only(tmp_path: Path) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    for directory in (first, again):
        for send in SENDINGS.values():
            send(mailer(directory, sender="accounts@example.org"))
    mailer(first).send_link(
        "verify_email", username="ann", email="ann@example.org", token=TOKEN + "x", expires_at=EXPIRY
    )
    mailer(first).send_link("verify_email", username="ann", email="bob@example.org", token=TOKEN, expires_at=EXPIRY)
    mailer(first).send_password_changed(username="ann", email="ann@example.org", key="8")

    ids = [message["Message-ID"] for message in sent(first)]
    assert [message["Message-ID"] for message in sent(again)] == ids[: len(SENDINGS)]
    assert len(set(ids)) == len(ids)
    for identity in ids[: len(SENDINGS)]:
        digest, _, domain = identity.strip("<>").partition("@")
        assert (len(digest), domain) == (32, "example.org")
        assert int(digest, 16)


def test_token_appears_only_in_the_link(tmp_path: Path) -> None:
    SENDINGS["verification"](mailer(tmp_path))

    (file,) = tmp_path.iterdir()
    text = file.read_text()
    assert TOKEN not in file.name
    assert text.count(TOKEN) == text.count(f"https://localhost/verify-email?token={TOKEN}") > 0


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (
            "https://example.org/v/{token}?lang=en&x={token}",
            "https://example.org/v/a%2Fb%26c%3D?lang=en&x=a%2Fb%26c%3D",
        ),
        ("http://intranet/v?t={token}", "http://intranet/v?t=a%2Fb%26c%3D"),
        ("https://example.org/{tenant}/$x/{token}", "https://example.org/{tenant}/$x/a%2Fb%26c%3D"),
    ],
)
def test_token_is_quoted_in_the_link(tmp_path: Path, template: str, expected: str) -> None:
    links = LinkSettings(verify_email=template)

    mailer(tmp_path, links).send_link(
        "verify_email", username="ann", email="ann@example.org", token="a/b&c=", expires_at=EXPIRY
    )

    (message,) = sent(tmp_path)
    assert f"\n{expected}\n" in body(message)
    assert expected.replace("&", "&amp;") in body(message, "html")


@pytest.mark.parametrize(
    ("sending", "settings", "links", "message"),
    [
        ("verification", {}, {"verify_email": "https://example.org/"}, r"links\.verify_email: .* has no \{token\}"),
        ("reset", {}, {"reset_password": "https://example.org/{TOKEN}"}, r"links\.reset_password: .* has no \{token\}"),
        ("reset", {}, {"reset_password": "https://x/{token}\r\n"}, r"links\.reset_password: .* control characters"),
        ("test", {"sender": "nobody"}, {}, r"email\.sender: 'nobody' is not an e-mail address"),
        ("test", {"sender": "Ann <ann@example.org>"}, {}, r"email\.sender: .* is not an e-mail address"),
        ("test", {"sender": "a@b.org\r\nBcc: eve@example.net"}, {}, r"email\.sender: .* is not an e-mail address"),
        ("test", {"application": "a\nBcc: eve@example.net"}, {}, r"email\.application: "),
        ("test", {"application": " "}, {}, r"email\.application: "),
        ("test", {"templates": Path("nowhere")}, {}, r"email\.templates: "),
    ],
)
def test_bad_setting_is_named_and_nothing_sent(
    tmp_path: Path, sending: str, settings: dict[str, Any], links: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        SENDINGS[sending](mailer(tmp_path / "mail", LinkSettings(**links), **settings))

    assert sent(tmp_path / "mail") == []


def test_bad_setting_that_a_mail_does_not_need_is_ignored(tmp_path: Path) -> None:
    links = LinkSettings(verify_email="no token", reset_password="no token")

    SENDINGS["password changed"](mailer(tmp_path, links))

    assert len(sent(tmp_path)) == 1


@pytest.mark.parametrize("hostile", ["a\r\nBcc: eve@example.net", "a\0b", "a\x1b[2J", "a\x9b", "a\u2028b", "\ud800"])
@pytest.mark.parametrize("field", ["username", "old_email", "new_email"])
def test_control_characters_are_refused(tmp_path: Path, field: str, hostile: str) -> None:
    values = {"username": "ann", "old_email": "ann@example.org", "new_email": "anna@example.org", field: hostile}

    with pytest.raises(MailError):
        mailer(tmp_path).send_email_changed(**values, key="7")

    assert sent(tmp_path) == []


def test_user_name_is_escaped_in_html(tmp_path: Path) -> None:
    mailer(tmp_path).send_password_changed(username="<b onclick='x'>&", email="ann@example.org", key="7")

    (message,) = sent(tmp_path)
    assert "Hello <b onclick='x'>&," in body(message)
    assert "Hello &lt;b onclick=&#x27;x&#x27;&gt;&amp;," in body(message, "html")


def test_names_and_addresses_beyond_ascii_are_sent(tmp_path: Path) -> None:
    named = mailer(tmp_path, application="Café & Söhne", sender="konto@bücher.example")

    named.send_test(email="jörg@bücher.example", key="7")

    (message,) = sent(tmp_path)
    assert message["From"].addresses[0].display_name == "Café & Söhne"
    assert message["From"].addresses[0].addr_spec == "konto@xn--bcher-kva.example"
    assert message["To"].addresses[0].addr_spec == "jörg@xn--bcher-kva.example"
    assert message["Message-ID"].endswith("@xn--bcher-kva.example>")
    assert "jörg@bücher.example" in body(message)


def test_own_templates_are_used(tmp_path: Path) -> None:
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "verify_email.txt").write_text("Subject: Welcome $username\n\n$link until $expires_at\n")

    SENDINGS["verification"](mailer(tmp_path / "mail", templates=templates, application="Example"))

    (message,) = sent(tmp_path / "mail")
    assert message["Subject"] == "Welcome ann"
    assert body(message) == f"https://localhost/verify-email?token={TOKEN} until 4 March 2026, 15:04 UTC\n"
    assert "Confirm address" in body(message, "html")


def test_encoded_word_in_a_user_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "password_changed.txt").write_text("Subject: Hello $username\n\nbody\n")
    forged = "=?utf-8?q?=0D=0ABcc:_eve@example.net?="

    with pytest.raises(MailError, match="cannot be written safely"):
        mailer(tmp_path / "mail", templates=tmp_path).send_password_changed(
            username=forged, email="ann@example.org", key="7"
        )

    assert sent(tmp_path / "mail") == []


@pytest.mark.parametrize("sending", SENDINGS)
def test_every_mail_is_sent_by_smtp(smtp_server: Any, tmp_path: Path, sending: str) -> None:
    server = smtp_server("starttls", login=("postmaster", "secret of the post"))

    SENDINGS[sending](mailer(tmp_path / "unused", **server.options))

    (received,) = server.messages
    assert (received.recipients, received.encrypted, received.login) == (["ann@example.org"], True, "postmaster")
    assert received.message["To"] == "ann@example.org"
    assert not (tmp_path / "unused").exists()


@pytest.mark.parametrize("sending", SENDINGS)
def test_refused_mail_is_a_mail_error_without_the_token(smtp_server: Any, tmp_path: Path, sending: str) -> None:
    server = smtp_server("none", answers={"RCPT": "550 no such user"})

    with pytest.raises(MailError, match="550 no such user") as caught:
        SENDINGS[sending](mailer(tmp_path, **server.options))

    assert isinstance(caught.value, LbackError)
    assert caught.value.__cause__ is not None
    assert TOKEN not in f"{caught.value}{caught.value.hint}{caught.value.__cause__!r}"


@pytest.mark.parametrize(
    ("moment", "spelled"),
    [
        (datetime(2026, 3, 4, 15, 4, 59, 999999, tzinfo=UTC), "4 March 2026, 15:04 UTC"),
        (datetime(2026, 12, 31, 23, 30, tzinfo=timezone(-timedelta(hours=1))), "1 January 2027, 00:30 UTC"),
        (datetime(2026, 9, 10, 0, 0), "10 September 2026, 00:00 UTC"),  # noqa: DTZ001 - a time without a zone is what is tested
    ],
)
def test_time_is_formatted_in_english_and_utc(moment: datetime, spelled: str) -> None:
    assert format_time(moment) == spelled


def test_sent_mail_is_recorded_with_the_answer_of_the_server(tmp_path: Path, smtp_server: Any) -> None:
    server = smtp_server("starttls", answers={"DATA": "250 2.0.0 Ok: queued as 4XyzA"})
    log = tmp_path / "mail.jsonl"
    sender = mailer(tmp_path, **server.options, log_file=log, sender="accounts@example.org")
    sender.send_test(email="ann@example.org", key="7")
    sender.send_password_changed(username="bob", email="bob@example.org", key="8")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    first, second = map(json.loads, log.read_text().splitlines())
    assert datetime.fromisoformat(first.pop("time")).utcoffset() == timedelta(0)
    assert first.pop("message_id").endswith("@example.org>")
    assert first == {
        "template": "test",
        "recipient": "ann@example.org",
        "by": f"localhost:{server.port}",
        "answer": "2.0.0 Ok: queued as 4XyzA",
        "file": None,
    }
    assert (second["template"], second["recipient"]) == ("password_changed", "bob@example.org")


def test_mail_that_was_refused_is_not_recorded(tmp_path: Path, smtp_server: Any) -> None:
    server = smtp_server("starttls", answers={"RCPT": "550 5.1.1 no"})
    log = tmp_path / "mail.jsonl"
    with pytest.raises(MailError):
        mailer(tmp_path, **server.options, log_file=log).send_test(email="ann@example.org", key="7")
    assert log.read_bytes() == b""


def test_no_mail_leaves_that_cannot_be_recorded(tmp_path: Path) -> None:
    log = tmp_path / "missing" / "mail.jsonl"
    with pytest.raises(ConfigurationError, match=r"email\.log_file: cannot write .*: No such file or directory\."):
        mailer(tmp_path / "mail", log_file=log).send_test(email="ann@example.org", key="7")
    assert sent(tmp_path / "mail") == []


def test_record_of_mail_is_not_written_to_a_file_that_another_user_prepared(tmp_path: Path) -> None:
    log, target = tmp_path / "mail.jsonl", tmp_path / "target"
    target.touch()
    log.symlink_to(target)
    with pytest.raises(ConfigurationError, match=r"email\.log_file: cannot write .*: it is a symbolic link\."):
        mailer(tmp_path / "mail", log_file=log).send_test(email="ann@example.org", key="7")
    assert sent(tmp_path / "mail") == []
    assert target.read_bytes() == b""


def test_replies_go_to_the_configured_address_and_the_contact_is_named(tmp_path: Path) -> None:
    named = mailer(tmp_path, None, reply_to="support@bücher.example", support_contact="our help desk, +43 1 5678")
    named.send_password_changed(username="ann", email="ann@example.org", key="7")
    (message,) = sent(tmp_path)
    assert message["Reply-To"] == "support@xn--bcher-kva.example"
    for kind in ("plain", "html"):
        assert "our help desk, +43 1 5678" in body(message, kind)
    mailer(tmp_path / "other").send_password_changed(username="ann", email="ann@example.org", key="7")
    (message,) = sent(tmp_path / "other")
    assert message["Reply-To"] is None
    assert "the people who run lback" in body(message)


@pytest.mark.parametrize("changes", [{"reply_to": "ann"}, {"support_contact": "a\nb"}])
def test_bad_address_or_contact_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"email.{next(iter(changes))}"):
        mailer(tmp_path, **changes).send_test(email="ann@example.org", key="7")
    assert sent(tmp_path) == []
