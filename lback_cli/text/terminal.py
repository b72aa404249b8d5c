"""Whether to write colours to a stream."""

import os
from typing import TextIO


def wants_color(stream: TextIO) -> bool:
    """Return whether to write colours to *stream*: NO_COLOR decides, then FORCE_COLOR, then the terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"
