"""Write ``docs/man``, a manual page for each command: ``python -m tools.generate_man_pages``.

The commands themselves are the source, and the date is that of the release in CHANGELOG.md, so that the same commit
always makes the same pages.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from lback_cli import __version__
from lback_cli.cli.exit_codes import MEANINGS
from lback_cli.cli.help_page import Entry, Page
from tools.command_tree import pages

PROJECT = Path(__file__).parents[1]
DIRECTORY = PROJECT / "docs" / "man"

ENVIRONMENT = (
    Entry("LBACK_SECTION_KEY", "Sets a key of the configuration: `url` in `[database]` is `LBACK_DATABASE_URL`."),
    Entry("LBACK_CONFIG", "The configuration file."),
    Entry("LBACK_OUTPUT", "The format of results, as for `--output`."),
    Entry("LBACK_ACTOR", "The actor that the event log records."),
    Entry("NO_COLOR, FORCE_COLOR", "No colours; colours even if the output is not a terminal."),
)


def render() -> dict[str, str]:
    """Return the text of every page, by the name of its file."""
    date = _release_date()
    return {f"{_name(page)}.1": "\n".join(_lines(page, date)) + "\n" for page in pages()}


def _release_date() -> str:
    text = (PROJECT / "CHANGELOG.md").read_text("utf-8")
    found = re.search(rf"^## {re.escape(__version__)} \((\d{{4}}-\d\d-\d\d)\)$", text, re.MULTILINE)
    if found is None:
        raise SystemExit(f"CHANGELOG.md has no line '## {__version__} (YYYY-MM-DD)'.")
    return found[1]


def _lines(page: Page, date: str) -> Iterator[str]:
    """Yield *page* in the macros of man(7)."""
    yield r".\" Written by tools/generate_man_pages.py. Change the help text of the command instead."
    yield f'.TH "{_name(page).upper()}" 1 "{date}" "lback {__version__}" "lback manual"'
    yield ".SH NAME"
    summary = page.description[0]
    yield rf"{_escaped(_name(page))} \- {_text(summary[0].lower() + summary[1:].rstrip('.'))}"
    yield ".SH SYNOPSIS"
    yield rf".B {_escaped(' '.join(page.words))}"
    yield _escaped(page.usage)
    yield ".SH DESCRIPTION"
    for number, paragraph in enumerate(page.description):
        yield from ([".PP"] if number else [])
        yield _text(paragraph)
    if page.arguments:
        yield ".SH ARGUMENTS"
        yield from _entries(page.arguments)
    for number, (heading, options) in enumerate(page.options.items()):
        yield ".SH OPTIONS" if not number else f'.SS "{_escaped(heading)}"'
        yield from _entries(options)
    if page.commands:
        yield ".SH COMMANDS"
        yield from _entries(Entry(f"{_name(page)}-{e.term}(1)", f"{e.meaning}.") for e in page.commands)
    for heading, lines in page.notes.items():
        yield f'.SH "{_escaped(heading.upper())}"'
        yield from _entries(lines)
    if page.examples:
        yield ".SH EXAMPLES"
    for does, call in page.examples.items():
        yield ".PP"
        yield _text(f"{does}:")
        yield ".EX"
        yield _escaped(f"    {call}")
        yield ".EE"
    if len(page.words) == 1:
        yield ".SH EXIT STATUS"
        yield from _entries(Entry(str(code.value), meaning) for code, meaning in MEANINGS.items())
        yield ".SH ENVIRONMENT"
        yield from _entries(ENVIRONMENT)
    else:
        yield ".SH SEE ALSO"
        related = dict.fromkeys(["lback", _name(page, without=1)])
        yield ",\n".join(rf".BR {_escaped(name)} (1)" for name in related)
        yield ".PP"
        yield _text("Options that every command takes, exit codes and the environment are described in `lback`(1).")


def _name(page: Page, *, without: int = 0) -> str:
    """Return the name of the manual page, or that of the group *without* the last words."""
    return "-".join(page.words[: len(page.words) - without])


def _entries(entries: Iterable[Entry]) -> Iterator[str]:
    for entry in entries:
        yield from (".TP", rf"\fB{_escaped(entry.term)}\fR") if entry.term else (".br",)
        yield _text(entry.meaning)


def _text(text: str) -> str:
    """Return prose in roff, with what stands in backticks in bold."""
    return re.sub(r"`([^`]+)`", r"\\fB\1\\fR", _escaped(text))


def _escaped(text: str) -> str:
    """Return *text* so that roff shows every character as it is."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("·", r"\(bu")
    return rf"\&{escaped}" if escaped.startswith((".", "\\(aq")) else escaped


if __name__ == "__main__":
    DIRECTORY.mkdir(exist_ok=True)
    for old in DIRECTORY.iterdir():
        old.unlink()
    for name, text in render().items():
        (DIRECTORY / name).write_text(text, "utf-8")
