"""Whether the settings, and the files that they name, can be used."""

import os
from pathlib import Path

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.result import CheckResult, evaluate
from lback_cli.problem import Problem


def check_configuration(patient: CheckContext) -> CheckResult:
    """Keys and values were checked as they were read; what is left is what they point at."""
    settings = patient.settings
    named = {
        "password.blocklist_file": settings.password.blocklist_file,
        "email.ca_file": settings.email.ca_file,
        "email.templates": settings.email.templates,
    }
    problems = [Problem(error.message, error.hint) for error in patient.unusable.values()]
    problems += [
        Problem(f"{key}: {path} cannot be read.", f"Mend {key}, or make it readable for whoever runs lback.")
        for key, path in named.items()
        if path and not _readable(path)
    ]
    weaknesses = []
    if settings.compat.lback_framework:
        weaknesses.append(
            Problem(
                "compat.lback_framework keeps tokens in plain text and hashes with bcrypt.",
                "Turn it off as soon as the application is gone.",
            )
        )
    return evaluate(
        "configuration",
        "No file; all comes from the environment and defaults."
        if settings.config_file is None
        else f"{settings.config_file} is read.",
        problems=problems,
        weaknesses=weaknesses,
    )


def _readable(path: Path) -> bool:
    return os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0))
