"""Bars beside counts."""

from collections.abc import Sequence

from lback_cli.cli.output.format import Record

_BLOCKS = " ▏▎▍▌▋▊▉█"
_BAR_LENGTH = 4
"""Cells of the longest bar: with it, five counts of five digits fit into 80 columns beside a date."""


def with_bars(records: Sequence[Record], kinds: Sequence[str]) -> list[Record]:
    """Return *records* with a bar after each count; all have the same scale."""
    digits = {kind: max((len(str(record[kind])) for record in records), default=0) for kind in kinds}
    highest = max((record[kind] for record in records for kind in kinds), default=0) or 1

    def text(record: Record, kind: str) -> str:
        return f"{record[kind]:>{digits[kind]}} {_bar(record[kind] / highest)}".rstrip()

    return [{**record, **{kind: text(record, kind) for kind in kinds}} for record in records]


def _bar(part: float) -> str:
    """Return a bar for *part*, from 0 to 1. It is never invisible unless *part* is 0."""
    eighths = round(part * _BAR_LENGTH * 8) or (part > 0)
    return _BLOCKS[-1] * (eighths // 8) + _BLOCKS[eighths % 8].strip()
