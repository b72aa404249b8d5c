"""What a person does with sinks: look at them, set them back, and deal with their dead letters."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from lback_cli.database.engine import Database
from lback_cli.errors import DeadLetterNotFound, EventNotFound, SinkNotFound
from lback_cli.lease import LeaseOwner
from lback_cli.models import DeadLetter, SinkState
from lback_cli.relay.sinks import build_sink
from lback_cli.relay.sinks.base import Message, SinkError
from lback_cli.repositories.event_repository import EventQuery
from lback_cli.repositories.unit_of_work import UnitOfWork, reading, transaction
from lback_cli.settings import SinkSettings


@dataclass(frozen=True, slots=True)
class SinkStatus:
    """One sink: how far it has come, by how much it *lags* behind the log, and how it goes.

    *position* is None where no relay ever worked for it; *configured* is false where it is no longer in the settings.
    """

    name: str
    configured: bool
    position: int | None
    lag: int
    failures: int
    dead_letters: int
    last_error: str | None
    delivered_at: datetime | None
    worker: str | None


class SinkAdmin:
    """The sinks of one database, those in *settings* and those that were."""

    def __init__(self, database: Database, settings: Mapping[str, SinkSettings], now: Callable[[], datetime]) -> None:
        self._database = database
        self._settings = settings
        self._now = now

    def sinks(self) -> list[SinkStatus]:
        """All sinks, by name."""
        with reading(self._database) as work:
            head = _head(work)
            known = {sink.name: sink for sink in work.sinks.list_all()}
            dead = work.sinks.count_dead_letters()
        names = sorted({*self._settings, *known, *dead})
        return [self._status(name, known.get(name), head, dead.get(name, 0)) for name in names]

    def replay(self, name: str, seq: int) -> int:
        """Send a sink everything from event *seq* on, once more; how many that are.

        A relay at work goes on from there with its next event. Raises `SinkNotFound` or `EventNotFound`.
        """
        with transaction(self._database) as work:
            sink = work.sinks.get(name)
            if sink is None and name not in self._settings:
                raise self._unknown(name)
            head = _head(work)
            if not 1 <= seq <= head + 1:
                raise EventNotFound(
                    f"There is no event {seq}, nor will it be the next.", hint=f"The log ends with event {head}."
                )
            if sink is None:
                work.sinks.add(SinkState(name=name, position=seq - 1, failures=0, tries=0))
            else:
                work.sinks.change(name, {"position": seq - 1, "tries": 0})
        return head - seq + 1

    def dead_letters(self, name: str | None, sequences: Collection[int] | None = None) -> list[DeadLetter]:
        """Those of one sink, or of all; raises `SinkNotFound`, or `DeadLetterNotFound` unless all *sequences* are."""
        with reading(self._database) as work:
            found = work.sinks.dead_letters(name, sequences)
            known = name is None or name in self._settings or bool(found) or work.sinks.get(name) is not None
        if not known:
            raise self._unknown(str(name))
        missing = sorted({*(sequences or ())} - {letter.seq for letter in found})
        if missing:
            raise DeadLetterNotFound(
                f"{name} has no dead letter {missing[0]}.", hint=f"'lback events dead-letters list {name}' has them."
            )
        return [*found]

    def retry(self, name: str, sequences: Collection[int] | None) -> Iterator[tuple[int, str | None]]:
        """Send dead letters again now, each once: the number of each, and why the sink did not take it, or None.

        What is taken is no dead letter any more. Raises what `dead_letters` raises, and `ConfigurationError`.
        """
        if name not in self._settings:
            raise self._unknown(name)
        sink = build_sink(name, self._settings[name])
        letters = self.dead_letters(name, sequences)
        try:
            for letter in letters:
                with reading(self._database) as work:
                    row = next(work.events.select(EventQuery(after=letter.seq - 1, before=letter.seq + 1, limit=1)))
                try:
                    sink.send(Message.of(row))
                except SinkError as error:
                    self._bury_again(letter, str(error))
                    yield letter.seq, str(error)
                else:
                    with transaction(self._database) as work:
                        work.sinks.remove_dead_letter(name, letter.seq)
                    yield letter.seq, None
        finally:
            sink.close()

    def drop(self, name: str, sequences: Collection[int] | None) -> int:
        """Forget dead letters; how many. Raises what `dead_letters` raises."""
        letters = self.dead_letters(name, sequences)
        with transaction(self._database) as work:
            return sum(work.sinks.remove_dead_letter(name, letter.seq) for letter in letters)

    def _bury_again(self, letter: DeadLetter, error: str) -> None:
        with transaction(self._database) as work:
            if work.sinks.remove_dead_letter(letter.sink, letter.seq):
                again = DeadLetter(sink=letter.sink, seq=letter.seq, tries=letter.tries + 1, error=error)
                again.given_up_at = self._now()
                work.sinks.add_dead_letter(again)

    def _status(self, name: str, sink: SinkState | None, head: int, dead: int) -> SinkStatus:
        configured = name in self._settings
        if sink is None:
            waiting = head if configured and self._settings[name].start == "first" else 0
            return SinkStatus(name, configured, None, waiting, 0, dead, None, None, None)
        alive = sink.lease_until is not None and sink.lease_until > self._now()
        worker = None
        if sink.owner is not None and alive and (owner := LeaseOwner.parse(sink.owner)).lives is not False:
            worker = owner.name
        return SinkStatus(
            name,
            configured,
            sink.position,
            max(0, head - sink.position),
            sink.failures,
            dead,
            sink.last_error,
            sink.delivered_at,
            worker,
        )

    def _unknown(self, name: str) -> SinkNotFound:
        known = ", ".join(self._settings) or "none"
        return SinkNotFound(f"There is no sink {name!r}.", hint=f"Configured are: {known}.")


def _head(work: UnitOfWork) -> int:
    head = work.events.head()
    return 0 if head is None else head.seq
