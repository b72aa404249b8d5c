"""The record of every mail that left, as JSON Lines in a file."""

import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from lback_cli.errors import ConfigurationError
from lback_cli.mail.transports import Delivery
from lback_cli.own_file import open_own
from lback_cli.text.times import timestamp

_LOGGER = logging.getLogger(__name__)


class MailLog:
    """The file ``email.log_file``, open for one mail. Without a file, nothing is recorded.

    It is opened before the mail is sent, so that no mail leaves that cannot be recorded. Only the user who runs lback
    can read it, and have made it.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        """Open the file.

        Raises:
            ConfigurationError: If it cannot be written.
        """
        if self._path is not None:
            try:
                self._descriptor = open_own(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOCTTY)
            except OSError as error:
                raise ConfigurationError(
                    f"email.log_file: cannot write {self._path}: {error.strerror or error}.",
                    hint="It must be a file of the user who runs lback, in a directory that this user can write.",
                ) from error
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def record(self, *, template: str, recipient: str, message_id: str, delivery: Delivery) -> None:
        """Add a line about a mail that was sent. A failure is only logged, because the mail has left."""
        if self._descriptor is None:
            return
        line = {
            "time": timestamp(datetime.now(UTC)),
            "template": template,
            "recipient": recipient,
            "message_id": message_id,
            "by": delivery.by,
            "answer": delivery.answer or None,
            "file": None if delivery.file is None else str(delivery.file),
        }
        try:
            # One write, so that lines of several processes do not mix.
            os.write(self._descriptor, json.dumps(line).encode() + b"\n")
        except OSError as error:
            _LOGGER.warning("Cannot record a mail that was sent in %s: %s", self._path, error.strerror)
