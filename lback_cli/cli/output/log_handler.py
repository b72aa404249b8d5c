"""Log records as warnings of the command."""

import logging
from collections.abc import Callable


class WarningHandler(logging.Handler):
    """Hands the text of warnings and errors that are logged to *show*."""

    def __init__(self, show: Callable[[str], object]) -> None:
        super().__init__(logging.WARNING)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        """Show *record*."""
        self._show(record.getMessage())
