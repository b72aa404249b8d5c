"""Services without effects, for operations that are going to be rolled back."""

from collections import Counter
from functools import cached_property
from pathlib import Path

from lback_cli.mail.counting import CountingMailer
from lback_cli.mail.mailer import Mailer
from lback_cli.managers.dependencies import Dependencies
from lback_cli.security.passwords import PasswordHasher

_STAND_IN = "!"


class DryRunDependencies(Dependencies):
    """What *services* are, but that no mail leaves the house, and no password is hashed, which takes a core's time.

    *mails* counts, by template, what would have been sent, and *hashed* the passwords.
    """

    def __init__(self, services: Dependencies) -> None:
        super().__init__(services.settings, data_directory=Path(), clock=services.now)
        self.mails: Counter[str] = Counter()
        self.hashed = 0

    @cached_property
    def hasher(self) -> PasswordHasher:
        """Knows all hashes, and makes none."""
        return _StubHasher(self)

    @property
    def queues_mail(self) -> bool:
        """Whether operations leave their mail in the queue: it would be gone with them, uncounted."""
        return False

    @cached_property
    def mailer(self) -> Mailer:
        """Counts mail."""
        return CountingMailer(self.settings.email, self.settings.links, self.mails)


class _StubHasher(PasswordHasher):
    def __init__(self, services: DryRunDependencies) -> None:
        super().__init__(services.settings.password, framework=services.settings.compat.lback_framework)
        self._services = services

    def hash(self, password: str) -> str:  # noqa: ARG002
        self._services.hashed += 1
        return _STAND_IN
