"""What the answers of a mail server mean: for the mail, and for the settings."""

import re
import smtplib
import ssl
from dataclasses import dataclass

from lback_cli.errors import DeliveryFailureKind
from lback_cli.settings.schema import EmailSettings

_MAX_ANSWER = 200
"""Characters of a server's answer that an error repeats."""

_TEMPORARY = range(400, 500)
"""Reply codes of temporary failures (RFC 5321, section 4.2.1)."""

_AUTHENTICATION_REQUIRED = frozenset({530, 534, 535, 538})
"""Reply codes about the login (RFC 4954, section 6)."""

_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
_ABOUT_LOGIN = re.compile(r"\brelay|\bauth(entication|enticate)?\b|\blog ?in\b", re.IGNORECASE)
_ABOUT_EHLO = re.compile(r"\b(helo|ehlo)\b", re.IGNORECASE)
_ABOUT_SENDER = re.compile(r"\b(sender|from address|mail from)\b", re.IGNORECASE)

_NO_ROOM = 552
"""The reply code for a mail that is larger than the room for it (RFC 5321, section 4.2.3)."""

_MAILBOX_FULL = "5.2.2"
_TOO_LARGE = frozenset({"5.2.3", "5.3.4"})
_QUOTA = "5.4.5"
_BAD_SENDER = frozenset({"5.1.7", "5.1.8"})


@dataclass(frozen=True, slots=True)
class Answer:
    """A negative answer of a mail server: its reply code and its text."""

    code: int
    text: str

    @classmethod
    def of(cls, code: int, text: bytes | str) -> "Answer":
        """Return the answer that `smtplib` has read."""
        return cls(code, text.decode("utf-8", "replace") if isinstance(text, bytes) else text)

    @property
    def enhanced(self) -> str:
        """The enhanced status code (RFC 3463), or an empty text."""
        found = _ENHANCED.match(self.text)
        return "" if found is None else found[1]

    @property
    def is_temporary(self) -> bool:
        """True if a later attempt may succeed without a change."""
        return self.code in _TEMPORARY

    @property
    def is_too_large(self) -> bool:
        """True if the server takes no mail of that size."""
        return self.enhanced in _TOO_LARGE

    @property
    def is_about_room(self) -> bool:
        """True if there is no room for the mail, which may change."""
        return self.enhanced == _MAILBOX_FULL or (self.code == _NO_ROOM and not self.enhanced)

    @property
    def is_about_us(self) -> bool:
        """True if the server refuses our login, our sender, our host or our quota, and not this recipient."""
        if self.is_temporary:
            return False
        if self.enhanced:
            return self.enhanced.startswith("5.7.") or self.enhanced == _QUOTA or self.enhanced in _BAD_SENDER
        return self.code in _AUTHENTICATION_REQUIRED or _ABOUT_LOGIN.search(self.text) is not None

    def __str__(self) -> str:
        return shorten(f"{self.code} {self.text}")


