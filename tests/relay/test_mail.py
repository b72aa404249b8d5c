"""Mail that is committed with the change, and sent afterwards."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lback_cli import signals
from lback_cli.errors import InvalidToken, MailError, OperationRejected, QueuedMailNotFound, UserNotFound
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_manager import UserManager
from lback_cli.relay.mail import MailReport
from lback_cli.security.tokens import token_digest

from .mail_harness import PASSWORD, PostOffice

Servers = Callable[..., Any]
TokenIn = Callable[[Any], str]
NEW_PASSWORD = "umbrella tangent violin quarry"


@pytest.fixture
def office(tmp_path: Path, smtp_server: Servers) -> Iterator[Callable[..., tuple[PostOffice, Any]]]:
    """``office()``: a post office and the mail server that it sends with; options are the server's."""
    made: list[PostOffice] = []

    def make(url: str | None = None, **options: Any) -> tuple[PostOffice, Any]:
        server = smtp_server(**options)
        made.append(PostOffice(tmp_path, server.options, url).prepare())
        return made[-1], server

    yield make
    for one in made:
        one.close()


Offices = Callable[..., tuple[PostOffice, Any]]


def test_mail_is_queued_with_the_change_and_sent_later(office: Offices, token_in: TokenIn) -> None:
    post, server = office()
    seen = []

    def see(_sender: Any, **arguments: Any) -> None:
        seen.append(sorted(arguments))

    with signals.user_email_verification_initiated.connected_to(see):
        user_id = post.register("ann")
    assert seen == [["user"]]
    assert server.messages == []
    (mail,) = post.queue.mails()
    assert (mail.template, mail.recipient, mail.user_id, mail.tries, mail.last_error) == (
        *("verify_email", "ann@example.org", user_id),
        *(0, None),
    )
    assert post.rows("lback_tokens") == [], "no token is made before it is sent"
    assert post.once() == MailReport(delivered=1)
    (sent,) = server.messages
    token = token_in(sent.message)
    assert post.rows("lback_tokens")[0]["digest"] == token_digest(token)
    assert post.users.verify_user_email(token).is_email_verified
    assert post.queue.mails() == []
    assert post.once() == MailReport()
    assert len(server.messages) == 1


def test_no_token_is_ever_written_down(office: Offices, token_in: TokenIn, tmp_path: Path) -> None:
    post, server = office()
    post.register("ann")
    post.users.reset_password_request("ann@example.org")
    assert post.once().delivered == 2
    post.database.dispose()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    tokens = [token_in(message.message).encode() for message in server.messages]
    assert len({*tokens}) == 2
    assert not any(token in stored for token in tokens)


def test_what_is_rolled_back_is_mailed_to_nobody(office: Offices) -> None:
    post, server = office()

    def veto(_sender: Any, **_arguments: Any) -> None:
        raise OperationRejected("no")

    with signals.user_registered.connected_to(veto), pytest.raises(OperationRejected):
        post.register("ann")
    assert post.queue.mails() == []
    assert post.once() == MailReport()
    assert server.messages == []


def test_each_kind_of_mail_goes_through_the_queue(office: Offices) -> None:
    post, server = office()
    ann = post.register("ann")
    post.users.register_user("bob", "bob@example.org", None)
    post.users.update_user(ann, {"password": NEW_PASSWORD, "email": "new@example.org"})
    assert [(mail.template, mail.recipient) for mail in post.queue.mails()] == [
        ("invitation", "bob@example.org"),
        ("password_changed", "ann@example.org"),
        ("email_changed", "ann@example.org"),
        ("verify_email", "new@example.org"),
    ], "the first verification died with the address"
    assert post.once().delivered == 4
    assert [message.recipients[0] for message in server.messages] == [
        *("bob@example.org", "ann@example.org", "ann@example.org", "new@example.org")
    ]
    notice = server.messages[2].message.get_body(("plain",)).get_content()
    assert "new@example.org" in notice


@pytest.mark.parametrize(
    "end",
    [
        lambda post, _: post.users.reset_password_request("ann@example.org"),
        lambda post, user: post.users.reset_user_password(user, NEW_PASSWORD),
        lambda post, user: post.users.update_user(user, {"email": "new@example.org"}),
        lambda post, user: post.users.delete_user(user),
        lambda post, _: post.log.erase_user("ann", post.users),
    ],
    ids=["another request", "another password", "another address", "deletion", "erasure"],
)
def test_a_link_that_was_asked_for_dies_like_one_that_was_sent(
    office: Offices, end: Callable[[PostOffice, int], None]
) -> None:
    post, _ = office()
    user = post.register("ann", verified=True)
    post.users.reset_password_request("ann@example.org")
    (old,) = post.queue.mails()
    end(post, user)
    assert old.key not in {mail.key for mail in post.queue.mails()}


