"""What a relay tells while it runs."""


class RelayObserver:
    """Is told how the delivery goes, by several threads; this one does not care."""

    def failing(self, name: str, reason: str) -> None:
        """The sink takes nothing, since just now, and is tried again."""

    def recovered(self, name: str) -> None:
        """The sink takes something again."""

    def waiting(self, name: str, holder: str) -> None:
        """Another process works for the sink."""

    def given_up(self, name: str, what: str, reason: str) -> None:
        """Something went to the dead letters."""
