"""Transports: what a finished mail is handed to."""

import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Literal, Protocol

from lback_cli.errors import MailError
from lback_cli.own_file import make_own_directory, own_directory
from lback_cli.settings.schema import EmailSettings


@dataclass(frozen=True, slots=True)
class Delivery:
    """A mail that was accepted.

    Attributes:
        by: What accepted it: the mail server or the directory.
        answer: What the mail server said, which usually names the mail's id in its queue.
        file: The file that it was written to, or None if it was sent.
    """

    by: str
    answer: str = ""
    file: Path | None = None


class Transport(Protocol):
    """Sends or stores a mail."""

    def deliver(self, message: EmailMessage) -> Delivery:
        """Return when *message* is accepted.

        Raises:
            MailError: If it is not accepted.
        """

    def check(self, recipient: str | None = None) -> str:
        """Do all that `deliver` does except sending, and return where mail would go.

        Raises:
            MailError: If no mail would be accepted, or none to *recipient*.
        """


def actual_transport(settings: EmailSettings) -> Literal["file", "smtp"]:
    """Return the transport that sends mail in the end: that of the queue, if mail is queued."""
    return settings.deliver_with if settings.transport == "queue" else settings.transport


def build_transport(settings: EmailSettings, *, default_directory: Path) -> Transport:
    """Return the transport that sends mail in the end.

    Args:
        settings: The section [email].
        default_directory: Where the transport ``file`` writes if ``email.directory`` is unset.
    """
    if actual_transport(settings) == "smtp":
        from lback_cli.mail.smtp import SmtpTransport  # imports TLS, which files do not need

        return SmtpTransport(settings)
    return FileTransport(settings.directory or default_directory)


class FileTransport:
    """Writes each mail to a file ``<time>-<id>.eml`` in *directory*, which is created if it is missing.

    The names sort in the order of sending. A file appears complete, only its owner can read it, and it replaces no
    other file. Its lines end in LF, so that shell tools find the links in it.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def deliver(self, message: EmailMessage) -> Delivery:
        """Write *message* to a file.

        Raises:
            MailError: If the directory or the file cannot be written.
        """
        data = message.as_bytes(policy=message.policy.clone(linesep="\n"))
        try:
            make_own_directory(self._directory)
            file = self._write(f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}", data)
            return Delivery(str(self._directory), file=file)
        except OSError as error:
            raise MailError(
                f"Cannot write mail to {self._directory}: {error.strerror or error}.",
                hint="Check email.directory and its permissions.",
            ) from error

    def check(self, recipient: str | None = None) -> str:  # noqa: ARG002 - a directory takes mail to any address
        """Return the directory that mail is written to, without creating it.

        Raises:
            MailError: If it cannot be written.
        """
        if self._directory.is_dir():
            usable = os.access(self._directory, os.W_OK | os.X_OK)
        else:
            above = next(parent for parent in self._directory.absolute().parents if parent.exists())
            usable = above.is_dir() and not self._directory.exists() and os.access(above, os.W_OK | os.X_OK)
        if not usable:
            raise MailError(
                f"Cannot write mail to {self._directory}.", hint="Check email.directory and its permissions."
            )
        return str(self._directory)

    def unfinished(self, before: datetime) -> list[Path]:
        """Return the files that `deliver` began *before* a time and did not finish, because its process was killed."""
        try:
            found = sorted(self._directory.glob(".*.part"))
            return [path for path in found if datetime.fromtimestamp(path.lstat().st_mtime, UTC) < before]
        except OSError:
            return []

    def _write(self, name: str, data: bytes) -> Path:
        written = self._directory / f"{name}.eml"
        with own_directory(written) as (directory, final):
            unfinished = final.with_name(f".{name}.part")
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=directory)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(descriptor)
                # A link, unlike a rename, fails when the name is taken.
                os.link(unfinished, final, src_dir_fd=directory, dst_dir_fd=directory)
            finally:
                os.unlink(unfinished, dir_fd=directory)
        return written
