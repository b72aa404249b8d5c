"""Configuration of the documentation site: ``python -m sphinx -W docs build/docs``.

The pages are plain Markdown, which a code host shows too. What only Sphinx understands is added here.
"""

import os
import re
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from lback_cli import __version__

project = "lback"
author = "The lback developers"
copyright = "2026, The lback developers"  # noqa: A001 - Sphinx's name for it
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["examples", "man"]
suppress_warnings = ["misc.highlighting_failure"]  # a code block may name a language that Pygments does not know

html_theme = "furo"
html_title = f"lback {release}"
html_copy_source = False

myst_heading_anchors = 4

default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_mock_imports = ["lback"]  # the lback framework, which cannot be installed with the tools of this site
napoleon_numpy_docstring = False

DOCS = Path(__file__).parent.resolve()

CONTENTS = {
    "index": {
        "Operators": (
            "command-line commands project/configuration attributes scripts apply imports "
            "files event-log history reports databases adoption relay operations"
        ),
        "Developers": "signals receivers api/index",
        "Contributors": "project/contributing architecture requirements decisions/README benchmarks",
        "Project": "project/changelog project/security",
    },
    "decisions/README": {"Decisions": "0*"},
}
"""The tables of contents: for a page, the pages below it under their captions."""

SHOWN = {
    "project/changelog": DOCS.parent / "CHANGELOG.md",
    "project/configuration": DOCS.parent / "config.example.toml",
    "project/contributing": DOCS.parent / "CONTRIBUTING.md",
    "project/security": DOCS.parent / "SECURITY.md",
}
"""The pages that show a file from the top level of the repository."""

LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#:]+)(#[^)]*)?\)")


def prepare_page(_app: Sphinx, page: str, source: list[str]) -> None:
    """Show the file of a page that has one, point links at pages of the site, and add the table of contents."""
    file = SHOWN.get(page, DOCS / f"{page}.md")
    text = file.read_text("utf-8") if page in SHOWN else source[0]
    if page == "commands":
        sys.path.insert(0, str(DOCS.parent))
        from tools.command_markdown import markdown

        text = markdown()
    if file.suffix == ".toml":
        text = f"# Configuration\n\n```toml\n{text}```\n"
    text = LINK.sub(lambda link: _link(page, file.parent, *link.groups("")), text)
    for caption, entries in CONTENTS.get(page, {}).items():
        lines = ["```{toctree}", ":hidden:", ":glob:", f":caption: {caption}", "", *entries.split(), "```"]
        text += "\n" + "\n".join(lines) + "\n"
    source[0] = text


def _link(page: str, directory: Path, text: str, target: str, anchor: str) -> str:
    """Return the link for the site; what is not on it, such as an example, becomes plain text."""
    path = (directory / target).resolve()
    shown = next((name for name, file in SHOWN.items() if file == path), None)
    if shown is not None:
        path = DOCS / f"{shown}.md"
    elif not (path.suffix == ".md" and path.is_relative_to(DOCS)):
        return text
    return f"[{text}]({os.path.relpath(path, (DOCS / page).parent)}{anchor})"


def clear_module_docstring(_app: Sphinx, what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """Leave out the docstrings of modules, which are for readers of the source."""
    if what == "module":
        lines.clear()


def setup(app: Sphinx) -> None:
    """Connect the functions above."""
    app.connect("source-read", prepare_page)
    app.connect("autodoc-process-docstring", clear_module_docstring)
