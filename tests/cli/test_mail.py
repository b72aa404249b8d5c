"""`lback mail`."""

import json
from collections.abc import Callable
from typing import Any

Cli = Callable[..., Any]


def test_mail_test_names_the_file_that_it_wrote(cli: Cli, lback: Any) -> None:
    assert cli("mail", "test", "You@Example.org") == (
        0,
        "email      you@example.org\ntransport  file\nsent       no\nfile       MAIL\n",
        "Wrote a test mail to MAIL (transport: file).\n",
    )
    (mail,) = lback.mails
    assert mail["To"] == "you@example.org"


def test_mail_test_reports_why_no_mail_was_sent(cli: Cli) -> None:
    assert cli("mail", "test", "nobody").status == 7
    outcome = cli("mail", "test", "a@example.org", "-o", "json", LBACK_EMAIL_TRANSPORT="smtp", LBACK_EMAIL_PORT="1")
    error = json.loads(outcome.err)["error"]
    assert (outcome.status, outcome.out, error["code"]) == (9, "", "email_send_failed")
    assert error["message"].startswith("The mail server localhost:1 cannot be reached: ")


def test_delivery_says_that_nothing_is_queued(cli: Cli) -> None:
    said = "With email.transport = {}, lback queues no mail; set it to queue.\n"
    assert cli("mail", "deliver", "--once", "-o", "json").err == said.format("file")
    assert cli("mail", "deliver", "--once", "-o", "json", LBACK_EMAIL_TRANSPORT="smtp").err == said.format("smtp")
    assert cli("mail", "deliver", "--once", "-o", "json", LBACK_EMAIL_TRANSPORT="queue").err == ""
    assert cli("mail", "deliver", "--once", "-q").err == ""
