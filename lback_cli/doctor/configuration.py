"""Checks of the settings, and of the files and the mail server that they name."""

import os
from pathlib import Path

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.result import CheckResult, evaluate
from lback_cli.problem import Problem


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
    from lback_cli.mail.transports import actual_transport, build_transport
    from lback_cli.managers.dependencies import Dependencies

    context.require_section("email")
    settings = context.settings.email
    if actual_transport(settings) == "smtp":
        server = build_transport(settings, default_directory=context.directory).check()
        return CheckResult("mail", "ok", f"Mail can be sent through {server}.")
    data_directory = context.database_without_password.directory
    directory = Dependencies(context.settings, data_directory=data_directory).mail_directory
    destination = build_transport(settings, default_directory=directory).check()
    return CheckResult("mail", "ok", f"Mail is written to {destination} and not sent.")


def _is_readable(path: Path) -> bool:
    return os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0))
