"""How long to wait after failures."""

import random
from dataclasses import dataclass

_DOUBLINGS = 32
"""More would overflow, and no pause is that long."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses that double from *first* to *longest*, in seconds, each cut by up to half at random.

    The chance keeps relays that failed together from coming back together.
    """

    first: float
    longest: float

    def pause(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        whole = min(self.longest, self.first * 2.0 ** min(max(failures - 1, 0), _DOUBLINGS))
        return whole * random.uniform(0.5, 1)  # noqa: S311 - no secret
