"""Dependencies for operations that are rolled back, to see what they would do."""

from collections import Counter
from functools import cached_property
from pathlib import Path

from lback_cli.mail.counting import CountingMailer
from lback_cli.mail.mailer import Mailer
from lback_cli.managers.dependencies import Dependencies
from lback_cli.security.passwords import PasswordHasher

_STUB_HASH = "*"  # neither a hash nor the mark of a user without a password


class DryRunDependencies(Dependencies):
    """Dependencies for operations that are rolled back: they send no mail and hash no password, but count both."""

    def __init__(self, services: Dependencies) -> None:
        super().__init__(services.settings, data_directory=Path(), clock=services.now)
        self.mails: Counter[str] = Counter()
        self.hashes = 0

    @cached_property
    def hasher(self) -> PasswordHasher:
        """Inspects all hashes, and computes none."""
        return _StubHasher(self)

    @property
    def queues_mail(self) -> bool:
        """False: mail in the queue would be rolled back uncounted."""
        return False

    @property
    def sends_mail(self) -> bool:
        """False: mail is only counted."""
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
        self._services.hashes += 1
        return _STUB_HASH
