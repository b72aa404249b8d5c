"""The mails that lback sends to users."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from lback_cli.errors import ConfigurationError, MailError
from lback_cli.mail.log import MailLog
from lback_cli.mail.message import compose, configured_address, is_unprintable, wire_address
from lback_cli.mail.templates import render
from lback_cli.mail.transports import Transport, build_transport
from lback_cli.settings.schema import EmailSettings, LinkSettings

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


class Mailer:
    """Writes each mail from its templates and hands it to the configured transport.

    Settings, templates and the mail server are used only when a mail is sent, so operations without mail need none of
    them. Each method returns when the transport has accepted the mail: the file to which the mail was written, or None
    if it was sent. It raises `MailError` if the transport did not accept the mail, with the transport's exception as
    the ``__cause__``, or `ConfigurationError` if a setting or a template cannot be used.

    A mail that is sent again has the same Message-ID, so that mail systems recognise the copy. The Message-ID depends
    on the template, the recipient and *key*, a text that is unique to the change, such as the id of the operation. By
    default, *key* is the token. Times without a zone are UTC. *language* is a language tag (BCP 47), which selects
    templates if there are any for it.
    """

    def __init__(self, settings: EmailSettings, links: LinkSettings, *, default_directory: Path) -> None:
        """Create a mailer.

        Args:
            settings: The section [email].
            links: The section [links].
            default_directory: Where the transport ``file`` writes if ``email.directory`` is unset.
        """
        self._settings = settings
        self._links = links
        self._default_directory = default_directory

    def send_link(
        self,
        template: str,
        *,
        username: str,
        email: str,
        token: str,
        expires_at: datetime,
        key: str | None = None,
        language: str = "",
    ) -> Path | None:
        """Send *email* the link for *token*: ``verify_email``, ``invitation`` or ``reset_password`` by *template*."""
        name, url = self._link_to(template)
        values = {
            "username": username,
            "email": email,
            "link": _link(f"links.{name}", url, token),
            "expires_at": format_time(expires_at),
            "expires": _iso(expires_at),
        }
        return self._send(template, email, key or token, values, language)

    def send_email_changed(
        self, *, username: str, old_email: str, new_email: str, key: str, language: str = ""
    ) -> Path | None:
        """Notify *old_email* that the user's address was changed to *new_email* (ASVS 6.3.7)."""
        values = {"username": username, "email": old_email, "new_email": new_email}
        return self._send("email_changed", old_email, key, values, language)

    def send_password_changed(self, *, username: str, email: str, key: str, language: str = "") -> Path | None:
        """Notify *email* that the user's password was changed (ASVS 6.3.7)."""
        return self._send("password_changed", email, key, {"username": username, "email": email}, language)

    def send_test(self, *, email: str, key: str) -> Path | None:
        """Send *email* a mail that shows that the settings work."""
        return self._send("test", email, key, {"email": email})

    def check(self, recipient: str | None = None) -> str:
        """Do all that sending a mail does up to the recipient, take it back, and return where mail would go.

        Raises:
            ConfigurationError: If a setting cannot be used.
            MailError: If no mail would be accepted, or none to *recipient*.
        """
        return self._transport().check(recipient and wire_address(recipient))

    def _send(
        self, template: str, recipient: str, secret: str, values: Mapping[str, str], language: str = ""
    ) -> Path | None:
        sender = configured_address("email.sender", self._settings.sender)
        reply_to = self._settings.reply_to and configured_address("email.reply_to", self._settings.reply_to)
        application = self._application()
        for name, value in values.items():
            if is_unprintable(value):
                raise MailError(
                    f"The mail was not sent: its {name} {value!r} contains control characters.",
                    hint="Correct the user's data. Such characters can forge a mail.",
                    verdict="refused",
                )
        shared = {"application": application, "contact": self._contact(application)}
        content = render(template, {**values, **shared}, self._settings.templates, language)
        message = compose(
            content,
            sender=sender,
            sender_name=application,
            recipient=recipient,
            reply_to=reply_to,
            message_id=_message_id(template, recipient, secret, domain=sender.rpartition("@")[2]),
        )
        with MailLog(self._settings.log_file) as log:
            delivery = self._transport().deliver(message)
            log.record(template=template, recipient=recipient, message_id=message["Message-ID"], delivery=delivery)
        return delivery.file

    def _link_to(self, template: str) -> tuple[str, str]:
        """Return the key in [links] whose URL that mail has, and the URL."""
        if template == "verify_email":
            return "verify_email", self._links.verify_email
        return "reset_password", self._links.reset_password

    def _transport(self) -> Transport:
        return build_transport(self._settings, default_directory=self._default_directory)

    def _application(self) -> str:
        name = self._settings.application
        if is_unprintable(name) or not name.strip():
            raise ConfigurationError(f"email.application: {name!r} is not one line of text.")
        return " ".join(name.split())

    def _contact(self, application: str) -> str:
        contact = self._settings.support_contact
        if is_unprintable(contact):
            raise ConfigurationError(f"email.support_contact: {contact!r} is not one line of text.")
        return contact or f"the people who run {application}"


def _iso(moment: datetime) -> str:
    """Return *moment* as text in UTC that is the same in every language: ``2026-03-04 15:04 UTC``."""
    return f"{_utc(moment):%Y-%m-%d %H:%M} UTC"


def format_time(moment: datetime) -> str:
    """Return *moment* as text in UTC, rounded down to the minute: ``4 March 2026, 15:04 UTC``.

    A moment without a zone is UTC. The month is English in every locale, as the templates are.
    """
    moment = _utc(moment)
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}, {moment:%H:%M} UTC"


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _link(key: str, template: str, token: str) -> str:
    if "{token}" not in template:
        raise ConfigurationError(
            f"{key}: {template!r} has no {{token}}.",
            hint="Write {token} where the token belongs, for instance https://example.org/confirm?token={token}.",
        )
    if is_unprintable(template):
        raise ConfigurationError(f"{key}: {template!r} contains control characters.")
    return template.replace("{token}", quote(token, safe=""))


def _message_id(template: str, recipient: str, secret: str, *, domain: str) -> str:
    """Return the Message-ID. It has half of a SHA-256 digest, which reveals nothing about a 256-bit *secret*."""
    digest = hashlib.sha256(f"{template}\0{recipient}\0{secret}".encode("utf-8", "surrogatepass"))
    return f"<{digest.hexdigest()[:32]}@{domain}>"
