"""Work in threads that a signal to the process ends in good order."""

import threading
import time
from collections.abc import Callable, Sequence

GRACE = 3.0
"""Seconds that a delivery under way has left when the process is to end."""


def run_all(jobs: Sequence[Callable[[], object]], stop: threading.Event) -> None:
    """Run *jobs* at once until all are done, or one fails, whose exception is raised.

    Signals reach the main thread alone, so what one raises there, such as `KeyboardInterrupt`, breaks into no
    delivery: it sets *stop*, on which each job finishes what it is at. One that takes longer is abandoned.
    """
    broken: list[BaseException] = []

    def work(job: Callable[[], object]) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            broken.append(error)

    threads = [threading.Thread(target=work, args=(job,), daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            # In slices, or a failure in another thread would not be seen.
            while thread.is_alive() and not broken:
                thread.join(0.1)
    finally:
        stop.set()
        deadline = time.monotonic() + GRACE
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
    if broken:
        raise broken[0]
