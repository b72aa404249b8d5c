"""The messages of a relay on standard error."""

from datetime import datetime

from lback_cli.cli.output.output import Output
from lback_cli.relay.observer import RelayObserver
from lback_cli.text.times import to_the_second


class RelayConsoleObserver(RelayObserver):
    """Shows a line when the delivery to a sink fails or recovers."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def failing(self, name: str, reason: str) -> None:
        """Report that a delivery fails."""
        self._output.notice(f"{name}: {reason}.")

    def recovered(self, name: str) -> None:
        """Report that deliveries succeed again."""
        self._output.message(f"{name}: delivering again.")

    def waiting(self, name: str, holder: str) -> None:
        """Report that another process holds the lease."""
        self._output.message(f"{name}: waiting for {holder}, which holds the lease.")

    def sent(self, name: str, item: str) -> None:
        """Report a mail that was sent."""
        self._output.message(f"{name}: {item} was sent.")

    def deferred(self, name: str, item: str, reason: str, retry_at: datetime) -> None:
        """Report an item that is tried again."""
        self._output.message(f"{name}: {item} is tried again at {to_the_second(retry_at)}: {reason}.")

    def dead_lettered(self, name: str, item: str, reason: str) -> None:
        """Report a new dead letter."""
        self._output.notice(f"{name}: {item} is now a dead letter: {reason}.")
