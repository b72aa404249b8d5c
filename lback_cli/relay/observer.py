"""What a relay reports while it runs."""

from datetime import datetime
from typing import Protocol


class RelayObserver(Protocol):
    """Receives reports about deliveries. Several threads call it."""

    def failing(self, name: str, reason: str) -> None:
        """Report that deliveries to *name* began to fail. They are retried."""

    def recovered(self, name: str) -> None:
        """Report that deliveries to *name* succeed again."""

    def waiting(self, name: str, holder: str) -> None:
        """Report that another process, *holder*, delivers to *name*."""

    def sent(self, name: str, item: str) -> None:
        """Report that *item* was sent. Only mail is reported so, as it is of interest by itself."""

    def deferred(self, name: str, item: str, reason: str, retry_at: datetime) -> None:
        """Report that *item* was not taken, and is tried again at *retry_at*."""

    def dead_lettered(self, name: str, item: str, reason: str) -> None:
        """Report that *item* became a dead letter."""
