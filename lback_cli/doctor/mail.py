"""Whether mail would leave."""

from lback_cli.doctor.finding import Finding
from lback_cli.doctor.patient import Patient


def check_mail(patient: Patient) -> Finding:
    """Connect, protect the connection and log in, as for a mail; nothing is sent.

    Raises `MailError` or `ConfigurationError`.
    """
    from lback_cli.mail.transports import build_transport

    settings = patient.settings.email
    reached = build_transport(settings, default_directory=patient.database.directory / "mail").check()
    if settings.transport == "smtp":
        return Finding("mail", "ok", f"{reached} would take mail.")
    return Finding("mail", "ok", f"Mail is written to {reached}; nobody is sent any.")
