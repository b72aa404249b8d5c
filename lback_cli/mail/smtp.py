"""The transport that sends mail through a mail server."""

import smtplib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from email.message import EmailMessage

from lback_cli.errors import ConfigurationError, MailError
from lback_cli.mail.message import configured_address
from lback_cli.mail.smtp_answers import explain, verdict
from lback_cli.mail.smtp_connection import SmtpConnection
from lback_cli.mail.transports import Delivery
from lback_cli.settings.ca_file import verifying_context
from lback_cli.settings.schema import EmailSettings
from lback_cli.settings.secret_file import read_secret

_DONE = 250
"""The reply code for success (RFC 5321, section 4.2.3)."""

_ACCEPTED = frozenset({250, 251})
"""The reply codes for a recipient that the server takes mail for."""

_PROBE = "postmaster@example.com"
"""The recipient of a mail that `check` begins and never sends. It is elsewhere, as most users are (RFC 2606)."""


class SmtpTransport:
    """Sends each mail over a new connection to the mail server.

    With ``starttls`` and ``tls``, nothing is sent unless the server's certificate is valid for ``email.host``. A
    password is sent only over such a connection.
    """

    def __init__(self, settings: EmailSettings) -> None:
        self._settings = settings

    def deliver(self, message: EmailMessage) -> Delivery:
        """Send *message* to its To address, and return the server's answer.

        Raises:
            ConfigurationError: If the password or the certificates cannot be used, before connecting.
            MailError: If the server cannot be reached, is not trusted or does not accept the mail.
        """
        with self._ready_connection() as connection:
            sender, recipient = self._envelope(message)
            # Not send_message(), which changes lines that begin with "From ".
            connection.sendmail(sender, [recipient], message.as_bytes(), self._options(connection, sender, recipient))
            return Delivery(self._name, connection.accepted_as)

    def check(self, recipient: str | None = None) -> str:
        """Do all that `deliver` does up to the recipient, take it back, and return what was reached.

        Args:
            recipient: The address, which the server must accept. By default, it is one that does not matter, so that
                the server may refuse it for its own sake.

        Raises:
            ConfigurationError: As `deliver`.
            MailError: As `deliver`.
        """
        sender = self._envelope_sender(configured_address("email.sender", self._settings.sender))
        with self._ready_connection() as connection:
            connection.ehlo_or_helo_if_needed()
            code, answer = connection.mail(sender, self._options(connection, sender, recipient or _PROBE))
            if code != _DONE:
                raise smtplib.SMTPSenderRefused(code, answer, sender)
            code, answer = connection.rcpt(recipient or _PROBE)
            connection.rset()
            refusal = smtplib.SMTPRecipientsRefused({_PROBE: (code, answer)})
            if code not in _ACCEPTED and (recipient is not None or verdict(refusal) == "policy"):
                raise refusal
        security = {"starttls": "with STARTTLS", "tls": "with TLS", "none": "without encryption"}
        login = f", as {self._settings.username}" if self._settings.username else ""
        return f"{self._name} {security[self._settings.security]}{login}"

    @contextmanager
    def _ready_connection(self) -> Iterator[SmtpConnection]:
        """Provide a connection that is encrypted and logged in as configured, and end it with QUIT."""
        password = self._password()
        encrypted = self._settings.security != "none"
        context = verifying_context(self._settings.ca_file, "email.ca_file") if encrypted else None
        try:
            with closing(SmtpConnection(self._settings, context)) as connection:
                if self._settings.security == "starttls":
                    self._protect(connection)
                if password is not None:
                    connection.login(self._settings.username, password)
                yield connection
                # The mail is accepted. If QUIT fails, sending again would only duplicate it.
                with suppress(smtplib.SMTPException, OSError):
                    connection.quit()
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise self._mail_error(error) from error

    def _protect(self, connection: SmtpConnection) -> None:
        connection.ehlo_or_helo_if_needed()
        if not connection.has_extn("starttls"):
            # An attacker between could remove the offer, so without it nothing is sent.
            raise MailError(
                f"The mail server {self._name} does not offer STARTTLS, so nothing was sent.",
                hint="Check email.host and email.port. On port 465, email.security is usually tls.",
            )
        connection.protect()

    def _envelope(self, message: EmailMessage) -> tuple[str, str]:
        """Return the envelope sender and the recipient of *message*."""
        sender, recipient = (message[field].addresses[0].addr_spec for field in ("From", "To"))
        return self._envelope_sender(sender), recipient

    def _envelope_sender(self, sender: str) -> str:
        configured = self._settings.envelope_sender
        return configured_address("email.envelope_sender", configured) if configured else sender

    def _options(self, connection: SmtpConnection, sender: str, recipient: str) -> list[str]:
        """Return the options of the mail.

        Raises:
            MailError: If an address needs SMTPUTF8, which the server does not offer.
        """
        if (sender + recipient).isascii():
            return []
        connection.ehlo_or_helo_if_needed()
        if not connection.has_extn("smtputf8"):
            raise MailError(
                f"The mail server {self._name} does not support addresses beyond ASCII (SMTPUTF8, RFC 6531).",
                hint="Use an address in ASCII, or a mail server that supports SMTPUTF8.",
                verdict="refused",
            )
        return ["SMTPUTF8", "BODY=8BITMIME"]

    def _password(self) -> str | None:
        """Return the password, or None without a login."""
        if not self._settings.username:
            return None
        if self._settings.security == "none":
            raise ConfigurationError(
                "email.username is set, but email.security is 'none': a password is never sent unprotected.",
                hint="Set email.security to starttls or tls, or leave email.username empty.",
            )
        file = self._settings.password_file
        if file is None:
            raise ConfigurationError(
                "email.username is set, but email.password_file is not.",
                hint="Set it to a file whose first line is the password.",
            )
        password = read_secret(file, "email.password_file")
        if not (password + self._settings.username).isascii():
            # smtplib encodes both as ASCII, and its error would contain the password.
            raise ConfigurationError(
                "email.username and the password in email.password_file must be plain ASCII.",
                hint="Choose a user name and a password in ASCII at the mail server.",
            )
        return password

    @property
    def _name(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"

    def _mail_error(self, error: Exception) -> MailError:
        event, hint = explain(error, self._settings)
        return MailError(f"The mail server {self._name} {event}.", hint=hint, verdict=verdict(error))
