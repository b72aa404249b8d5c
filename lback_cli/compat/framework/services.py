"""What lback's managers work with inside an application: the application's database, mail, links and password rules."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.engine import URL

from lback_cli.errors import MailError, ValidationError
from lback_cli.mail.mailer import Mailer
from lback_cli.mail.transports import Delivery, Transport
from lback_cli.managers.dependencies import Dependencies
from lback_cli.security.policy import PasswordPolicy
from lback_cli.settings import CompatSettings, LinkSettings, Settings, load_settings

reset_path: ContextVar[str | None] = ContextVar("lback_reset_path", default=None)
"""The path of the page to reset a password, as the application asked for it in the current call."""

_DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}
"""The driver that lback uses for a database. The application's own sessions keep theirs."""

_DEFAULT_HOST = "127.0.0.1:10000"
"""The host in links of an application that lists none in ALLOWED_HOSTS, as the framework has it."""


def application_settings(settings: Settings | None) -> Settings:
    """Return lback's settings for the application in this process.

    Compatibility is on. What *settings*, or lback's configuration, do not set is the application's own: its database,
    and the links to its endpoints.

    Raises:
        ConfigurationError: The configuration cannot be read.
    """
    from lback.core.config import Config
    from lback.models.database import DatabaseManager

    found = load_settings() if settings is None else settings
    database = found.database
    if not database.url:
        database = replace(database, url=_supported(DatabaseManager.get_instance().engine.url))
    host = next(iter(Config().ALLOWED_HOSTS), _DEFAULT_HOST)
    own = LinkSettings(
        verify_email=f"http://{host}/api/auth/verify-email/?token={{token}}",
        reset_password=f"http://{host}/api/auth/reset-password/?token={{token}}",
    )
    links = found.links if is_configured(found, "links") else own
    return replace(found, database=database, links=links, compat=CompatSettings(lback_framework=True))


def is_configured(settings: Settings, section: str) -> bool:
    """Return whether *settings* say something about *section*."""
    named = any(name.startswith(f"{section}.") and source != "default" for name, source in settings.sources.items())
    return named or getattr(settings, section) != getattr(Settings(), section)


class ApplicationServices(Dependencies):
    """The dependencies of a manager whose passwords and mail are the application's.

    Args:
        settings: The settings of `application_settings`.
        data_directory: Where lback keeps its own files, or None for a user without a home directory.
        validator: The application's rules for passwords, which hold besides lback's.
        sender: The application's ``EmailSender``. It sends the mail unless [email] is configured.
    """

    def __init__(self, settings: Settings, *, data_directory: Path | None, validator: Any, sender: Any) -> None:
        super().__init__(settings, data_directory=data_directory)
        self._validator = validator
        self._sender = sender

    @cached_property
    def policy(self) -> PasswordPolicy:
        """Lback's rules, and the application's."""
        settings = self.settings
        return _BothPolicies(
            settings.password,
            application_words=("lback", settings.email.application),
            framework=True,
            validate=self._validator.validate,
        )

    @cached_property
    def mailer(self) -> Mailer:
        """A mailer that sends through the application unless [email] is configured."""
        sender = None if is_configured(self.settings, "email") else self._sender
        return _ApplicationMailer(self.settings, Path() if sender else self.mail_directory, sender)


class _BothPolicies(PasswordPolicy):
    def __init__(self, *arguments: Any, validate: Callable[[str], None], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._validate = validate

    def check(self, password: str, *, username: str = "", email: str = "") -> str:
        from lback.utils.validation import ValidationError as ApplicationError

        try:
            self._validate(password)
        except ApplicationError as error:
            raise ValidationError("password", str(error)) from error
        return super().check(password, username=username, email=email)


class _ApplicationMailer(Mailer):
    def __init__(self, settings: Settings, directory: Path, sender: Any) -> None:
        super().__init__(settings.email, settings.links, default_directory=directory)
        self._application_sender = sender

    def _link_to(self, template: str) -> tuple[str, str]:
        name, url = super()._link_to(template)
        path = reset_path.get()
        if template != "reset_password" or path is None:
            return name, url
        configured = urlsplit(url)
        return name, f"{configured.scheme}://{configured.netloc}{path}?token={{token}}"

    def _transport(self) -> Transport:
        return super()._transport() if self._application_sender is None else _SenderTransport(self._application_sender)

    def _application(self) -> str:
        return getattr(self._application_sender, "sender_name", "") or super()._application()


class _SenderTransport:
    """Sends mail with the application's ``EmailSender``, which reports a failure only by its result."""

    def __init__(self, sender: Any) -> None:
        self._sender = sender

    def deliver(self, message: EmailMessage) -> Delivery:
        """Send *message*. Raises `MailError` if the sender does not report success."""
        html, plain = message.get_body(("html",)), message.get_body(("plain",))
        body = html or plain
        content = "" if body is None else body.get_content()
        sent = self._sender.send_email(str(message["To"]), str(message["Subject"]), content, is_html=html is not None)
        if sent is False:
            raise MailError(
                "The application's mail server did not accept the mail.",
                hint="The log of the application has the reason.",
            )
        return Delivery(str(self._sender.smtp_server))

    def check(self, recipient: str | None = None) -> str:  # noqa: ARG002 - the application cannot ask
        """Return the name of the application's mail server."""
        return str(self._sender.smtp_server)


def _supported(url: URL) -> str:
    """Return *url* with the driver that lback supports."""
    driver = _DRIVERS.get(url.get_backend_name(), url.drivername)
    return url.set(drivername=driver).render_as_string(hide_password=False)
