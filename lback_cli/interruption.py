"""The signal that ends the process. Python loses its exception if it arrives while an object is finalized."""

import sys
import threading

_received: list[KeyboardInterrupt] = []


def received(interruption: KeyboardInterrupt) -> KeyboardInterrupt:
    """Remember the *interruption* that a signal handler raises, and return it."""
    _received.append(interruption)
    return interruption


def last_interruption() -> KeyboardInterrupt | None:
    """Return what the last signal raised, if one has arrived."""
    return _received[-1] if _received else None


def forget_interruptions() -> None:
    """Forget what signals have raised, because the command has ended and its exit code is known."""
    _received.clear()


def raise_lost_interruption() -> None:
    """Raise the interruption again if it was lost, so that long work ends at its next transaction.

    While the main thread handles an exception, as it does when it cleans up, the interruption is not lost. Other
    threads never receive it: the main thread ends them.
    """
    if _received and sys.exception() is None and threading.current_thread() is threading.main_thread():
        raise _received[-1]
