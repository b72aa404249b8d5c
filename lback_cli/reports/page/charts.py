"""Charts as HTML and SVG. Each is a table, or has one, so that it can be read without seeing it."""

from collections.abc import Iterator, Sequence

from lback_cli.reports.base import Bars, HeatMap, Timeline
from lback_cli.reports.page.cells import text

_SHADES = 6
"""Steps of the colour of a heat map, without the one of zero."""

_HEIGHT = 40
"""The height of a row of columns, in the units of its SVG."""


def bars(part: Bars) -> Iterator[str]:
    """Yield a table with a bar beside each count."""
    highest = max((count for _, count in part.rows), default=0) or 1
    yield f"<table class=bars><thead><tr><th scope=col>{text(part.label)}<th scope=col class=n>{text(part.unit)}"
    yield "<th scope=col><span class=hidden>share of the largest</span><tbody>"
    for name, count in part.rows:
        width = max(round(count * 1000 / highest), 4 if count else 0)
        yield (
            f"<tr><th scope=row>{text(name).replace('_', '_<wbr>')}<td class=n>{count:,}"
            f'<td class=bar><svg viewBox="0 0 1000 10" preserveAspectRatio=none aria-hidden=true>'
            f'<rect width="{width}" height=10 /></svg>'
        )
    yield "</table>"


def timeline(part: Timeline) -> Iterator[str]:
    """Yield a row of columns for each kind, and a table of all counts."""
    first, last, step = part.columns[0], part.columns[-1], text(part.label)
    for name, counts in part.rows:
        total, highest = sum(counts), max(counts, default=0)
        busiest = f", most on {text(part.columns[counts.index(highest)])} ({highest:,})" if highest else ""
        yield (
            f"<div class=kind><div class=name><b>{text(name)}</b> {total:,}</div><div class=scale>{highest:,}</div>"
            f'<svg class=columns viewBox="0 0 {len(counts)} {_HEIGHT}" preserveAspectRatio=none role=img '
            f'aria-label="{text(name)}: {total:,} by {step} from {text(first)} to {text(last)}{busiest}">'
        )
        yield from _columns(part.columns, counts, highest or 1)
        yield "</svg></div>"
    middle = part.columns[len(part.columns) // 2]
    axis = [first, middle, last] if len(part.columns) > 2 else list(dict.fromkeys([first, last]))  # noqa: PLR2004
    yield f"<div class=axis>{''.join(f'<span>{text(label)}</span>' for label in axis)}</div>"
    yield from _numbers(part)


def heat_map(part: HeatMap) -> Iterator[str]:
    """Yield a table whose cells are the darker the higher their counts are."""
    highest = max((count for _, counts in part.rows for count in counts), default=0) or 1
    heads = "".join(f"<th scope=col class=n>{text(name)}" for name in part.columns)
    yield f"<table class=heat><thead><tr><th scope=col>{text(part.label)}{heads}<tbody>"
    for name, counts in part.rows:
        cells = "".join(f"<td class=h{_shade(count, highest)}>{count or '·'}" for count in counts)
        yield f"<tr><th scope=row>{text(name)}{cells}"
    yield "</table>"


def _shade(count: int, highest: int) -> int:
    return -(-count * _SHADES // highest)


def _columns(labels: Sequence[str], counts: Sequence[int], highest: int) -> Iterator[str]:
    for index, (label, count) in enumerate(zip(labels, counts, strict=True)):
        if count:
            height = max(count * _HEIGHT / highest, 1)
            yield (
                f'<rect x="{index + 0.1:g}" y="{_HEIGHT - height:.4g}" width=".8" height="{height:.4g}">'
                f"<title>{text(label)}: {count:,}</title></rect>"
            )


def _numbers(part: Timeline) -> Iterator[str]:
    heads = "".join(f"<th scope=col class=n>{text(name)}" for name, _ in part.rows)
    yield f"<details><summary>Numbers by {text(part.label)}</summary><div class=scroll tabindex=0 role=region "
    yield f'aria-label="{text(part.title)} in numbers">'
    yield f"<table class=data><thead><tr><th scope=col>{text(part.label)}{heads}<tbody>"
    for index, label in enumerate(part.columns):
        cells = "".join(f"<td class=n>{counts[index]}" for _, counts in part.rows)
        yield f"<tr><th scope=row>{text(label)}{cells}"
    yield "</table></div></details>"
