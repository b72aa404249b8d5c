"""The callbacks of a running copy."""

from typing import Literal

Step = Literal["copied", "read back", "compared"]
"""What happens to every row: it is copied to the target, read back from it, and compared with the source once more."""


class CopyObserver:
    """Receives the progress of a copy; the methods do nothing by default."""

    def begun(self, step: Step, rows: int) -> None:
        """*step* begins, for so many *rows*."""

    def advanced(self, rows: int) -> None:
        """The step has processed so many *rows* more."""

    def copied(self, table: str, rows: int) -> None:
        """The target has all *rows* of *table*."""

    def emptied(self) -> None:
        """The target was emptied, because the source has changed since an earlier copy was interrupted."""

    def interrupted(self, *, begun: bool) -> None:
        """The copy was interrupted; *begun* is true if the target is already marked as a copy."""

    def ended(self) -> None:
        """No more calls follow."""
