"""Every relative link of a page leads to an existing file and heading."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PAGES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md"), *PROJECT.glob(".github/**/*.md")])
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")


def _prose(page: Path) -> str:
    """The text without code, in which brackets mean something else."""
    return re.sub(r"```.*?```|`[^`\n]*`", "code", page.read_text("utf-8"), flags=re.DOTALL)


def _anchors(page: Path) -> set[str]:
    """The anchors of the headings, as code hosts and MyST make them."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_of_pages_lead_to_existing_targets(page: Path) -> None:
    targets = [target for target in LINK.findall(_prose(page)) if not re.match(r"https?:|mailto:", target)]
    broken = []
    for target in targets:
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        if not file.exists() or (anchor and anchor not in _anchors(file)):
            broken.append(target)

    assert broken == []


def test_every_page_of_docs_is_reached_from_the_index() -> None:
    """The pages for the site alone are in its tables of contents, and the API pages in their own index."""
    index = (PROJECT / "docs" / "index.md").read_text("utf-8")
    pages = {str(page.relative_to(PROJECT / "docs")) for page in (PROJECT / "docs").glob("*.md")}

    assert {page for page in pages if f"({page})" not in index} == {"index.md", "commands.md"}


def test_every_decision_is_in_the_list() -> None:
    directory = PROJECT / "docs" / "decisions"
    table = (directory / "README.md").read_text("utf-8")
    listed = re.findall(r"^\| \[(\d{4})\]\(([\w.-]+)\) \| (.+) \|$", table, re.MULTILINE)
    pages = sorted(page for page in directory.glob("*.md") if page.name != "README.md")
    titles = {page.name: page.read_text("utf-8").splitlines()[0] for page in pages}

    assert [name for _, name, _ in listed] == [page.name for page in pages]
    assert {name: f"# {number} {title}" for number, name, title in listed} == titles
