"""What the managers need besides the database. Each part is loaded on first use, because most commands need few."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from lback_cli.attributes import Attribute, UserAttributes
from lback_cli.errors import ConfigurationError
from lback_cli.settings import Settings
from lback_cli.text.times import utc_now

if TYPE_CHECKING:
    from lback_cli.mail.mailer import Mailer
    from lback_cli.security.passwords import PasswordHasher
    from lback_cli.security.policy import PasswordPolicy


class Dependencies:
    """What managers need besides the database: passwords, names, mail and time.

    Args:
        settings: The settings of all parts.
        data_directory: Where lback keeps its own files, or None for a user without a home directory.
        clock: Returns the current time, in UTC.
        hasher: A hasher to share, instead of a new one.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        data_directory: Path | None,
        clock: Callable[[], datetime] = utc_now,
        hasher: "PasswordHasher | None" = None,
    ) -> None:
        self.settings = settings
        self._given_hasher = hasher
        self.now = clock
        self._data_directory = data_directory

    @cached_property
    def attributes(self) -> UserAttributes:
        """The attributes of users: the built-in ones and those that the configuration declares."""
        return known_attributes(self.settings)

    @cached_property
    def hasher(self) -> "PasswordHasher":
        """Hashes and verifies passwords."""
        if self._given_hasher is not None:
            return self._given_hasher
        from lback_cli.security.passwords import PasswordHasher

        return PasswordHasher(self.settings.password, framework=self.settings.compat.lback_framework)

    @cached_property
    def policy(self) -> "PasswordPolicy":
        """Decides which new passwords are good enough."""
        from lback_cli.security.policy import PasswordPolicy

        return PasswordPolicy(
            self.settings.password,
            application_words=("lback", self.settings.email.application),
            framework=self.settings.compat.lback_framework,
        )

    @property
    def queues_mail(self) -> bool:
        """Whether operations leave their mail in the queue."""
        return self.settings.email.transport == "queue"

    @property
    def sends_mail(self) -> bool:
        """Whether mail leaves this process. If not, an operation has no effect that outlives its transaction."""
        return True

    @cached_property
    def mailer(self) -> "Mailer":
        """Sends mail, now."""
        from lback_cli.mail.mailer import Mailer
        from lback_cli.mail.transports import actual_transport

        writes_files = actual_transport(self.settings.email) == "file"
        directory = self.mail_directory if writes_files else Path()
        return Mailer(self.settings.email, self.settings.links, default_directory=directory)

    @property
    def mail_directory(self) -> Path:
        """Where the transport ``file`` writes. Raises `ConfigurationError` if there is no such directory."""
        if self.settings.email.directory is not None:
            return self.settings.email.directory
        if self._data_directory is None:
            raise ConfigurationError(
                "There is no directory for mail, because the user who runs lback has no home directory.",
                hint="Set LBACK_EMAIL_DIRECTORY, HOME or XDG_DATA_HOME, or send mail: LBACK_EMAIL_TRANSPORT=smtp.",
            )
        return self._data_directory / "mail"

    @cached_property
    def canonical_username(self) -> Callable[[str], str]:
        """A function that returns a user name as it is stored, or raises `ValidationError`."""
        from lback_cli.text.usernames import canonical_username

        return partial(canonical_username, unicode_names=self.settings.users.unicode_names)

    @cached_property
    def canonical_email(self) -> Callable[[str], str]:
        """A function that returns an address as it is stored, or raises `ValidationError`."""
        from lback_cli.text.emails import canonical_email

        return canonical_email

    def canonical_group_name(self, raw: str) -> str:
        """Return *raw* as it is stored. Raises `ValidationError`."""
        from lback_cli.text.usernames import canonical_group_name

        return canonical_group_name(raw)


def known_attributes(settings: Settings) -> UserAttributes:
    """Return the attributes of users: the built-in ones and those that the configuration declares."""
    return UserAttributes(
        Attribute(name, declared.type, "", personal=declared.personal, declared=True)
        for name, declared in settings.attributes.items()
    )
