"""The mails that lback sends, each to one stored address."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from lback_cli.errors import ConfigurationError, MailError
from lback_cli.mail.message import compose, is_unprintable, wire_address
from lback_cli.mail.templates import render
from lback_cli.mail.transports import Transport, build_transport
from lback_cli.settings.schema import EmailSettings, LinkSettings

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


class Mailer:
    """Writes each mail from its templates and hands it to the configured transport.

    *default_directory* is where transport ``file`` writes when ``email.directory`` is unset. Settings, templates and
    the mail server are looked at when a mail is sent, not before, so that work without mail needs none of them.

    Every method returns once the transport has accepted the mail, and raises `MailError` when it has not (the foreign
    exception is the ``__cause__``) or `ConfigurationError` when a setting or a template cannot be used. Sending the
    same mail again gives it the same Message-ID, so that receiving systems can recognise the copy. *key* says what "the
    same" is: any text that is unique to the mail or to the change, such as the id of its operation. Without one, two
    mails with the same token are the same.
    """

    def __init__(self, settings: EmailSettings, links: LinkSettings, *, default_directory: Path) -> None:
        self._settings = settings
        self._links = links
        self._default_directory = default_directory

    def send_verification(
        self, *, username: str, email: str, token: str, expires_at: datetime, key: str | None = None
    ) -> None:
        """Send *email* the link that proves it is the user's; *expires_at* without a zone is UTC."""
        link = _link("links.verify_email", self._links.verify_email, token)
        values = {"username": username, "email": email, "link": link, "expires_at": spell_time(expires_at)}
        self._send("verify_email", email, key or token, values)

    def send_password_reset(
        self, *, username: str, email: str, token: str, expires_at: datetime, key: str | None = None
    ) -> None:
        """Send *email* the link that sets a new password; *expires_at* without a zone is UTC."""
        link = _link("links.reset_password", self._links.reset_password, token)
        values = {"username": username, "email": email, "link": link, "expires_at": spell_time(expires_at)}
        self._send("reset_password", email, key or token, values)

    def send_invitation(
        self, *, username: str, email: str, token: str, expires_at: datetime, key: str | None = None
    ) -> None:
        """Send *email* the link that sets the first password; *expires_at* without a zone is UTC."""
        link = _link("links.reset_password", self._links.reset_password, token)
        values = {"username": username, "email": email, "link": link, "expires_at": spell_time(expires_at)}
        self._send("invitation", email, key or token, values)

    def send_email_changed(self, *, username: str, old_email: str, new_email: str, key: str) -> None:
        """Tell *old_email* that the account has moved to *new_email* (ASVS 6.3.7)."""
        values = {"username": username, "email": old_email, "new_email": new_email}
        self._send("email_changed", old_email, key, values)

    def send_password_changed(self, *, username: str, email: str, key: str) -> None:
        """Tell *email* that the account's password is another one now (ASVS 6.3.7)."""
        self._send("password_changed", email, key, {"username": username, "email": email})

    def send_test(self, *, email: str, key: str) -> None:
        """Send *email* a mail that shows that mail works."""
        self._send("test", email, key, {"email": email})

    def _send(self, template: str, recipient: str, secret: str, values: Mapping[str, str]) -> None:
        sender = self._sender()
        application = self._application()
        for name, value in values.items():
            if is_unprintable(value):
                raise MailError(
                    f"The mail was not sent: its {name} {value!r} contains control characters.",
                    hint="Correct the user's data; such characters can forge a mail.",
                    verdict="refused",
                )
        content = render(template, {**values, "application": application}, self._settings.templates)
        message = compose(
            content,
            sender=sender,
            sender_name=application,
            recipient=recipient,
            message_id=_message_id(template, recipient, secret, domain=sender.rpartition("@")[2]),
        )
        self._transport().deliver(message)

    def _transport(self) -> Transport:
        return build_transport(self._settings, default_directory=self._default_directory)

    def _sender(self) -> str:
        try:
            return wire_address(self._settings.sender)
        except ValueError as error:
            raise ConfigurationError(
                f"email.sender: {self._settings.sender!r} is not an e-mail address: {error}.",
                hint="Give the plain address, for instance accounts@example.org.",
            ) from error

    def _application(self) -> str:
        name = self._settings.application
        if is_unprintable(name) or not name.strip():
            raise ConfigurationError(f"email.application: {name!r} is not a name that mail can carry.")
        return " ".join(name.split())


def spell_time(moment: datetime) -> str:
    """*moment* for a reader, in UTC and rounded down to the minute: ``4 March 2026, 15:04 UTC``.

    A moment without a zone is UTC. Month names are English whatever the process's locale is, as the templates are.
    """
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}, {moment:%H:%M} UTC"


def _link(key: str, template: str, token: str) -> str:
    if "{token}" not in template:
        raise ConfigurationError(
            f"{key}: {template!r} has no {{token}}.",
            hint="Put {token} where the token belongs, for instance https://example.org/confirm?token={token}.",
        )
    if is_unprintable(template):
        raise ConfigurationError(f"{key}: {template!r} contains control characters.")
    return template.replace("{token}", quote(token, safe=""))


def _message_id(template: str, recipient: str, secret: str, *, domain: str) -> str:
    """The same for the same mail. Half of a SHA-256 digest is public, which says nothing about a 256-bit *secret*."""
    digest = hashlib.sha256(f"{template}\0{recipient}\0{secret}".encode("utf-8", "surrogatepass"))
    return f"<{digest.hexdigest()[:32]}@{domain}>"
