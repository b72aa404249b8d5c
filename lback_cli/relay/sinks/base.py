"""What a sink is: the message it is sent, and the errors that it raises."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from socket import gethostname
from typing import Any, Protocol
from uuid import uuid4

from lback_cli.events.export import EVENT_COLUMNS, cloud_event
from lback_cli.events.ocsf import ocsf_event
from lback_cli.settings import SinkSettings
from lback_cli.text.times import timestamp
from lback_cli.version import __version__


@dataclass(frozen=True, slots=True)
class Message:
    """One event as it is sent. *body* is the event in JSON; the other fields are for the headers of protocols."""

    seq: int
    id: str
    signal: str
    type: str
    body: bytes
    content_type: str = "application/cloudevents+json"

    @classmethod
    def of(cls, row: Mapping[str, Any], settings: SinkSettings, *, number: int | None = None) -> "Message":
        """Return the message of a row of the event log, without what was erased from it.

        Args:
            row: The row.
            settings: The sink, which has a format, and may have a source of its own.
            number: The number of the event among those that the sink gets, if it does not get all.

        Raises:
            BrokenEventLog: The row is damaged.
        """
        content_type, encode = _FORMATS[settings.format]
        event = encode(row)
        added = event["unmapped"] if settings.format == "ocsf" else event
        if settings.source:
            added["source"] = settings.source
        if number is not None:
            added["sinksequence"] = f"{number:020}"
        body = json.dumps(event).encode()
        return cls(row["seq"] or 0, row["id"], row["signal"], f"dev.lback.{row['signal']}.v1", body, content_type)

    @classmethod
    def for_test(cls, settings: SinkSettings, now: datetime) -> "Message":
        """Return a message that is not in the log, to test a sink with."""
        row = dict.fromkeys(EVENT_COLUMNS) | {
            "seq": None,
            "id": (event_id := uuid4().hex),
            "time": timestamp(now),
            "signal": "test",
            "operation_id": event_id,
            "host": gethostname(),
            "version": __version__,
            "data": '{"test":true}',
        }
        return cls.of(row, settings)


_FORMATS: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "cloudevents": ("application/cloudevents+json", cloud_event),
    "ocsf": ("application/json", ocsf_event),
}
"""For each format, the type of a body that is one whole event, and the function that makes the event."""


class Sink(Protocol):
    """A place that events are sent to.

    The attribute `settings` of a class of sinks is a subclass of `SinkSettings`. The class is called with the name of
    the sink and an object of that subclass, and raises `ConfigurationError` if the settings cannot be used. A sink
    connects when it has something to send, and again after a failure.
    """

    def send(self, message: Message) -> None:
        """Send *message*, and return when the other side has accepted it.

        Raises:
            SinkError: If the other side has not accepted it.
        """

    def idle(self) -> None:
        """Keep the connection alive. Called about twice a second while there is nothing to send."""

    def close(self) -> None:
        """Close the connection."""


class SinkError(Exception):
    """A message was not delivered. The text says why, without a secret.

    *retry_after* is the delay that the sink asked for, in seconds. *answer* is the beginning of what it answered.
    """

    def __init__(self, reason: str, *, retry_after: float | None = None, answer: str | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.answer = answer


class SinkUnavailable(SinkError):  # noqa: N818 - named for what happened, as in lback_cli.errors
    """The sink takes no message at the moment. The attempt does not count against the message."""


class DeliveryFailed(SinkError):  # noqa: N818
    """The sink failed on this message. After some attempts, the message becomes a dead letter."""


class MessageRejected(SinkError):  # noqa: N818
    """The sink will never take this message. It becomes a dead letter at once."""
