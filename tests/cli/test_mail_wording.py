"""What commands say about the mail of an operation: what was sent to whom, or which file it is in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]

REGISTER = ("user", "register", "ann", "--email", "ann@a.example", "--password-stdin")
FILES = "a notice for ann@a.example to MAIL and a verification link for ann@b.example to MAIL"
NEW = "nine lazy walruses hum softly"


@pytest.fixture
def transports(smtp_server: Callable[..., Any]) -> dict[str, dict[str, str]]:
    return {"file": {}, "smtp": smtp_server("starttls").environment, "queue": {"LBACK_EMAIL_TRANSPORT": "queue"}}


@pytest.mark.parametrize(
    ("transport", "said"),
    [
        (
            "file",
            [
                "Registered ann; wrote a verification link to MAIL (transport: file).",
                f"Wrote {FILES} (transport: file).",
                "Wrote a verification link for ann@b.example to MAIL (transport: file).",
                "Wrote a reset link for ann@b.example to MAIL (transport: file).",
                "ann has a new password; wrote a notice to MAIL (transport: file).",
            ],
        ),
        (
            "smtp",
            [
                "Registered ann; mailed a verification link to ann@a.example.",
                "Mailed a notice to ann@a.example and a verification link to ann@b.example.",
                "Mailed a verification link to ann@b.example.",
                "Mailed a reset link to ann@b.example.",
                "ann has a new password; mailed a notice to ann@b.example.",
            ],
        ),
        (
            "queue",
            [
                "Registered ann; queued a verification link to ann@a.example.",
                "Queued a notice to ann@a.example and a verification link to ann@b.example.",
                "Queued a verification link to ann@b.example.",
                "Queued a reset link to ann@b.example.",
                "ann has a new password; queued a notice to ann@b.example.",
            ],
        ),
    ],
)
def test_messages_say_what_was_mailed_to_whom(
    cli: Cli, password: str, transports: dict[str, dict[str, str]], transport: str, said: list[str]
) -> None:
    def last_line(*arguments: str, **options: Any) -> str:
        outcome = cli(*arguments, **options, **transports[transport])
        assert outcome.status == 0, outcome
        return str(outcome.err.splitlines()[-1])

    assert [
        last_line(*REGISTER, input=password),
        last_line("user", "update", "ann", "--email", "ann@b.example"),
        last_line("user", "resend-verification", "ann"),
        last_line("user", "request-password-reset", "ann"),
        last_line("user", "reset-password", "ann", "--password-stdin", input=NEW),
    ] == said


def test_nothing_is_said_about_mail_that_was_not_sent(cli: Cli, password: str) -> None:
    assert cli(*REGISTER, "--verified", input=password).err == "Registered ann.\n"
    assert cli("user", "update", "ann", "--deactivate").err == "~ ann  deactivated\n"
    assert cli("user", "update", "ann", "--email", "ann@b.example", "-q").err == ""


def test_the_named_file_holds_the_mail(lback: Any, password: str) -> None:
    outcome = lback(*REGISTER, input=password)
    path = outcome.err.partition("link to ")[2].partition(" (transport")[0]
    assert path.startswith("~/")
    assert "To: ann@a.example" in (lback.directory / Path(path).relative_to("~")).read_text()
    assert lback("mail", "test", "you@example.org", "-o", "json", HOME="/nonexistent").result["file"].startswith("/")


def test_mail_test_says_whether_the_mail_was_sent(cli: Cli, transports: dict[str, dict[str, str]]) -> None:
    assert cli("mail", "test", "you@example.org", **transports["smtp"]) == (
        0,
        "email      you@example.org\ntransport  smtp\nsent       yes\n",
        "Sent a test mail to you@example.org.\n",
    )


def test_an_invitation_that_a_new_address_ends_is_mentioned(cli: Cli) -> None:
    assert cli("user", "invite", "ann", "--email", "ann@a.example", "-q").status == 0
    mention = (
        "The invitation no longer works. This mails a link that sets the first password: "
        "lback user request-password-reset ann\n"
    )
    assert mention not in cli("user", "update", "ann", "--deactivate").err
    assert cli("user", "update", "ann", "--activate", "--email", "ann@b.example").err.endswith(mention)
    assert cli("user", "request-password-reset", "ann").status == 0
    assert mention not in cli("user", "update", "ann", "--email", "ann@b.example").err


@pytest.mark.parametrize("transport", ["file", "queue"])
@pytest.mark.parametrize("options", [(), ("--atomic",)], ids=["rows", "atomic"])
def test_an_import_says_how_many_mails_it_sent(cli: Cli, lback: Any, transport: str, options: tuple[str, ...]) -> None:
    (lback.directory / "users.csv").write_text(
        "username,email,password\nann,ann@a.example,\nben,ben@a.example,\ncid,cid@a.example,purple giraffes at dusk\n"
    )
    said = {
        "file": "Wrote 2 invitations and a verification link to ~/data/lback/mail (transport: file).",
        "queue": "Queued 2 invitations and a verification link.",
    }
    imported = cli("user", "import", "users.csv", "--mail", "verify", *options, LBACK_EMAIL_TRANSPORT=transport)
    assert imported.status == 0
    assert imported.err.splitlines()[:2] == ["Imported.", said[transport]]
