"""The transport that sends mail through a mail server."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from email.message import EmailMessage

from lback_cli.errors import ConfigurationError, DeliveryFailureKind, MailError
from lback_cli.settings.schema import EmailSettings
from lback_cli.settings.secret_file import read_secret

_MAX_ANSWER = 200
"""Characters of a server's answer that an error repeats."""

_DONE = 250
"""The reply code for success (RFC 5321, section 4.2.3)."""

_TEMPORARY = range(400, 500)
"""Reply codes of temporary failures (RFC 5321, section 4.2.1)."""


class SmtpTransport:
    """Sends each mail over a new connection to the mail server.

    With ``starttls`` and ``tls``, nothing is sent unless the server's certificate is valid for ``email.host``. A
    password is sent only over such a connection.
    """

    def __init__(self, settings: EmailSettings) -> None:
        self._settings = settings

    def deliver(self, message: EmailMessage) -> None:
        """Send *message* from its From to its To address.

        Raises:
            ConfigurationError: If the password or the certificates cannot be used, before connecting.
            MailError: If the server cannot be reached, is not trusted or does not accept the mail.
        """
        with self._ready_connection() as connection:
            self._send(connection, message)

    def check(self) -> str:
        """Do all that `deliver` does except sending, and return what was reached.

        Raises:
            ConfigurationError: As `deliver`.
            MailError: As `deliver`.
        """
        with self._ready_connection() as connection:
            code, answer = connection.noop()
            if code != _DONE:
                raise smtplib.SMTPResponseException(code, answer)
        security = {"starttls": "with STARTTLS", "tls": "with TLS", "none": "without encryption"}
        login = f", as {self._settings.username}" if self._settings.username else ""
        return f"{self._name} {security[self._settings.security]}{login}"

    @contextmanager
    def _ready_connection(self) -> Iterator[smtplib.SMTP]:
        """Provide a connection that is encrypted and logged in as configured, and end it with QUIT."""
        password = self._password()
        context = self._tls_context()
        try:
            with closing(self._connect(context)) as connection:
                if self._settings.security == "starttls":
                    self._protect(connection, context)
                if password is not None:
                    connection.login(self._settings.username, password)
                yield connection
                # The mail is accepted. If QUIT fails, sending again would only duplicate it.
                with suppress(smtplib.SMTPException, OSError):
                    connection.quit()
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise self._mail_error(error) from error

    def _connect(self, context: ssl.SSLContext | None) -> smtplib.SMTP:
        host, port, timeout = self._settings.host, self._settings.port, self._settings.timeout
        if self._settings.security == "tls":
            return smtplib.SMTP_SSL(host, port, timeout=timeout, context=context)
        return smtplib.SMTP(host, port, timeout=timeout)

    def _protect(self, connection: smtplib.SMTP, context: ssl.SSLContext | None) -> None:
        connection.ehlo_or_helo_if_needed()
        if not connection.has_extn("starttls"):
            # An attacker between could remove the offer, so without it nothing is sent.
            raise MailError(
                f"The mail server {self._name} does not offer STARTTLS, so nothing was sent.",
                hint="Check email.host and email.port. On port 465, email.security is usually tls.",
            )
        connection.starttls(context=context)

    def _send(self, connection: smtplib.SMTP, message: EmailMessage) -> None:
        sender = message["From"].addresses[0].addr_spec
        recipient = message["To"].addresses[0].addr_spec
        options: list[str] = []
        if not (sender + recipient).isascii():
            connection.ehlo_or_helo_if_needed()
            if not connection.has_extn("smtputf8"):
                raise MailError(
                    f"The mail server {self._name} does not support addresses beyond ASCII (SMTPUTF8, RFC 6531).",
                    hint="Use an address in ASCII, or a mail server that supports SMTPUTF8.",
                    verdict="refused",
                )
            options = ["SMTPUTF8", "BODY=8BITMIME"]
        # Not send_message(), which changes lines that begin with "From ".
        connection.sendmail(sender, [recipient], message.as_bytes(), options)

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

    def _tls_context(self) -> ssl.SSLContext | None:
        if self._settings.security == "none":
            return None
        try:
            return ssl.create_default_context(cafile=self._settings.ca_file)
        except OSError as error:
            raise ConfigurationError(
                f"email.ca_file: cannot use {self._settings.ca_file}: {error.strerror or error}.",
                hint="It must be a PEM file of certificates.",
            ) from error

    @property
    def _name(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"

    def _mail_error(self, error: Exception) -> MailError:
        event, hint = _explain(error, timeout=self._settings.timeout)
        return MailError(f"The mail server {self._name} {event}.", hint=hint, verdict=_verdict(error))


def _verdict(error: Exception) -> DeliveryFailureKind:
    """Return what *error* means for the mail. Errors about the sender or the login say nothing about this mail."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            ((code, _),) = error.recipients.values()
        case smtplib.SMTPDataError(smtp_code=code):
            pass
        case _:
            return "unreachable"
    return "deferred" if code in _TEMPORARY else "refused"


def _explain(error: Exception, *, timeout: float) -> tuple[str, str]:
    """Return what the server did, and what to check."""
    # smtplib raises a timeout as a disconnection, with the timeout as its context.
    origin = error.__context__ if isinstance(error, smtplib.SMTPServerDisconnected) else error
    if isinstance(origin, TimeoutError):
        return f"did not answer within {timeout:g} s", "Check email.host, email.port and email.security."
    if isinstance(error, smtplib.SMTPException):
        return _explain_answer(error)
    match error:
        case ssl.SSLCertVerificationError():
            advice = "email.host must be a name in the certificate, and email.ca_file the authority that signed it."
            return f"has a certificate that is not trusted: {_shorten(error.verify_message)}", advice
        case ssl.SSLError():
            advice = "Check email.port and email.security. Usually 465 is tls, and 587 is starttls."
            return f"does not speak TLS as expected: {_shorten(error.reason or str(error))}", advice
        case OSError():
            return f"cannot be reached: {_shorten(error.strerror or str(error))}", "Check email.host and email.port."
        case _:
            return "cannot be used: its name or an answer is malformed", "Check email.host."


def _explain_answer(error: smtplib.SMTPException) -> tuple[str, str]:
    match error:
        case smtplib.SMTPRecipientsRefused():
            ((code, answer),) = error.recipients.values()
            return f"refused the recipient: {_quote(code, answer)}", _advise(code, "Check the user's e-mail address.")
        case smtplib.SMTPAuthenticationError(smtp_code=code, smtp_error=answer):
            advice = "Check email.username and email.password_file."
            return f"refused the login: {_quote(code, answer)}", _advise(code, advice)
        case smtplib.SMTPSenderRefused(smtp_code=code, smtp_error=answer):
            advice = "Check email.sender, and whether the server requires a login (email.username)."
            return f"refused the sender: {_quote(code, answer)}", _advise(code, advice)
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=answer):
            advice = "The answer should say why. See also the log of the mail server."
            return f"refused: {_quote(code, answer)}", _advise(code, advice)
        case smtplib.SMTPServerDisconnected():
            return "closed the connection", "Check email.port and email.security. See also the log of the mail server."
        case _:
            return (
                f"cannot accept the mail: {_shorten(str(error))}",
                "Check what the mail server supports.",
            )


def _advise(code: int, permanent: str) -> str:
    return "The server says that this is temporary. Try again later." if code in _TEMPORARY else permanent


def _quote(code: int, answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return _shorten(f"{code} {text}")


def _shorten(text: str) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= _MAX_ANSWER else f"{line[: _MAX_ANSWER - 1]}…"
