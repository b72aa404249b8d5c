"""The transport that hands mail to a mail server."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from email.message import EmailMessage

from lback_cli.errors import ConfigurationError, DeliveryFailureKind, MailError
from lback_cli.settings.schema import EmailSettings
from lback_cli.settings.secret_file import read_secret

_LONGEST_ANSWER = 200
"""Characters of a server's answer that an error repeats."""

_DONE = 250
"""The reply code of what was done (RFC 5321, section 4.2.3)."""

_TEMPORARY = range(400, 500)
"""Reply codes that invite another try (RFC 5321, section 4.2.1)."""


class SmtpTransport:
    """Hands each mail to the mail server of *settings*, over a connection of its own.

    With ``starttls`` and ``tls`` the server's certificate must be valid for ``email.host``, or nothing is said to it;
    a login is only ever sent over such a connection.
    """

    def __init__(self, settings: EmailSettings) -> None:
        self._settings = settings

    def deliver(self, message: EmailMessage) -> None:
        """Send *message* from its From to its To address.

        Raises `ConfigurationError`, before connecting, when login or certificates are not usable, and `MailError`, with
        the foreign exception as its cause, when the server cannot be reached, is not trusted or does not accept.
        """
        with self._ready_connection() as connection:
            self._send(connection, message)

    def check(self) -> str:
        """Do all that `deliver` does before it sends, and say whom that reached. Raises what `deliver` raises."""
        with self._ready_connection() as connection:
            code, answer = connection.noop()
            if code != _DONE:
                raise smtplib.SMTPResponseException(code, answer)
        security = {"starttls": "with STARTTLS", "tls": "with TLS", "none": "without encryption"}
        login = f", as {self._settings.username}" if self._settings.username else ""
        return f"{self._name} {security[self._settings.security]}{login}"

    @contextmanager
    def _ready_connection(self) -> Iterator[smtplib.SMTP]:
        """A connection that is protected and logged in, and ended with a goodbye."""
        password = self._password()
        context = self._tls_context()
        try:
            with closing(self._connect(context)) as connection:
                if self._settings.security == "starttls":
                    self._protect(connection, context)
                if password is not None:
                    connection.login(self._settings.username, password)
                yield connection
                # The mail is accepted by now: whatever becomes of the goodbye, sending again would double it.
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
            # Whoever sits between us and the server can strip the offer, so its absence is never taken for consent.
            raise MailError(
                f"The mail server {self._name} does not offer STARTTLS, so nothing was sent.",
                hint="Check email.host and email.port; a server on port 465 usually wants email.security = tls.",
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
                    f"The mail server {self._name} does not take addresses beyond ASCII (SMTPUTF8, RFC 6531).",
                    hint="Use an address in ASCII, or a mail server that supports SMTPUTF8.",
                    verdict="refused",
                )
            options = ["SMTPUTF8", "BODY=8BITMIME"]
        # Not send_message(): it writes the mail anew and puts a > before lines that begin with "From ".
        connection.sendmail(sender, [recipient], message.as_bytes(), options)

    def _password(self) -> str | None:
        """The password of the login, or None where there is no login."""
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
                hint="Name a file whose first line is the password.",
            )
        password = read_secret(file, "email.password_file")
        if not (password + self._settings.username).isascii():
            # smtplib encodes logins as ASCII; its own error would quote the password.
            raise ConfigurationError(
                "email.username and the password in email.password_file must be plain ASCII.",
                hint="Choose a login without accents and the like at the mail server.",
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
    """What the answer means for this mail; one about the sender or the login is not about the mail."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            ((code, _),) = error.recipients.values()
        case smtplib.SMTPDataError(smtp_code=code):
            pass
        case _:
            return "unreachable"
    return "deferred" if code in _TEMPORARY else "refused"


def _explain(error: Exception, *, timeout: float) -> tuple[str, str]:
    """What the server did, and what to check."""
    # smtplib turns a timeout into a disconnection, and keeps it as the context only.
    origin = error.__context__ if isinstance(error, smtplib.SMTPServerDisconnected) else error
    if isinstance(origin, TimeoutError):
        return f"did not answer within {timeout:g} s", "Check email.host, email.port and email.security."
    if isinstance(error, smtplib.SMTPException):
        return _explain_answer(error)
    match error:
        case ssl.SSLCertVerificationError():
            advice = "email.host must be a name in the certificate, and email.ca_file its authority."
            return f"could not prove who it is: {_shorten(error.verify_message)}", advice
        case ssl.SSLError():
            advice = "Check email.port and email.security: usually 465 is tls and 587 is starttls."
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
            advice = "Check email.sender, and whether the server wants a login (email.username)."
            return f"refused the sender: {_quote(code, answer)}", _advise(code, advice)
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=answer):
            advice = "The answer should say why; the server's log may say more."
            return f"refused: {_quote(code, answer)}", _advise(code, advice)
        case smtplib.SMTPServerDisconnected():
            return "closed the connection", "Check email.port and email.security; the server's log may say why."
        case _:
            return f"cannot take the mail: {_shorten(str(error))}", "Check email.security and what the server supports."


def _advise(code: int, permanent: str) -> str:
    return "The server calls this temporary: try again later." if code in _TEMPORARY else permanent


def _quote(code: int, answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return _shorten(f"{code} {text}")


def _shorten(text: str) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= _LONGEST_ANSWER else f"{line[: _LONGEST_ANSWER - 1]}…"
