"""What may be wrong with that on which lback stands, in words."""

from typing import NamedTuple


class Problem(NamedTuple):
    """A sentence about what is not as it should be, and one about what mends it, if anything does."""

    sentence: str
    remedy: str | None = None
