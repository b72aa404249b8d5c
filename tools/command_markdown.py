"""The commands of lback as one page of Markdown, for the documentation site."""

from collections.abc import Iterable, Iterator

from lback_cli.cli.help_page import Entry, Page
from tools.command_tree import pages


def markdown() -> str:
    """Return the page."""
    return "\n".join(line for page in pages() for line in _section(page)) + "\n"


def _section(page: Page) -> Iterator[str]:
    yield "# Commands" if len(page.words) == 1 else f"{'#' * len(page.words)} {' '.join(page.words)}"
    yield ""
    if not page.commands:
        yield f"`{' '.join(page.words)} {page.usage}`\n"
    yield from (f"{paragraph}\n" for paragraph in page.description)
    yield from _table("argument", page.arguments)
    for heading, options in page.options.items():
        yield from _table(heading, options)
    for heading, lines in page.notes.items():
        yield from _table(heading, lines)
    if page.examples:
        calls = [line for does, call in page.examples.items() for line in (f"# {does}", call)]
        yield "\n".join(["Examples:", "", "```sh", *calls, "```", ""])


def _table(heading: str, entries: Iterable[Entry]) -> Iterator[str]:
    rows = [f"| `{_cell(entry.term)}` | {_cell(entry.meaning)} |" for entry in entries]
    if rows:
        yield "\n".join([f"| {heading.lower()} | meaning |", "|---|---|", *rows, ""])


def _cell(text: str) -> str:
    return text.replace("|", r"\|")
