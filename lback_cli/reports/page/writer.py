"""Write the parts of a report as one page, within a limit of its size."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import count

from lback_cli.reports.base import Bars, Figures, Grid, HeatMap, Note, Part, Record, Report, Table, Timeline
from lback_cli.reports.page.cells import cell, text
from lback_cli.reports.page.charts import bars, heat_map, timeline
from lback_cli.reports.page.proof import Proof
from lback_cli.version import __version__

LARGEST_PAGE = 10 * 1024 * 1024
"""Bytes of a page at most."""

_RESERVE = 128 * 1024
"""Bytes that are kept free for what follows the tables."""


@dataclass(frozen=True, slots=True)
class Head:
    """What stands at the top of a page: what the report is about, by name, and the proof."""

    facts: Mapping[str, str]
    proof: Proof


class PageWriter:
    """Writes one page.

    Args:
        largest: How many bytes the page may have.
    """

    def __init__(self, largest: int = LARGEST_PAGE) -> None:
        self._left = largest - _RESERVE
        self._ids = count(1)

    def pieces(self, report: Report, head: Head) -> Iterator[str]:
        """Yield the pieces of the page of *report*."""
        parts = [*report.parts()]
        for piece in self._document(report, head, parts):
            self._left -= len(piece.encode())
            yield piece

    def _document(self, report: Report, head: Head, parts: list[Part]) -> Iterator[str]:
        style, script = _resource("style.css"), _resource("script.js")
        own = f"style-src {_digest(style)}; script-src {_digest(script)}"
        policy = f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"
        yield (
            "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n"
            f'<meta http-equiv=Content-Security-Policy content="{policy}">\n'
            "<meta name=viewport content='width=device-width, initial-scale=1'>\n"
            f"<meta name=generator content='lback {__version__}'>\n<meta name=color-scheme content='light dark'>\n"
            f"<title>{text(report.title)}</title>\n<style>{style}</style>\n"
        )
        yield f"<header>\n<h1>{text(report.title)}</h1>\n"
        yield from _proof(head.proof)
        yield (
            "<dl class=facts>"
            + "".join(f"<div><dt>{text(name)}<dd>{text(value)}</div>" for name, value in head.facts.items())
            + "</dl>\n"
        )
        yield "</header>\n<main>\n"
        titled = [part for part in parts if isinstance(part, Bars | Timeline | HeatMap | Table)]
        links = "".join(
            f"<li><a href='#p{number}'>{text(part.title)}</a>" for number, part in enumerate(titled, start=1)
        )
        yield f"<nav aria-label='Contents'><ol>{links}</ol></nav>\n"
        for part in parts:
            yield from self._part(part)
        yield from (f"<p class=note>{text(note)}</p>\n" for note in report.notes)
        yield "</main>\n"
        yield f"<footer>Written by lback {__version__}. All times are in UTC.</footer>\n"
        yield f"<script>{script}</script>\n</html>\n"

    def _part(self, part: Part) -> Iterator[str]:
        match part:
            case Figures():
                items = "".join(f"<div><dt>{text(name)}<dd>{_number(value)}</div>" for name, value in part.items)
                yield f"<dl class=figures>{items}</dl>\n"
            case Note():
                yield f"<p class=note>{text(part.text)}</p>\n"
            case _:
                number = next(self._ids)
                half = " class=third" if isinstance(part, HeatMap) else ""
                yield f"<section{half}>\n<h2 id=p{number}>{text(part.title)}</h2>\n"
                if is_empty := not part.rows if isinstance(part, Bars) else isinstance(part, Grid) and part.is_empty:
                    yield "<p>None.</p>\n"
                else:
                    yield from self._titled(part, number)
                if part.note and not is_empty:
                    yield f"<p class=note>{text(part.note)}</p>\n"
                yield "</section>\n"

    def _titled(self, part: Bars | Timeline | HeatMap | Table, number: int) -> Iterator[str]:
        match part:
            case Bars():
                yield from bars(part)
            case Timeline():
                yield from timeline(part)
            case HeatMap():
                yield from heat_map(part)
            case Table():
                yield from self._table(part, number)

    def _table(self, part: Table, number: int) -> Iterator[str]:
        rows = iter(part.rows)
        written = left_out = 0
        for row in rows:
            piece = f"<tr>{''.join(cell(row[name]) for name in part.columns)}\n"
            if len(piece.encode()) > self._left:
                left_out = 1 + sum(1 for _ in rows)
                break
            if not written:
                yield f"<div class=scroll tabindex=0 role=region aria-labelledby=p{number}>"
                yield f"<table class='data sortable'><thead><tr>{_heads(part.columns, row)}<tbody>\n"
            written += 1
            yield piece
        if written:
            total = written + left_out if part.total is None else part.total
            rows_shown = f"{written:,}" if written == total else f"{written:,} of {total:,}"
            yield f"</table></div>\n<p class=note>{rows_shown} row{'' if total == 1 else 's'}.</p>\n"
        if left_out:
            yield f"<p class=note>The page is full: {left_out:,} more rows are left out.</p>\n"
        elif not written:
            yield f"<p>{text(part.empty)}</p>\n"


def _heads(columns: Mapping[str, str], row: Record) -> str:
    """Return the titles of *columns*, which are aligned as the values of the first *row*."""
    numeric = {name for name in columns if isinstance(row[name], int) and not isinstance(row[name], bool)}
    return "".join(
        f"<th scope=col{' class=n' if name in numeric else ''}>{text(title)}" for name, title in columns.items()
    )


def _proof(proof: Proof) -> Iterator[str]:
    line = "" if proof.checkpoint is None else f"<code>{text(proof.checkpoint)}</code>"
    events = "" if proof.checkpoint is None else f"{proof.checkpoint.count:,} events"
    erased = f", of which {proof.erased:,} are erased" if proof.erased else ""
    if proof.error is not None:
        yield (
            f"<div class='proof broken' role=note><p><strong>The event log does not verify.</strong> "
            f"{text(proof.error.message)} {text(proof.error.hint)}</p>"
        )
    elif proof.state == "verified":
        yield (
            "<div class='proof verified' role=note><p><strong>The event log is verified:</strong> "
            f"{events}{erased}; none was edited, removed, inserted or moved.</p>"
        )
    else:
        yield (
            f"<div class='proof unverified' role=note><p><strong>The event log was not verified.</strong> "
            f"It has {events or 'lost its end'}{erased}.</p>"
        )
    if line:
        yield f"<p>Checkpoint, which 'lback events verify --checkpoint' compares with the log:<br>{line}</p>"
    yield "</div>\n"


def _number(value: int | str) -> str:
    return f"{value:,}" if isinstance(value, int) else text(value)


def _resource(name: str) -> str:
    return (files("lback_cli.reports.page") / name).read_text("utf-8")


def _digest(content: str) -> str:
    """Return the hash of an inline style or script, as a content security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
