"""A mailer that counts mail instead of sending it."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from lback_cli.mail.mailer import Mailer
from lback_cli.settings.schema import EmailSettings, LinkSettings


class CountingMailer(Mailer):
    """Counts mails in *counter*, by template, and sends none."""

    def __init__(self, settings: EmailSettings, links: LinkSettings, counter: Counter[str]) -> None:
        super().__init__(settings, links, default_directory=Path())
        self._counter = counter

    def _send(
        self,
        template: str,
        recipient: str,  # noqa: ARG002
        secret: str,  # noqa: ARG002
        values: Mapping[str, str],  # noqa: ARG002
        language: str = "",  # noqa: ARG002
    ) -> Path | None:
        self._counter[template] += 1
        return None