def test_erasure_leaves_no_mail_about_the_person(office: Offices) -> None:
    post, server = office()
    user = post.register("ann", verified=True)
    post.users.update_user(user, {"password": NEW_PASSWORD, "email": "new@example.org"})
    post.register("bob")
    assert len(post.queue.mails()) == 4
    post.log.erase_user("ann", post.users)
    assert [mail.recipient for mail in post.queue.mails()] == ["bob@example.org"]
    assert "ann" not in json.dumps(post.rows("lback_mail_queue"), default=str)
    post.once()
    assert [message.recipients for message in server.messages] == [["bob@example.org"]]


def test_all_copies_of_a_mail_have_one_message_id_and_links_that_work(office: Offices, token_in: TokenIn) -> None:
    """A receiving system that drops the second copy shows the first, so its link has to work."""
    post, server = office()
    post.register("ann")
    with post.database.session() as session:
        session.connection().exec_driver_sql(
            "CREATE TRIGGER crash BEFORE DELETE ON lback_mail_queue BEGIN SELECT RAISE(ABORT, 'crash'); END"
        )
    sender = post.post()
    sender._tries = 1  # the database fails after the mail was sent
    with pytest.raises(Exception, match="crash"):
        sender.run(once=True)
    with post.database.session() as session:
        session.connection().exec_driver_sql("DROP TRIGGER crash")
    post.clock.ahead = 3600
    assert post.once().delivered == 1
    first, second = (message.message for message in server.messages)
    assert first["Message-ID"] == second["Message-ID"]
    assert token_in(first) != token_in(second)
    assert post.users.verify_user_email(token_in(first)).is_email_verified


def test_a_new_request_kills_the_links_of_the_one_before(office: Offices, token_in: TokenIn) -> None:
    post, server = office()
    post.register("ann", verified=True)
    post.users.reset_password_request("ann@example.org")
    post.once()
    post.users.reset_password_request("ann@example.org")
    with pytest.raises(InvalidToken):
        post.users.reset_password(token_in(server.messages[0].message), NEW_PASSWORD)
    post.once()
    assert post.users.reset_password(token_in(server.messages[1].message), NEW_PASSWORD).username == "ann"


def test_a_link_lives_from_when_it_is_sent(office: Offices, token_in: TokenIn) -> None:
    post, server = office()
    post.register("ann", verified=True)
    post.users.reset_password_request("ann@example.org")
    post.clock.ahead = timedelta(hours=5).total_seconds()
    post.once()
    post.clock.ahead += timedelta(minutes=59).total_seconds()
    assert post.users.reset_password(token_in(server.messages[0].message), NEW_PASSWORD).username == "ann"


def test_a_mail_that_is_put_off_waits_and_keeps_no_other_waiting(office: Offices) -> None:
    post, server = office(answers={})
    post.register("ann")
    refusing, _ = office(answers={"RCPT": "451 4.7.1 greylisted"})
    assert refusing.once() == MailReport(deferred=1)
    (mail,) = post.queue.mails()
    assert (mail.tries, mail.owner) == (1, None)
    assert mail.last_error is not None
    assert "451 4.7.1 greylisted" in mail.last_error
    post.register("bob")
    assert post.once() == MailReport(delivered=1), "ann's time has not come"
    post.clock.ahead = 61
    assert post.once() == MailReport(delivered=1)
    assert [message.recipients[0] for message in server.messages] == ["bob@example.org", "ann@example.org"]
    assert post.queue.mails() == []


def test_a_mail_that_is_put_off_too_often_is_given_up(office: Offices) -> None:
    post, _ = office(answers={"DATA": "452 4.3.1 full"})
    post.register("ann")
    outcomes = []
    for day in range(30):
        post.clock.ahead = day * 86400
        outcomes.append(post.once())
    assert outcomes == [MailReport(deferred=1)] * 29 + [MailReport(dead=1)]
    assert post.once() == MailReport()
    (mail,) = post.queue.mails(dead=True)
    assert (mail.tries, mail.retry_at) == (30, None)


