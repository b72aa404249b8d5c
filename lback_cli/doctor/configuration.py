"""Checks of the settings, and of the files and the mail server that they name."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.result import CheckResult, evaluate
from lback_cli.problem import Problem
from lback_cli.settings import EmailSettings, Settings
from lback_cli.text.shell_quoting import command_line

_FINISHED = timedelta(minutes=15)
"""After this time, no process is still writing a mail."""

_SHOWN = 10
"""Files that a hint names."""


def check_configuration(context: CheckContext) -> CheckResult:
    """Check the files that the settings name; the keys and values were checked when they were read."""
    settings = context.settings
    files = {
        "password.blocklist_file": settings.password.blocklist_file,
        "email.ca_file": settings.email.ca_file,
        "email.templates": settings.email.templates,
    }
    errors = [Problem(error.message, error.hint) for error in context.unusable_sections.values()]
    errors += [
        Problem(f"{key}: cannot read {path}.", f"Correct {key}, or make it readable for the user who runs lback.")
        for key, path in files.items()
        if path and not _is_readable(path)
    ]
    warnings = list(settings.warnings)
    if settings.compat.lback_framework:
        warnings.append(
            Problem(
                "compat.lback_framework stores tokens in plain text and hashes passwords with bcrypt.",
                "Turn it off as soon as the application is gone.",
            )
        )
    return evaluate(
        "configuration",
        "No configuration file; all values come from the environment and the defaults."
        if settings.config_file is None
        else f"Configuration is read from {settings.config_file}.",
        errors=errors,
        warnings=warnings,
    )


def check_mail(context: CheckContext) -> CheckResult:
    """Connect and log in to the mail server as for a mail, or check the mail directory. Nothing is sent.

    Raises:
        MailError: Mail could not be sent.
        NotChecked: The settings are unusable.
    """
    from lback_cli.mail.transports import FileTransport, actual_transport, build_transport
    from lback_cli.managers.dependencies import Dependencies

    context.require_section("email")
    settings = context.settings.email
    if actual_transport(settings) == "smtp":
        server = build_transport(settings, default_directory=context.directory).check()
        return evaluate(
            "mail", f"Mail can be sent through {server}.", warnings=[*_unfit_for_recipients(context.settings)]
        )
    data_directory = context.database_without_password.directory
    directory = Dependencies(context.settings, data_directory=data_directory).mail_directory
    files = FileTransport(settings.directory or directory)
    return evaluate(
        "mail",
        f"Mail is written to {files.check()} and not sent.",
        warnings=[*_left_over(files.unfinished(context.clock() - _FINISHED))],
    )


def _left_over(unfinished: list[Path]) -> Iterator[Problem]:
    if unfinished:
        count = f"{len(unfinished)} unfinished mails" if len(unfinished) > 1 else "1 unfinished mail"
        shown = [str(path) for path in unfinished[:_SHOWN]]
        yield Problem(
            f"A killed process left {count} in {unfinished[0].parent}, perhaps with a link that works.",
            f"Run: {command_line(['rm', *shown])}",
        )


def _unfit_for_recipients(settings: Settings) -> Iterator[Problem]:
    """Yield what is still as lback came, and wrong in mail that leaves the machine."""
    local = [key for key in ("verify_email", "reset_password") if _is_local(getattr(settings.links, key))]
    if local:
        keys = " and ".join(f"links.{key}" for key in local)
        yield Problem(f"Links in mail lead to this machine: {keys}.", "Set [links] to the address of your application.")
    if settings.email.sender.endswith("@localhost"):
        yield Problem(f"Mail is sent from {settings.email.sender}.", "Set email.sender to an address of your domain.")
    if settings.email.application == EmailSettings().application:
        yield Problem("Mail calls your application 'lback'.", "Set email.application.")


def _is_local(url: str) -> bool:
    host = urlsplit(url.replace("{token}", "")).hostname
    return host in {"localhost", "127.0.0.1", "::1"}


def _is_readable(path: Path) -> bool:
    return os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0))
