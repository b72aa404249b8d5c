"""An event on its way to a sink, and how a sink can fail to take it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lback_cli.events.export import cloud_event

CONTENT_TYPE = "application/cloudevents+json"
"""Of a body that is one whole event: CloudEvents' structured mode, which every protocol binding has."""


@dataclass(frozen=True, slots=True)
class Message:
    """One event as it is sent: *body* is a CloudEvent in JSON, the rest what protocols have headers for."""

    seq: int
    id: str
    signal: str
    type: str
    body: bytes

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Message":
        """The message that a row of the event log makes, as it is stored now: what was erased is not sent."""
        event = cloud_event(row)
        return cls(row["seq"], event["id"], row["signal"], event["type"], json.dumps(event).encode())


class Sink(Protocol):
    """One place that events are sent to. It connects when it has something to send, and again after a failure."""

    def send(self, message: Message) -> None:
        """Return once the other side has taken *message* over; raise a `SinkError` when it has not."""

    def idle(self) -> None:
        """Do what keeps a connection alive while there is nothing to send."""

    def close(self) -> None:
        """Let go of the connection."""


class SinkError(Exception):
    """The message was not taken: str() says why, without any secret. *retry_after* are seconds that were asked for."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class SinkUnavailable(SinkError):  # noqa: N818 - named for what happened, as in lback_cli.errors
    """The sink takes nothing at all now, whatever the message is."""


class DeliveryFailed(SinkError):  # noqa: N818
    """The sink failed on this message; it may do so each time, or not."""


class MessageRejected(SinkError):  # noqa: N818
    """The sink will never take this message."""
