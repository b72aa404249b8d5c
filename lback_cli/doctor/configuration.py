"""Whether the settings, and the files that they name, can be used."""

import os
from pathlib import Path

from lback_cli.doctor.finding import Finding, judge
from lback_cli.doctor.patient import Patient
from lback_cli.settings.secret_file import read_secret


def check_configuration(patient: Patient) -> Finding:
    """Keys and values were checked as they were read; what is left is what they point at.

    Raises `ConfigurationError` for a password file that cannot be used.
    """
    settings = patient.settings
    for path, key in (
        (settings.database.password_file, "database.password_file"),
        (settings.email.password_file, "email.password_file"),
    ):
        if path is not None:
            read_secret(path, key)
    named = {
        "password.blocklist_file": settings.password.blocklist_file,
        "email.ca_file": settings.email.ca_file,
        "email.templates": settings.email.templates,
    }
    unreadable = [f"{key}: {path} cannot be read" for key, path in named.items() if path and not _readable(path)]
    weaknesses = []
    if settings.compat.lback_framework:
        weaknesses.append("compat.lback_framework keeps tokens in plain text and hashes with bcrypt")
    return judge(
        "configuration",
        "No file; all comes from the environment and defaults."
        if settings.config_file is None
        else f"{settings.config_file} is read.",
        problems=unreadable,
        weaknesses=weaknesses,
        hint="Check the paths." if unreadable else "Turn it off as soon as the application is gone.",
    )


def _readable(path: Path) -> bool:
    return os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0))
