"""Queued mail: it is committed with the change, and sent later."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any, Literal

import pytest

from lback_cli import signals
from lback_cli.errors import (
    ConfigurationError,
    InvalidToken,
    MailError,
    OperationRejected,
    QueuedMailNotFound,
    UserNotFound,
)
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_manager import UserManager
from lback_cli.relay.mail import MailDelivery, MailReport
from lback_cli.security.tokens import token_digest
from lback_cli.settings import AttributeSettings

from .consumers import eventually
from .mail_harness import PASSWORD, MailHarness

Servers = Callable[..., Any]
TokenIn = Callable[[Any], str]
NEW_PASSWORD = "umbrella tangent violin quarry"


@pytest.fixture
def make_harness(tmp_path: Path, smtp_server: Servers) -> Iterator[Callable[..., tuple[MailHarness, Any]]]:
    """``make_harness()`` returns managers with a mail queue and their mail server, whose options it takes."""
    made: list[MailHarness] = []

    def make(url: str | None = None, **options: Any) -> tuple[MailHarness, Any]:
        server = smtp_server(**options)
        made.append(MailHarness(tmp_path, server.options, url).prepare())
        return made[-1], server

    yield make
    for one in made:
        one.close()


Harnesses = Callable[..., tuple[MailHarness, Any]]


def test_mail_is_queued_with_the_change_and_sent_later(make_harness: Harnesses, token_in: TokenIn) -> None:
    harness, server = make_harness()
    seen = []

    def see(_sender: Any, **arguments: Any) -> None:
        seen.append(sorted(arguments))

    with signals.user_email_verification_initiated.connected_to(see):
        user_id = harness.register("ann")
    assert seen == [["user"]]
    assert server.messages == []
    (mail,) = harness.queue.mails()
    assert (mail.template, mail.recipient, mail.user_id, mail.tries, mail.last_error) == (
        *("verify_email", "ann@example.org", user_id),
        *(0, None),
    )
    assert harness.rows("lback_tokens") == [], "a token is issued when its mail is sent"
    assert harness.once() == MailReport(delivered=1)
    (sent,) = server.messages
    token = token_in(sent.message)
    assert harness.rows("lback_tokens")[0]["digest"] == token_digest(token)
    assert harness.users.verify_user_email(token).is_email_verified
    assert harness.queue.mails() == []
    assert harness.once() == MailReport()
    assert len(server.messages) == 1


def test_tokens_are_never_stored(make_harness: Harnesses, token_in: TokenIn, tmp_path: Path) -> None:
    harness, server = make_harness()
    harness.register("ann")
    harness.users.reset_password_request("ann@example.org")
    assert harness.once().delivered == 2
    harness.database.dispose()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    tokens = [token_in(message.message).encode() for message in server.messages]
    assert len({*tokens}) == 2
    assert not any(token in stored for token in tokens)


def test_rolled_back_change_queues_no_mail(make_harness: Harnesses) -> None:
    harness, server = make_harness()

    def veto(_sender: Any, **_arguments: Any) -> None:
        raise OperationRejected("no")

    with signals.user_registered.connected_to(veto), pytest.raises(OperationRejected):
        harness.register("ann")
    assert harness.queue.mails() == []
    assert harness.once() == MailReport()
    assert server.messages == []


def test_every_kind_of_mail_is_queued(make_harness: Harnesses) -> None:
    harness, server = make_harness()
    ann = harness.register("ann")
    harness.users.register_user("bob", "bob@example.org", None)
    harness.users.update_user(ann, {"password": NEW_PASSWORD, "email": "new@example.org"})
    assert [(mail.template, mail.recipient) for mail in harness.queue.mails()] == [
        ("invitation", "bob@example.org"),
        ("password_changed", "ann@example.org"),
        ("email_changed", "ann@example.org"),
        ("verify_email", "new@example.org"),
    ], "the first verification was withdrawn with the address"
    assert harness.once().delivered == 4
    assert [message.recipients[0] for message in server.messages] == [
        *("bob@example.org", "ann@example.org", "ann@example.org", "new@example.org")
    ]
    notice = server.messages[2].message.get_body(("plain",)).get_content()
    assert "new@example.org" in notice


@pytest.mark.parametrize(
    "end",
    [
        lambda harness, _: harness.users.reset_password_request("ann@example.org"),
        lambda harness, user: harness.users.reset_user_password(user, NEW_PASSWORD),
        lambda harness, user: harness.users.update_user(user, {"email": "new@example.org"}),
        lambda harness, user: harness.users.delete_user(user),
        lambda harness, _: harness.log.erase_user("ann", harness.users),
    ],
    ids=["another request", "another password", "another address", "deletion", "erasure"],
)
def test_queued_link_is_withdrawn_like_one_that_was_sent(
    make_harness: Harnesses, end: Callable[[MailHarness, int], None]
) -> None:
    harness, _ = make_harness()
    user = harness.register("ann", verified=True)
    harness.users.reset_password_request("ann@example.org")
    (old,) = harness.queue.mails()
    end(harness, user)
    assert old.key not in {mail.key for mail in harness.queue.mails()}


def test_erasure_deletes_the_queued_mail_about_the_user(make_harness: Harnesses) -> None:
    harness, server = make_harness()
    user = harness.register("ann", verified=True)
    harness.users.update_user(user, {"password": NEW_PASSWORD, "email": "new@example.org"})
    harness.register("bob")
    assert len(harness.queue.mails()) == 4
    harness.log.erase_user("ann", harness.users)
    assert [mail.recipient for mail in harness.queue.mails()] == ["bob@example.org"]
    assert "ann" not in json.dumps(harness.rows("lback_mail_queue"), default=str)
    harness.once()
    assert [message.recipients for message in server.messages] == [["bob@example.org"]]


def test_copies_of_a_mail_share_the_message_id_and_have_valid_links(
    make_harness: Harnesses, token_in: TokenIn, tmp_path: Path
) -> None:
    """A mail system may show only the first copy, so its link has to be valid."""
    harness, server = make_harness()
    harness.register("ann")
    with harness.database.session() as session:
        session.connection().exec_driver_sql(
            "CREATE TRIGGER crash BEFORE DELETE ON lback_mail_queue BEGIN SELECT RAISE(ABORT, 'crash'); END"
        )
    impatient = MailHarness(tmp_path, {**server.options, "max_attempts": 1})
    with pytest.raises(Exception, match="crash"):
        impatient.once()
    impatient.close()
    with harness.database.session() as session:
        session.connection().exec_driver_sql("DROP TRIGGER crash")
    harness.clock.ahead = 3600
    assert harness.once().delivered == 1
    first, second = (message.message for message in server.messages)
    assert first["Message-ID"] == second["Message-ID"]
    assert token_in(first) != token_in(second)
    assert harness.users.verify_user_email(token_in(first)).is_email_verified


def test_new_request_revokes_the_link_of_the_last_one(make_harness: Harnesses, token_in: TokenIn) -> None:
    harness, server = make_harness()
    harness.register("ann", verified=True)
    harness.users.reset_password_request("ann@example.org")
    harness.once()
    harness.users.reset_password_request("ann@example.org")
    with pytest.raises(InvalidToken):
        harness.users.reset_password(token_in(server.messages[0].message), NEW_PASSWORD)
    harness.once()
    assert harness.users.reset_password(token_in(server.messages[1].message), NEW_PASSWORD).username == "ann"


@pytest.mark.parametrize("transport", ["queue", "file"])
def test_mail_is_in_the_language_of_the_user(
    make_harness: Harnesses, tmp_path: Path, transport: Literal["queue", "file"]
) -> None:
    templates = tmp_path / "templates"
    (templates / "de").mkdir(parents=True)
    for name in ("verify_email", "email_changed", "reset_password"):
        (templates / "de" / f"{name}.txt").write_text(f"Subject: Deutsch {name}\n\nHallo $username\n")
    harness, server = make_harness()
    keys: dict[str, Any] = {"transport": transport, "language_attribute": "language", "templates": templates}
    email = replace(harness.settings.email, **keys, directory=tmp_path / "mail")
    settings = replace(harness.settings, email=email, attributes={"language": AttributeSettings()})
    services = Dependencies(settings, data_directory=tmp_path)
    users = UserManager(harness.database, services)
    user = users.register_user("ann", "ann@example.org", PASSWORD, attributes={"language": "de"})
    users.register_user("bob", "bob@example.org", PASSWORD)
    users.update_user(user.id, {"email": "anna@example.org"})
    if transport == "queue":
        assert MailDelivery(harness.database, services, harness.observer).run(once=True).delivered == 3
        subjects = [message.message["Subject"] for message in server.messages]
    else:
        files = sorted((tmp_path / "mail").iterdir())
        subjects = [message_from_bytes(file.read_bytes(), policy=default)["Subject"] for file in files]
    english = [subject for subject in subjects if not subject.startswith("Deutsch ")]
    assert english == ["Confirm your e-mail address for lback"]
    assert {*subjects} - {*english} == {"Deutsch verify_email", "Deutsch email_changed"}
    undeclared = Dependencies(replace(settings, attributes={}), data_directory=tmp_path)
    with pytest.raises(ConfigurationError, match="no attribute 'language' with text is declared"):
        UserManager(harness.database, undeclared).reset_password_request("bob@example.org")


def test_lifetime_of_a_link_begins_when_it_is_sent(make_harness: Harnesses, token_in: TokenIn) -> None:
    harness, server = make_harness()
    harness.register("ann", verified=True)
    harness.users.reset_password_request("ann@example.org")
    harness.clock.ahead = timedelta(hours=5).total_seconds()
    harness.once()
    harness.clock.ahead += timedelta(minutes=59).total_seconds()
    assert harness.users.reset_password(token_in(server.messages[0].message), NEW_PASSWORD).username == "ann"


def test_temporarily_rejected_mail_delays_no_other(make_harness: Harnesses) -> None:
    harness, server = make_harness(answers={})
    harness.register("ann")
    refusing, _ = make_harness(answers={"RCPT": "451 4.7.1 greylisted"})
    assert refusing.once() == MailReport(deferred=1)
    (mail,) = harness.queue.mails()
    assert (mail.tries, mail.owner) == (1, None)
    assert mail.last_error is not None
    assert "451 4.7.1 greylisted" in mail.last_error
    harness.register("bob")
    assert harness.once() == MailReport(delivered=1), "the mail to ann is not due yet"
    harness.clock.ahead = 61
    assert harness.once() == MailReport(delivered=1)
    assert [message.recipients[0] for message in server.messages] == ["bob@example.org", "ann@example.org"]
    assert harness.queue.mails() == []


@pytest.mark.parametrize("answers", [{"DATA": "452 4.3.1 full"}, {"RCPT": "554 5.7.1 Access denied"}])
def test_rejected_mail_is_given_up_after_all_attempts(make_harness: Harnesses, answers: dict[str, str]) -> None:
    harness, _ = make_harness(answers=answers)
    harness.register("ann")
    outcomes = []
    for day in range(30):
        harness.clock.ahead = day * 86400
        outcomes.append(harness.once())
    assert outcomes == [MailReport(deferred=1)] * 29 + [MailReport(dead=1)]
    assert harness.once() == MailReport()
    (mail,) = harness.queue.mails(dead=True)
    assert (mail.tries, mail.retry_at) == (30, None)


@pytest.mark.parametrize("answers", [{"RCPT": "550 5.1.1 no such user"}, {"DATA": "554 5.6.0 malformed"}])
def test_refused_mail_is_given_up_and_can_be_retried_or_dropped(
    make_harness: Harnesses, answers: dict[str, str]
) -> None:
    harness, _ = make_harness(answers=answers)
    harness.register("ann")
    assert harness.once() == MailReport(dead=1)
    (mail,) = harness.queue.mails(dead=True)
    (answer,) = answers.values()
    assert answer in str(mail.last_error)
    assert harness.observer.reports == [("dead letter", "mail", f"mail {mail.id}", str(mail.last_error).rstrip("."))]
    assert harness.once() == MailReport()
    assert harness.queue.retry([mail.id]) == 1
    assert [(again.tries, again.last_error) for again in harness.queue.mails(dead=False)] == [(0, None)]
    assert harness.once() == MailReport(dead=1)
    assert harness.queue.retry(None) == 1
    assert harness.once() == MailReport(dead=1)
    with pytest.raises(QueuedMailNotFound, match=r"There is no mail 4711 in the queue\."):
        harness.queue.drop([mail.id, 4711])
    assert harness.queue.drop(None) == 1
    assert harness.queue.mails() == []


@pytest.mark.parametrize("answers", [{"MAIL": "550 5.7.1 not you"}, {"MAIL": "421 4.3.2 closing"}])
def test_unavailable_mail_server_counts_no_attempt(make_harness: Harnesses, answers: dict[str, str]) -> None:
    harness, _ = make_harness(answers=answers)
    harness.register("ann")
    harness.register("bob")
    report = harness.once()
    assert (report.delivered, report.dead, report.deferred) == (0, 0, 0)
    assert str(report.error).startswith("The mail server localhost:")
    assert sorted((mail.recipient, mail.tries, mail.owner) for mail in harness.queue.mails()) == [
        ("ann@example.org", 0, None),
        ("bob@example.org", 0, None),
    ]


RELAY_DENIED = {"RCPT": "554 5.7.1 <ann@example.org>: Relay access denied"}


def test_refusals_of_us_keep_the_mail_and_stop_after_some(make_harness: Harnesses) -> None:
    harness, server = make_harness(answers=RELAY_DENIED)
    names = ["ann", "bob", "cid", "dan", "eve"]
    for name in names:
        harness.register(name)
    text = f"The mail server localhost:{server.port} refuses mail from lback: {RELAY_DENIED['RCPT']}."
    hint = "The server probably requires a login (email.username), or email.sender to be an address of its own."
    assert harness.once() == MailReport(deferred=2, error=text, hint=hint)
    mails = harness.queue.mails(dead=False)
    assert [(mail.recipient, mail.tries) for mail in mails] == [
        (f"{name}@example.org", 1 if name in {"ann", "bob"} else 0) for name in names
    ]
    assert mails[0].last_error == f"{text} {hint}"
    assert harness.observer.reports == [
        ("deferred", "mail", f"mail {mail.id}", f"{text} {hint}".rstrip(".")) for mail in mails[:2]
    ]
    fixed, server = make_harness()
    harness.clock.ahead = fixed.clock.ahead = 3600
    assert fixed.once() == MailReport(delivered=5)
    assert sorted(message.recipients[0] for message in server.messages) == [f"{name}@example.org" for name in names]


def test_service_keeps_mail_while_the_server_refuses_us(make_harness: Harnesses) -> None:
    harness, _ = make_harness(answers=RELAY_DENIED)
    harness.register_many(5)
    delivery = harness.delivery()
    thread = threading.Thread(target=delivery.run, kwargs={"once": False})
    thread.start()
    eventually(lambda: delivery._loop.failures > 3)
    delivery._stop.set()
    thread.join()
    assert sorted(mail.tries for mail in harness.queue.mails()) == [0, 0, 0, 1, 1]
    assert [report[:2] for report in harness.observer.reports] == [("deferred", "mail")] * 2 + [("failing", "mail")]


def test_service_names_each_mail_that_it_sent(make_harness: Harnesses) -> None:
    harness, server = make_harness()
    harness.register("ann")
    delivery = harness.delivery()
    thread = threading.Thread(target=delivery.run, kwargs={"once": False})
    thread.start()
    eventually(lambda: len(server.messages) == 1 and harness.queue.mails() == [])
    delivery._stop.set()
    thread.join()
    assert harness.observer.reports == [("sent", "mail", "mail 1 (verify_email)")]


def test_mail_to_a_deleted_or_verified_user_is_withdrawn(make_harness: Harnesses) -> None:
    harness, server = make_harness()
    ann, bob = harness.register("ann"), harness.register("bob")
    harness.users.update_user(ann, {"is_email_verified": True})
    with harness.database.session() as session:
        session.connection().exec_driver_sql("DELETE FROM user_groups_association WHERE user_id = ?", (bob,))
        session.connection().exec_driver_sql("DELETE FROM users WHERE id = ?", (bob,))
    assert harness.once() == MailReport(withdrawn=2)
    assert (server.messages, harness.queue.mails()) == ([], [])


@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
def test_mail_delivery_on_a_server(
    make_harness: Harnesses, server: str, request: pytest.FixtureRequest, token_in: TokenIn
) -> None:
    harness, mail_server = make_harness(request.getfixturevalue(f"{server}_url"))
    harness.register("ann")
    harness.users.reset_password_request("ann@example.org")
    harness.users.reset_password_request("ann@example.org")
    assert harness.once() == MailReport(delivered=2)
    verification, reset = (message.message for message in mail_server.messages)
    assert harness.users.verify_user_email(token_in(verification)).is_email_verified
    harness.users.reset_password(token_in(reset), NEW_PASSWORD)
    assert harness.once() == MailReport(delivered=1)
    harness.log.erase_user("ann", harness.users)
    assert harness.rows("lback_mail_queue") == []


def test_concurrent_deliveries_send_each_mail_once(make_harness: Harnesses) -> None:
    harness, server = make_harness()
    harness.register_many(60)
    others = [MailHarness(Path(), server.options, harness.settings.database.url) for _ in range(3)]
    threads = [threading.Thread(target=other.once) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        other.close()
    assert sorted(message.recipients[0] for message in server.messages) == sorted(
        f"user{number}@example.org" for number in range(60)
    )
    assert harness.queue.mails() == []


def test_without_a_queue_a_mail_failure_fails_the_operation(make_harness: Harnesses) -> None:
    harness, _ = make_harness(answers={"RCPT": "550 no"})
    direct = replace(harness.settings, email=replace(harness.settings.email, transport="smtp"))
    users = UserManager(harness.database, Dependencies(direct, data_directory=Path()))
    with pytest.raises(MailError):
        users.register_user("ann", "ann@example.org", PASSWORD)
    assert harness.queue.mails() == []
    with pytest.raises(UserNotFound):
        harness.users.delete_user(1)


@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
def test_requests_and_deliveries_do_not_deadlock(
    make_harness: Harnesses, server: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Requests are made while their mail is being sent. The database would report a deadlock."""
    harness, _ = make_harness(request.getfixturevalue(f"{server}_url"))
    for name in ("ann", "bob"):
        harness.register(name, verified=True)
    other = MailHarness(tmp_path, {"transport": "file"}, harness.settings.database.url)
    failures: list[BaseException] = []
    asked = threading.Event()

    def send() -> None:
        try:
            while not asked.is_set():
                other.once()
        except BaseException as error:  # noqa: BLE001 - the test reports it
            failures.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    for _ in range(40):
        for name in ("ann", "bob"):
            harness.users.reset_password_request(f"{name}@example.org")
    asked.set()
    thread.join()
    other.once()
    other.close()
    assert failures == []
    assert harness.queue.mails() == []
    assert sorted(row["user_id"] for row in harness.rows("lback_tokens")) == [1, 2], "only the newest are valid"
