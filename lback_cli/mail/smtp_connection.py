"""A connection to a mail server, each of whose answers comes in time or not at all."""

import re
import smtplib
import socket
import ssl
from typing import Any

from lback_cli.deadline import Deadline, connect, encrypt
from lback_cli.errors import ConfigurationError
from lback_cli.mail.smtp_answers import shorten
from lback_cli.settings.schema import EmailSettings

_GOODBYE = 1.0
"""Seconds that the server has to answer QUIT. The mail is accepted already."""

_REPLY_CODES = range(200, 600)
"""RFC 5321, section 4.2.1."""

_EHLO_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Za-z.:]+\]")
"""A domain or an address literal (RFC 5321, section 4.1.1.1)."""


class SmtpConnection(smtplib.SMTP):
    """A connection in which each answer has ``email.timeout`` seconds, also if the server sends it byte by byte.

    Attributes:
        accepted_as: The server's answer to the last mail, which usually names its id in the server's queue.
    """

    def __init__(self, settings: EmailSettings, context: ssl.SSLContext | None) -> None:
        """Connect.

        Args:
            settings: The section [email].
            context: What verifies the server, or None if the connection is not to be encrypted.

        Raises:
            ConfigurationError: If ``email.ehlo_name`` is not a name.
            smtplib.SMTPException: If the server does not greet.
            OSError: If it cannot be reached or is not trusted.
        """
        self.accepted_as = ""
        self._deadline = Deadline()
        self._context = context
        self._implicit_tls = settings.security == "tls"
        self._seconds = settings.timeout
        self._name = settings.host
        name = settings.ehlo_name
        if name and not _EHLO_NAME.fullmatch(name):
            raise ConfigurationError(
                f"email.ehlo_name: {name!r} is not the name of a machine.", hint="Use a name such as mail.example.org."
            )
        super().__init__(settings.host, settings.port, local_hostname=name or None, timeout=settings.timeout)

    def protect(self) -> None:
        """Encrypt the connection (STARTTLS).

        Raises:
            smtplib.SMTPException: If the server refuses.
            OSError: If the server is not trusted.
        """
        code, answer = self.docmd("STARTTLS")
        if code != 220:  # noqa: PLR2004 - RFC 3207
            raise smtplib.SMTPResponseException(code, answer)
        assert self._context is not None
        assert self.sock is not None
        self._deadline.set(self._seconds)
        self.sock = encrypt(self.sock, self._name, self._deadline, self._context)
        # What the server said in the clear does not count any more, and may be an attacker's (RFC 3207, section 4.2).
        self.file = self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False

    def getreply(self) -> tuple[int, bytes]:
        """Read an answer.

        Raises:
            ValueError: If it has no reply code. It must not pass for a refusal of the mail.
        """
        self._deadline.set(self._seconds)
        code, answer = super().getreply()
        if code not in _REPLY_CODES:
            self.close()
            raise ValueError(code)
        return code, answer

    def send(self, s: Any) -> None:
        """Send a command or a mail."""
        self._deadline.set(self._seconds)
        super().send(s)

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Send the content of a mail."""
        code, answer = super().data(msg)
        self.accepted_as = shorten(answer.decode("utf-8", "replace"))
        return code, answer

    def quit(self) -> tuple[int, bytes]:
        """Say goodbye."""
        self._seconds = min(self._seconds, _GOODBYE)
        return super().quit()

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        self._deadline.set(timeout)
        return connect(host, port, self._deadline, self._context if self._implicit_tls else None)
