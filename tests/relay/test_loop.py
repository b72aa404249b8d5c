"""The loop of a delivery, without anything to deliver."""

import threading
from collections.abc import Callable

import pytest

from lback_cli.errors import DatabaseError
from lback_cli.relay.loop import Backoff, DeliveryLoop

from .harness import RecordingObserver

BUSY = DatabaseError("The database is busy.")


@pytest.fixture
def observer() -> RecordingObserver:
    return RecordingObserver()


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def loop(observer: RecordingObserver, stop: threading.Event) -> DeliveryLoop:
    return DeliveryLoop("it", observer, backoff=Backoff(0.001, 0.01), max_attempts=3, stop=stop)


class Failing:
    """Raises `BUSY` for so many calls, and then calls *done*."""

    def __init__(self, failures: int, done: Callable[[], bool]) -> None:
        self.calls = 0
        self._failures = failures
        self._done = done

    def __call__(self) -> bool:
        self.calls += 1
        if self.calls <= self._failures:
            raise BUSY
        return self._done()


def test_loop_continues_after_database_errors_and_reports_the_first(
    loop: DeliveryLoop, observer: RecordingObserver
) -> None:
    step = Failing(5, lambda: False)
    loop.run(step, once=False)
    assert step.calls == 6
    assert observer.reports == [("failing", "it", "The database is busy")]
    loop.report_success()
    loop.report_success()
    assert observer.reports[1:] == [("recovered", "it")]


def test_loop_that_runs_once_ends_with_the_first_database_error(
    loop: DeliveryLoop, observer: RecordingObserver
) -> None:
    step = Failing(5, lambda: False)
    with pytest.raises(DatabaseError):
        loop.run(step, once=True)
    assert (step.calls, observer.reports) == (1, [])


@pytest.mark.parametrize("once", [False, True])
def test_outcome_is_saved_once_the_database_accepts_it(loop: DeliveryLoop, once: bool) -> None:
    store = Failing(2, lambda: True)
    loop.once = once
    loop.save(store)
    assert store.calls == 3


def test_save_gives_up_after_the_last_attempt_of_a_run_with_once(loop: DeliveryLoop) -> None:
    store = Failing(9, lambda: True)
    loop.once = True
    with pytest.raises(DatabaseError):
        loop.save(store)
    assert store.calls == 3


def test_save_gives_up_when_the_loop_is_stopped(loop: DeliveryLoop, stop: threading.Event) -> None:
    stop.set()
    store = Failing(9, lambda: True)
    with pytest.raises(DatabaseError):
        loop.save(store)
    assert store.calls == 1


def test_loop_waits_for_more_work_unless_it_runs_once(loop: DeliveryLoop, stop: threading.Event) -> None:
    stop.set()  # so that it does not wait in fact
    assert loop.poll()
    loop.once = True
    assert not loop.poll()


def test_delays_double_up_to_the_maximum_and_vary() -> None:
    backoff = Backoff(initial=1.0, maximum=60.0)
    for failures, longest in ((0, 1), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (10**9, 60)):
        delays = {backoff.delay(failures) for _ in range(50)}
        assert longest / 2 <= min(delays) < max(delays) <= longest


def test_failure_that_comes_and_goes_is_reported_once_in_a_while(
    loop: DeliveryLoop, observer: RecordingObserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("lback_cli.relay.loop.time.monotonic", lambda: now)
    for _ in range(3):
        loop.report_failure("full")
        loop.report_success()
    assert observer.reports == [("failing", "it", "full"), ("recovered", "it")]
    loop.report_failure("gone")
    loop.report_success()
    assert observer.reports[2:] == [("failing", "it", "gone"), ("recovered", "it")]
    now = 1061.0
    loop.report_failure("gone")
    loop.report_success()
    assert observer.reports[4:] == [("failing", "it", "gone"), ("recovered", "it")]
    for _ in range(9):
        loop.report_failure("gone")
    assert observer.reports[6:] == [("failing", "it", "gone")], "it does not pass"
