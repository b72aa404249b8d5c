"""Check that events reach the sinks, and mail its recipients."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from urllib.parse import urlsplit

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.event_log import parse_time
from lback_cli.doctor.result import CheckResult, evaluate
from lback_cli.errors import ConfigurationError
from lback_cli.problem import Problem
from lback_cli.relay.admin import SinkAdmin, SinkStatus
from lback_cli.relay.sinks import build_sink
from lback_cli.relay.sinks.network import is_loopback
from lback_cli.repositories.event_repository import EventQuery
from lback_cli.settings import SinkSettings
from lback_cli.settings.secret_file import read_secret_lines
from lback_cli.settings.sink_kinds import BrokerSettings

LATE = timedelta(minutes=15)
"""How long an event or a mail may wait before this check reports it: a relay may run from cron."""


def check_sinks(context: CheckContext) -> CheckResult:
    """Check that the settings of every sink can be used, with the files that they name, and are safe.

    Nothing is connected.
    """
    relay = context.settings.relay
    errors = [problem for name, settings in relay.items() for problem in _unusable(name, settings)]
    warnings = [] if errors else [problem for name, settings in relay.items() for problem in _unsafe(name, settings)]
    success = {0: "No sinks are configured.", 1: "The settings of the sink can be used."}
    text = success.get(len(relay), f"The settings of {len(relay)} sinks can be used.")
    return evaluate("sinks", text, errors=errors, warnings=warnings)


def check_delivery(context: CheckContext) -> CheckResult:
    """Check that no event and no mail waits long or was given up."""
    context.require_tables()
    context.require_readable("lback_events", "lback_sinks", "lback_dead_letters", "lback_mail_queue")
    sinks = SinkAdmin(context.database, context.settings.relay, context.clock).sinks()
    configured = [sink for sink in sinks if sink.configured]
    warnings = [problem for sink in configured for problem in _failures(sink)]
    if idle := [sink for sink in configured if not sink.failures and _is_idle(context, sink)]:
        waiting = ", ".join(f"{sink.name} ({sink.lag})" for sink in idle)
        warnings.append(Problem(f"No process delivers the events that wait for {waiting}.", "Run: lback events relay"))
    return evaluate(
        "delivery", "No event and no mail waits to be delivered.", warnings=[*warnings, *_mail_problems(context)]
    )


def _unusable(name: str, settings: SinkSettings) -> Iterator[Problem]:
    """Yield why the sink cannot be used: the first error of its own, or the files with secrets that it cannot read."""
    try:
        build_sink(name, settings).close()
        for key in fields(settings):
            path = getattr(settings, key.name)
            if key.metadata.get("secret_file") and path is not None:
                read_secret_lines(path, f"relay.{name}.{key.name}")
    except ConfigurationError as error:
        yield Problem(error.message, error.hint or f"Correct [relay.{name}] in the configuration.")


def _unsafe(name: str, settings: SinkSettings) -> Iterator[Problem]:
    """Yield that events are sent to another machine without encryption. A webhook refuses such a URL itself."""
    if not isinstance(settings, BrokerSettings):
        return
    url = urlsplit(settings.url)
    if url.scheme not in settings.encrypted_schemes and not is_loopback(url.hostname or "localhost"):
        yield Problem(
            f"relay.{name}.url is not encrypted and leads to another machine: others may read events and passwords.",
            f"Use {settings.encrypted_schemes[0]}:// unless the network is your own.",
        )


def _failures(sink: SinkStatus) -> Iterator[Problem]:
    if sink.failures:
        yield Problem(
            f"{sink.name} does not take events ({sink.lag} wait): {sink.last_error}.",
            f"When it is corrected, run: lback events sinks test {sink.name}",
        )
    if sink.dead_letters:
        letters = "1 dead letter" if sink.dead_letters == 1 else f"{sink.dead_letters} dead letters"
        yield Problem(f"{sink.name} has {letters}.", f"Run: lback events dead-letters list {sink.name}")


def _is_idle(context: CheckContext, sink: SinkStatus) -> bool:
    """Return whether no process serves *sink*, and the first event after its position is old."""
    if not sink.lag or sink.worker is not None:
        return False
    with context.reading() as uow:
        first = next(uow.events.select(EventQuery(after=sink.position or 0, limit=1)), None)
    return first is not None and context.clock() - parse_time(first["time"]) > LATE


def _mail_problems(context: CheckContext) -> Iterator[Problem]:
    with context.reading() as uow:
        dead = uow.mails.count_dead()
        late, error = uow.mails.delayed(context.clock() - LATE)
    if dead:
        yield Problem(f"{_mails(dead)} dead, so lback no longer tries to send.", "Run: lback mail queue list")
    if late and error is not None:
        yield Problem(f"{_mails(late)} delayed: {error}", "Run: lback mail queue list")
    elif late:
        yield Problem(f"{_mails(late)} waiting, and no process delivers.", "Run: lback mail deliver")


def _mails(count: int) -> str:
    return "1 mail is" if count == 1 else f"{count} mails are"
