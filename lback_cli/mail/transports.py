"""The ways a finished mail can leave: into a directory, or to a mail server."""

import os
import secrets
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Literal, Protocol

from lback_cli.errors import MailError
from lback_cli.settings.schema import EmailSettings


class Transport(Protocol):
    """Takes a mail off lback's hands."""

    def deliver(self, message: EmailMessage) -> None:
        """Return when *message* has been accepted; raise `MailError` when it has not."""

    def check(self) -> str:
        """Say where mail would go, having tried all but sending it; raise what `deliver` would."""


def actual_transport(settings: EmailSettings) -> Literal["file", "smtp"]:
    """How mail leaves in the end."""
    return settings.deliver_with if settings.transport == "queue" else settings.transport


def build_transport(settings: EmailSettings, *, default_directory: Path) -> Transport:
    """The transport that ``email.transport`` names, or where that is the queue, the one that empties it.

    *default_directory* stands in for an unset ``email.directory``.
    """
    if actual_transport(settings) == "smtp":
        from lback_cli.mail.smtp import SmtpTransport  # brings TLS, which files have no use for

        return SmtpTransport(settings)
    return FileTransport(settings.directory or default_directory)


class FileTransport:
    """Writes each mail as ``<time>-<id>.eml`` into *directory*, which is made, for its owner only, when missing.

    Names sort in the order of sending. A file appears complete, is readable by its owner only and replaces no other.
    Its lines end in LF, so that shell tools find the links in it.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def deliver(self, message: EmailMessage) -> None:
        """Write *message*; raises `MailError` when the directory or file cannot be written."""
        data = message.as_bytes(policy=message.policy.clone(linesep="\n"))
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}", data)
        except OSError as error:
            raise MailError(
                f"Cannot write mail to {self._directory}: {error.strerror or error}.",
                hint="Check email.directory and who may write there.",
            ) from error

    def check(self) -> str:
        """Say which directory mail is written to; raises `MailError` when that would fail. It is not made for this."""
        if self._directory.is_dir():
            usable = os.access(self._directory, os.W_OK | os.X_OK)
        else:
            above = next(parent for parent in self._directory.absolute().parents if parent.exists())
            usable = above.is_dir() and not self._directory.exists() and os.access(above, os.W_OK | os.X_OK)
        if not usable:
            raise MailError(
                f"Cannot write mail to {self._directory}.", hint="Check email.directory and who may write there."
            )
        return str(self._directory)

    def _write(self, name: str, data: bytes) -> None:
        unfinished = self._directory / f".{name}.part"
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(descriptor)
            # A link, unlike a rename, fails when the name is taken.
            (self._directory / f"{name}.eml").hardlink_to(unfinished)
        finally:
            unfinished.unlink()
