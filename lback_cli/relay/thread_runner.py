"""Jobs in threads that an interrupted process ends in good order."""

import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

GRACE_SECONDS = 3.0
"""How long a delivery under way can take when the process is to end."""


def run_all(jobs: Sequence[Callable[[], object]], stop: threading.Event) -> None:
    """Run *jobs* at the same time until all are done, and raise the first exception of any.

    Signals reach only the main thread, so an exception that one raises there, such as `KeyboardInterrupt`, interrupts
    no delivery. It sets *stop*, so that each job finishes what it is doing. Jobs that take longer are abandoned.
    """
    # Not Thread.join: an exception that leaves it marks the thread as ended (Python 3.11 and 3.12).
    results: SimpleQueue[BaseException | None] = SimpleQueue()

    def run(job: Callable[[], object]) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            results.put(error)
        else:
            results.put(None)

    running = len(jobs)
    for job in jobs:
        threading.Thread(target=run, args=(job,), daemon=True).start()
    try:
        while running:
            error = results.get()
            running -= 1
            if error is not None:
                raise error
    finally:
        stop.set()
        deadline = time.monotonic() + GRACE_SECONDS
        while running and (remaining := deadline - time.monotonic()) > 0:
            try:
                results.get(timeout=remaining)
            except Empty:
                break
            running -= 1
