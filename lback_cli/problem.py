"""A problem with the installation, and how to fix it."""

from typing import NamedTuple


class Problem(NamedTuple):
    """What is wrong, as a sentence, and how to fix it, if lback knows."""

    message: str
    hint: str | None = None
