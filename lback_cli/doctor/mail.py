"""Whether mail would leave."""

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.result import CheckResult


def check_mail(patient: CheckContext) -> CheckResult:
    """Connect, protect the connection and log in, as for a mail; nothing is sent.

    Raises `MailError`, or `NotChecked` where the settings cannot be used.
    """
    from lback_cli.mail.transports import actual_transport, build_transport

    patient.require("email")
    settings = patient.settings.email
    if actual_transport(settings) == "smtp":
        reached = build_transport(settings, default_directory=patient.directory).check()
        return CheckResult("mail", "ok", f"Mail would be taken by {reached}.")
    directory = settings.directory or patient.place.directory / "mail"
    reached = build_transport(settings, default_directory=directory).check()
    return CheckResult("mail", "ok", f"Mail is written to {reached}; nobody is sent any.")