def answer_to_mail(error: Exception) -> Answer | None:
    """Return the answer with which the server refused one mail, or None if *error* is not about a mail."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            ((code, text),) = error.recipients.values()
            return Answer.of(code, text)
        case smtplib.SMTPDataError(smtp_code=code, smtp_error=text):
            return Answer.of(code, text)
        case smtplib.SMTPSenderRefused(smtp_code=code, smtp_error=text):
            # The size is announced with the sender (RFC 1870), so this may be about the mail.
            answer = Answer.of(code, text)
            return answer if answer.is_too_large or code == _NO_ROOM else None
        case _:
            return None


def verdict(error: Exception) -> DeliveryFailureKind:
    """Return what *error* means for the mail. Errors about the sender or the login say nothing about this mail."""
    answer = answer_to_mail(error)
    if answer is None:
        return "unreachable"
    if answer.is_about_us:
        return "policy"
    # A full mailbox may be emptied.
    at_sender = isinstance(error, smtplib.SMTPSenderRefused)
    return "deferred" if answer.is_temporary or (answer.is_about_room and not at_sender) else "refused"


def explain(error: Exception, settings: EmailSettings) -> tuple[str, str]:
    """Return what the server did, and what to check."""
    # smtplib raises a timeout as a disconnection, with the timeout as its context.
    origin = error.__context__ if isinstance(error, smtplib.SMTPServerDisconnected) else error
    if isinstance(origin, TimeoutError):
        return f"did not answer within {settings.timeout:g} s", "Check email.host, email.port and email.security."
    if isinstance(error, smtplib.SMTPException):
        return _explain_answer(error, settings)
    match error:
        case ssl.SSLCertVerificationError():
            advice = "email.host must be a name in the certificate, and email.ca_file the authority that signed it."
            return f"has a certificate that is not trusted: {shorten(error.verify_message)}", advice
        case ssl.SSLError():
            advice = "Check email.port and email.security. Usually 465 is tls, and 587 is starttls."
            return f"does not speak TLS as expected: {shorten(error.reason or str(error))}", advice
        case OSError():
            return f"cannot be reached: {shorten(error.strerror or str(error))}", "Check email.host and email.port."
        case _:
            return "cannot be used: its name or an answer is malformed", "Check email.host."


def shorten(text: str) -> str:
    """Return *text* on one line, without its full stop and not too long for a message."""
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= _MAX_ANSWER else f"{line[: _MAX_ANSWER - 1]}…"


def _explain_answer(error: smtplib.SMTPException, settings: EmailSettings) -> tuple[str, str]:
    if (answer := answer_to_mail(error)) is not None:
        return _explain_refusal(answer, error, settings)
    match error:
        case smtplib.SMTPAuthenticationError(smtp_code=code, smtp_error=text):
            answer = Answer.of(code, text)
            return f"refused the login: {answer}", _advise(answer, "Check email.username and email.password_file.")
        case smtplib.SMTPSenderRefused(smtp_code=code, smtp_error=text):
            answer = Answer.of(code, text)
            return f"refused the sender: {answer}", _advise(answer, _settings_to_check(answer, settings))
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=text):
            answer = Answer.of(code, text)
            return f"refused: {answer}", _advise(
                answer, "The answer should say why. See also the log of the mail server."
            )
        case smtplib.SMTPServerDisconnected():
            return "closed the connection", "Check email.port and email.security. See also the log of the mail server."
        case _:
            return f"cannot accept the mail: {shorten(str(error))}", "Check what the mail server supports."


def _explain_refusal(answer: Answer, error: smtplib.SMTPException, settings: EmailSettings) -> tuple[str, str]:
    """Return what the server did with one mail, and what to check."""
    if answer.is_about_us:
        return f"refuses mail from lback: {answer}", _settings_to_check(answer, settings)
    if answer.is_too_large or isinstance(error, smtplib.SMTPSenderRefused):
        return f"refuses the mail as too large: {answer}", "Shorten the template, or raise the limit of the server."
    if answer.is_about_room:
        return f"has no room for the recipient: {answer}", "Try again when there is room in the mailbox."
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"refused the recipient: {answer}", _advise(answer, "Check the user's e-mail address.")
    return f"refused: {answer}", _advise(answer, "The answer should say why. See also the log of the mail server.")


def _settings_to_check(answer: Answer, settings: EmailSettings) -> str:
    """Return which settings an answer about us is probably about."""
    if answer.enhanced == _QUOTA:
        who = settings.username or "this machine"
        return f"The limit of {who} at the mail server is reached. Raise it there, or try again later."
    if _ABOUT_EHLO.search(answer.text):
        return "Set email.ehlo_name to the full name of this machine, as the DNS knows it."
    if not settings.username:
        return "The server probably requires a login (email.username), or email.sender to be an address of its own."
    if answer.enhanced in _BAD_SENDER or _ABOUT_SENDER.search(answer.text):
        return f"Check email.sender and email.envelope_sender: {settings.username} must be allowed to use them."
    return "Check email.username, email.sender and email.ehlo_name. See also the log of the mail server."


def _advise(answer: Answer, permanent: str) -> str:
    return "The server says that this is temporary. Try again later." if answer.is_temporary else permanent
