"""What a copy tells while it runs."""

from typing import Literal

Step = Literal["copied", "read back", "compared"]
"""What becomes of every row: the target gets it, the target gives it back, and the source is asked for it once more."""


class CopyObserver:
    """Is told how a copy goes on; this one does not care."""

    def begun(self, step: Step, rows: int) -> None:
        """That *step* begins, for so many *rows*."""

    def advanced(self, rows: int) -> None:
        """So many *rows* more have come through the step."""

    def copied(self, table: str, rows: int) -> None:
        """The target has all *rows* of *table*."""

    def emptied(self) -> None:
        """The source has changed since an earlier copy to the target was cut off, so that it is begun anew."""

    def interrupted(self, *, begun: bool) -> None:
        """The copy was asked to end before its time; *begun* is whether the target has something of it."""

    def ended(self) -> None:
        """There is no more to tell."""
