"""The checks of the settings and of mail."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lback_cli.doctor.configuration import check_configuration, check_mail
from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.result import CheckResult
from lback_cli.errors import MailError
from lback_cli.problem import Problem
from lback_cli.settings import CompatSettings, EmailSettings, LinkSettings, PasswordSettings

from .harness import DATABASE_CHECKS, results_of

MakeContext = Callable[..., CheckContext]


def test_source_of_the_configuration_is_named(make_context: MakeContext, tmp_path: Path) -> None:
    context = make_context(ready=False)
    assert check_configuration(context) == CheckResult(
        "configuration", "ok", "No configuration file; all values come from the environment and the defaults."
    )
    context.settings = replace(context.settings, config_file=tmp_path / "config.toml")
    message = f"Configuration is read from {tmp_path}/config.toml."
    assert check_configuration(context) == CheckResult("configuration", "ok", message)


def test_missing_files_that_the_settings_name_fail(make_context: MakeContext, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    context = make_context(
        ready=False, password=PasswordSettings(blocklist_file=missing), email=EmailSettings(templates=missing)
    )
    assert check_configuration(context) == CheckResult(
        "configuration",
        "fail",
        f"password.blocklist_file: cannot read {missing}. email.templates: cannot read {missing}.",
        "Correct password.blocklist_file, or make it readable for the user who runs lback. "
        "Correct email.templates, or make it readable for the user who runs lback.",
    )


@pytest.mark.parametrize(("section", "skipped"), [("email", ["mail"]), ("database", DATABASE_CHECKS)])
def test_missing_password_file_is_reported_once(
    make_context: MakeContext, tmp_path: Path, section: str, skipped: list[str]
) -> None:
    missing = tmp_path / "missing"
    healthy = make_context().settings
    # A SQLite file has no password, so lback would not read the file.
    server = replace(healthy.database, url="postgresql+psycopg://app@127.0.0.1/app")
    if section == "database":
        settings = replace(healthy, database=replace(server, password_file=missing))
    else:
        settings = replace(healthy, email=replace(healthy.email, password_file=missing))
    results = results_of(settings)
    assert results["configuration"] == CheckResult(
        "configuration",
        "fail",
        f"{section}.password_file: cannot read {missing}: No such file or directory.",
        f"Correct {section}.password_file, or make the file readable for the user who runs lback.",
    )
    assert {name: found.status for name, found in results.items() if found.status != "ok"} == {
        "configuration": "fail",
        **dict.fromkeys(skipped, "skipped"),
    }
    assert results[skipped[0]].message == "Not checked: the check of configuration failed."
    assert {results[name].message for name in skipped[1:]} <= {"Not checked: the check of database was skipped."}


def test_compatibility_warns(make_context: MakeContext) -> None:
    assert check_configuration(make_context(ready=False, compat=CompatSettings(lback_framework=True))) == CheckResult(
        "configuration",
        "warn",
        "compat.lback_framework stores tokens in plain text and hashes passwords with bcrypt.",
        "Turn it off as soon as the application is gone.",
    )


def test_unknown_environment_variable_warns(make_context: MakeContext) -> None:
    context = make_context(ready=False, warnings=(Problem("Unknown environment variable LBACK_X.", None),))
    message = "Unknown environment variable LBACK_X."
    assert check_configuration(context) == CheckResult("configuration", "warn", message)


@pytest.mark.parametrize(("security", "protection"), [("starttls", "with STARTTLS"), ("tls", "with TLS")])
def test_mail_check_logs_in_and_sends_nothing(
    make_context: MakeContext, smtp_server: Any, security: str, protection: str
) -> None:
    server = smtp_server(security, login=("lback", "s3cret"))
    message = f"Mail can be sent through localhost:{server.port} {protection}, as lback."
    email = EmailSettings(**server.options | {"sender": "accounts@example.org", "application": "Portal"})
    links = LinkSettings("https://example.org/verify?token={token}", "https://example.org/reset?token={token}")
    context = make_context(ready=False, email=email, links=links)
    assert check_mail(context) == CheckResult("mail", "ok", message)
    assert server.logins == [("lback", "s3cret")]
    assert server.messages == []


def test_mail_that_recipients_cannot_use_is_a_warning(make_context: MakeContext, smtp_server: Any) -> None:
    options = smtp_server("starttls").options
    untouched = EmailSettings(
        **options | {"sender": EmailSettings().sender, "application": EmailSettings().application}
    )
    assert check_mail(make_context(ready=False, email=untouched)) == CheckResult(
        "mail",
        "warn",
        "Links in mail lead to this machine: links.verify_email and links.reset_password."
        " Mail is sent from lback@localhost. Mail calls your application 'lback'.",
        "Set [links] to the address of your application. Set email.sender to an address of your domain."
        " Set email.application.",
    )
    links = LinkSettings("https://example.org/verify?token={token}", "http://127.0.0.1:8000/{token}")
    email = replace(untouched, sender="accounts@example.org", application="Portal")
    found = check_mail(make_context(ready=False, email=email, links=links))
    assert found.message == "Links in mail lead to this machine: links.reset_password."


def test_mail_server_that_would_refuse_mail_fails(make_context: MakeContext, smtp_server: Any, tmp_path: Path) -> None:
    server = smtp_server("starttls", login=("lback", "s3cret"))
    wrong = tmp_path / "wrong"
    wrong.write_text("another\n")
    for change, message in (
        ({"password_file": wrong}, "refused the login"),
        ({"ca_file": None}, "has a certificate that is not trusted"),
        ({"port": 1}, "cannot be reached"),
        ({"security": "tls"}, "does not speak TLS"),
    ):
        with pytest.raises(MailError, match=message):
            check_mail(make_context(ready=False, email=EmailSettings(**server.options | change)))
    for answer in ({"RCPT": "554 5.7.1 Relay access denied"}, {"MAIL": "553 5.7.1 Sender rejected"}):
        denying = smtp_server("starttls", answers=answer)
        with pytest.raises(MailError, match=r"5\.7\.1"):
            check_mail(make_context(ready=False, email=EmailSettings(**denying.options)))
    plain = smtp_server("none")
    with pytest.raises(MailError, match="does not offer STARTTLS"):
        check_mail(make_context(ready=False, email=EmailSettings(**plain.options | {"security": "starttls"})))


def test_mail_directory_must_be_writable_and_is_not_created(make_context: MakeContext, tmp_path: Path) -> None:
    directory = tmp_path / "mail"
    assert check_mail(make_context(ready=False)) == CheckResult(
        "mail", "ok", f"Mail is written to {directory} and not sent."
    )
    assert not directory.exists()
    directory.write_text("a file")
    for unusable in (directory, directory / "below"):
        with pytest.raises(MailError):
            check_mail(make_context(ready=False, email=EmailSettings(directory=unusable)))


def test_mails_that_a_killed_process_left_are_named(make_context: MakeContext, register: Any, tmp_path: Path) -> None:
    context = make_context()
    register(context, "alice")
    directory = tmp_path / "mail"
    ok = CheckResult("mail", "ok", f"Mail is written to {directory} and not sent.")
    young, *old = (directory / f".20261129T1100{second:02}.000000Z-a1b2c3d4.part" for second in range(3))
    for path in (young, *old):
        path.touch(0o600)
    assert check_mail(context) == ok, "a process may still be writing them"
    for path in old:
        os.utime(path, (0, 0))
    message = f"A killed process left 2 unfinished mails in {directory}, perhaps with a link that works."
    assert check_mail(context) == CheckResult("mail", "warn", message, f"Run: rm {old[0]} {old[1]}")
    old[0].unlink()
    assert check_mail(context).message == message.replace("2 unfinished mails", "1 unfinished mail")
