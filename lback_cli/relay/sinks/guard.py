"""The guard between the relay and a sink: whatever a sink raises is a failure of that sink alone."""

import logging

from lback_cli.relay.sinks.base import Message, Sink, SinkError, SinkUnavailable
from lback_cli.settings import SinkSettings

_LOGGER = logging.getLogger(__name__)

_UNEXPECTED = "Unexpected exception of a sink."


class GuardedSink:
    """A sink that raises nothing but `SinkError`, also if the code of another package has a bug."""

    settings = SinkSettings

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def send(self, message: Message) -> None:
        """Send *message*.

        Raises:
            SinkError: If it was not delivered. An unexpected exception does not count against the message.
        """
        try:
            self._sink.send(message)
        except SinkError:
            raise
        except (Exception, SystemExit) as error:
            _LOGGER.debug(_UNEXPECTED, exc_info=True)
            self.close()
            # Its text may contain a secret.
            raise SinkUnavailable(f"unexpected {type(error).__name__}") from error

    def idle(self) -> None:
        """Keep the connection alive, or close it if that fails."""
        try:
            self._sink.idle()
        except Exception:
            _LOGGER.debug(_UNEXPECTED, exc_info=True)
            self.close()

    def close(self) -> None:
        """Close the connection."""
        try:
            self._sink.close()
        except Exception:
            _LOGGER.debug(_UNEXPECTED, exc_info=True)
