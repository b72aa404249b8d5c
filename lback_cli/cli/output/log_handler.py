"""Log records as warnings of the command."""

import logging

from lback_cli.cli.output.output import Output


class WarningHandler(logging.Handler):
    """Shows warnings and errors that are logged, in the form in which the output shows its own."""

    def __init__(self, output: Output) -> None:
        super().__init__(logging.WARNING)
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        """Show *record*."""
        self._output.warning(record.getMessage())