@pytest.mark.parametrize("answers", [{"RCPT": "550 5.1.1 no such user"}, {"DATA": "554 5.7.1 spam"}])
def test_a_mail_that_is_refused_is_dead_at_once_and_can_be_tried_again_or_dropped(
    office: Offices, answers: dict[str, str]
) -> None:
    post, _ = office(answers=answers)
    post.register("ann")
    assert post.once() == MailReport(dead=1)
    (mail,) = post.queue.mails(dead=True)
    (answer,) = answers.values()
    assert answer in str(mail.last_error)
    assert post.told.said == [("given up", "mail", f"mail {mail.id}", str(mail.last_error).rstrip("."))]
    assert post.once() == MailReport()
    assert post.queue.retry([mail.id]) == 1
    assert [(again.tries, again.last_error) for again in post.queue.mails(dead=False)] == [(0, None)]
    assert post.once() == MailReport(dead=1)
    assert post.queue.retry(None) == 1
    assert post.once() == MailReport(dead=1)
    with pytest.raises(QueuedMailNotFound, match="No mail 4711 is queued"):
        post.queue.drop([mail.id, 4711])
    assert post.queue.drop(None) == 1
    assert post.queue.mails() == []


@pytest.mark.parametrize("answers", [{"MAIL": "550 5.7.1 not you"}, {"MAIL": "421 4.3.2 closing"}])
def test_a_server_that_takes_nothing_costs_no_mail_a_try(office: Offices, answers: dict[str, str]) -> None:
    post, _ = office(answers=answers)
    post.register("ann")
    post.register("bob")
    report = post.once()
    assert (report.delivered, report.dead, report.deferred) == (0, 0, 0)
    assert str(report.error).startswith("The mail server localhost:")
    assert sorted((mail.recipient, mail.tries, mail.owner) for mail in post.queue.mails()) == [
        ("ann@example.org", 0, None),
        ("bob@example.org", 0, None),
    ]


def test_who_is_gone_or_verified_meanwhile_is_not_bothered(office: Offices) -> None:
    post, server = office()
    ann, bob = post.register("ann"), post.register("bob")
    post.users.update_user(ann, {"is_email_verified": True})
    with post.database.session() as session:
        session.connection().exec_driver_sql("DELETE FROM user_groups_association WHERE user_id = ?", (bob,))
        session.connection().exec_driver_sql("DELETE FROM users WHERE id = ?", (bob,))
    assert post.once() == MailReport(withdrawn=2)
    assert (server.messages, post.queue.mails()) == ([], [])


@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
def test_on_a_server_it_is_the_same(
    office: Offices, server: str, request: pytest.FixtureRequest, token_in: TokenIn
) -> None:
    post, mail_server = office(request.getfixturevalue(f"{server}_url"))
    post.register("ann")
    post.users.reset_password_request("ann@example.org")
    post.users.reset_password_request("ann@example.org")
    assert post.once() == MailReport(delivered=2)
    verification, reset = (message.message for message in mail_server.messages)
    assert post.users.verify_user_email(token_in(verification)).is_email_verified
    post.users.reset_password(token_in(reset), NEW_PASSWORD)
    assert post.once() == MailReport(delivered=1)
    post.log.erase_user("ann", post.users)
    assert post.rows("lback_mail_queue") == []


def test_two_at_once_send_each_mail_once(office: Offices) -> None:
    post, server = office()
    post.register_many(60)
    others = [PostOffice(Path(), server.options, post.settings.database.url) for _ in range(3)]
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
    assert post.queue.mails() == []


def test_without_a_queue_nothing_is_queued_and_a_failure_still_fails_the_operation(office: Offices) -> None:
    post, _ = office(answers={"RCPT": "550 no"})
    direct = replace(post.settings, email=replace(post.settings.email, transport="smtp"))
    users = UserManager(post.database, Dependencies(direct, data_directory=Path()))
    with pytest.raises(MailError):
        users.register_user("ann", "ann@example.org", PASSWORD)
    assert post.queue.mails() == []
    with pytest.raises(UserNotFound):
        post.users.delete_user(1)


@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
def test_requests_and_their_delivery_never_wait_for_each_other(
    office: Offices, server: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Users ask again and again while their mail is being sent; databases end a deadlock with an error."""
    post, _ = office(request.getfixturevalue(f"{server}_url"))
    for name in ("ann", "bob"):
        post.register(name, verified=True)
    other = PostOffice(tmp_path, {"transport": "file"}, post.settings.database.url)
    failures: list[BaseException] = []
    asked = threading.Event()

    def send() -> None:
        try:
            while not asked.is_set():
                other.once()
        except BaseException as error:  # noqa: BLE001 - the test tells
            failures.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    for _ in range(40):
        for name in ("ann", "bob"):
            post.users.reset_password_request(f"{name}@example.org")
    asked.set()
    thread.join()
    other.once()
    other.close()
    assert failures == []
    assert post.queue.mails() == []
    assert sorted(row["user_id"] for row in post.rows("lback_tokens")) == [1, 2], "only the newest link of each works"
