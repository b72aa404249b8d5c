"""What a relay says on stderr while it runs."""

from lback_cli.cli.output.writer import Output
from lback_cli.relay.observer import RelayObserver


class RelayConsoleObserver(RelayObserver):
    """One line for each change for the worse or the better."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def failing(self, name: str, reason: str) -> None:
        """Say that something takes nothing."""
        self._output.warning(f"{name}: {reason}.")

    def recovered(self, name: str) -> None:
        """Say that it does again."""
        self._output.message(f"{name}: delivering again.")

    def waiting(self, name: str, holder: str) -> None:
        """Say who else is at work."""
        self._output.message(f"{name}: {holder} works for it.")

    def given_up(self, name: str, what: str, reason: str) -> None:
        """Say what went to the dead letters."""
        self._output.warning(f"{name}: {what} went to the dead letters: {reason}.")
