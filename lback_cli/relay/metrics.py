"""The state of the event log, the sinks, the mail queue and the locks, in the text format of Prometheus."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from lback_cli.database.engine import Database
from lback_cli.relay.admin import SinkStatus
from lback_cli.repositories.load_reader import LoadReader, MailLoad
from lback_cli.repositories.snapshot import snapshot

Value = float | int | None


class _Metric(NamedTuple):
    """A metric and its values, each with its labels. A value of None is left out."""

    name: str
    about: str
    values: Sequence[tuple[Mapping[str, str], Value]]
    kind: str = "gauge"


def metrics_text(database: Database, sinks: Sequence[SinkStatus], now: datetime) -> str:
    """Return all metrics in the text format.

    Args:
        database: The database.
        sinks: The state of each sink.
        now: The current time.
    """
    with snapshot(database) as found:
        head = found.events.head()
        load = LoadReader(found.connection)
        metrics = [
            _Metric("lback_events_total", "Events in the log.", _one(head.seq if head else 0), "counter"),
            *_of_sinks(sinks),
            *_of_mail(load.mail(now)),
            _Metric("lback_accounts_locked", "Accounts locked after failed logins.", _one(load.locked_accounts(now))),
            _Metric("lback_metrics_written_timestamp_seconds", "When this was written.", _one(now.timestamp())),
        ]
    return "".join(line + "\n" for metric in metrics for line in _lines(metric))


def _of_sinks(sinks: Sequence[SinkStatus]) -> Iterator[_Metric]:
    def each(values: Iterable[Value]) -> list[tuple[Mapping[str, str], Value]]:
        return [({"sink": sink.name}, value) for sink, value in zip(sinks, values, strict=True)]

    yield _Metric("lback_sink_lag_events", "Events that are not sent yet.", each(sink.lag for sink in sinks))
    failures = each(sink.failures for sink in sinks)
    yield _Metric("lback_sink_failures", "Failures since the last delivery.", failures)
    dead = each(sink.dead_letters for sink in sinks)
    yield _Metric("lback_sink_dead_letters", "Events that the sink did not take.", dead)
    locked = each(int(sink.worker is not None) for sink in sinks)
    yield _Metric("lback_sink_locked", "Whether a relay holds the sink.", locked)
    configured = each(int(sink.configured) for sink in sinks)
    yield _Metric("lback_sink_configured", "Whether the configuration has the sink.", configured)
    delivered = each(None if sink.delivered_at is None else sink.delivered_at.timestamp() for sink in sinks)
    yield _Metric("lback_sink_delivered_timestamp_seconds", "When an event was last delivered.", delivered)


def _of_mail(mail: MailLoad) -> Iterator[_Metric]:
    yield _Metric("lback_mail_waiting", "Mails to be sent, now or later.", _one(mail.waiting))
    yield _Metric("lback_mail_due", "Mails to be sent now.", _one(mail.due))
    yield _Metric("lback_mail_failing", "Waiting mails that failed at least once.", _one(mail.failing))
    yield _Metric("lback_mail_dead", "Mails that were given up.", _one(mail.dead))
    yield _Metric("lback_mail_locked", "Mails that a process is sending.", _one(mail.locked))
    oldest = None if mail.oldest is None else mail.oldest.timestamp()
    yield _Metric("lback_mail_oldest_timestamp_seconds", "When the oldest waiting mail was queued.", _one(oldest))


def _one(value: Value) -> list[tuple[Mapping[str, str], Value]]:
    return [({}, value)]


def _lines(metric: _Metric) -> Iterator[str]:
    present = [(labels, value) for labels, value in metric.values if value is not None]
    if not present:
        return
    yield f"# HELP {metric.name} {metric.about}"
    yield f"# TYPE {metric.name} {metric.kind}"
    for labels, value in present:
        pairs = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
        yield f"{metric.name}{'{' + pairs + '}' if pairs else ''} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
