"""Work in threads that a signal to the process ends in good order."""

import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

GRACE = 3.0
"""Seconds that a delivery under way has left when the process is to end."""


def run_all(jobs: Sequence[Callable[[], object]], stop: threading.Event) -> None:
    """Run *jobs* at once until all are done, or one fails, whose exception is raised.

    Signals reach the main thread alone, so what one raises there, such as `KeyboardInterrupt`, breaks into no
    delivery: it sets *stop*, on which each job finishes what it is at. One that takes longer is abandoned.
    """
    # Not Thread.join: an exception that comes out of it marks the thread as ended (Python 3.11, 3.12).
    ended: SimpleQueue[BaseException | None] = SimpleQueue()

    def work(job: Callable[[], object]) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            ended.put(error)
        else:
            ended.put(None)

    left = len(jobs)
    for job in jobs:
        threading.Thread(target=work, args=(job,), daemon=True).start()
    try:
        while left:
            error = ended.get()
            left -= 1
            if error is not None:
                raise error
    finally:
        stop.set()
        deadline = time.monotonic() + GRACE
        while left and (remaining := deadline - time.monotonic()) > 0:
            try:
                ended.get(timeout=remaining)
            except Empty:
                break
            left -= 1
