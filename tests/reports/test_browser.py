"""The pages in Chromium, if it is installed: they are accessible, sortable, searchable, and fit narrow screens."""

import html as html_module
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.reports.history import HOSTILE, History, company

GOLDEN = Path(__file__).with_name("golden")
REPORTS = {"access": [], "activity": ["--since", "2026-01-01"]}
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-extensions"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
)
_POLICY = re.compile(r"<meta http-equiv=Content-Security-Policy[^>]*>")
_LOOKS = {
    "light": lambda html: html,
    "dark": lambda html: html.replace("@media (prefers-color-scheme: dark)", "@media all"),
    "print": lambda html: html.replace("@media print", "@media all"),
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The page of each report on a company with users of all kinds of names."""
    directory = tmp_path_factory.mktemp("company")
    history = History(f"sqlite:///{directory}/lback.db", directory)
    company(history, people=30, days=21)
    for number, name in enumerate(HOSTILE):
        history.rename_behind_lback(12 + number, name)
    yield {report: _write(history, report, *options) for report, options in REPORTS.items()}
    history.database.dispose()


def _write(history: History, report: str, *options: str) -> str:
    from lback_cli.events.moment import Moment  # noqa: F401 - loaded before the clock is read
    from lback_cli.reports.base import Request, Source
    from lback_cli.reports.page.proof import prove
    from lback_cli.reports.page.writer import Head, PageWriter
    from lback_cli.reports.registry import find_report
    from lback_cli.repositories.snapshot import snapshot

    since = options[1] if options else None
    with snapshot(history.database) as found:
        proof = prove(history.database, found, verify=True)
        kind = find_report(report)
        facts = {"database": "sqlite:///company.db", "made at (UTC)": "2026-09-22 08:00:00"}
        made = kind(Source(found, history.services, Request(since=since)))
        return "".join(PageWriter().pieces(made, Head(facts, proof)))


@pytest.fixture(scope="module")
def browse(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """``browse(html, *flags)``: the document in Chromium after its scripts have run."""
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if program is None:
        pytest.skip("needs Chromium: apt install chromium")
    directory = tmp_path_factory.mktemp("browser")

    def run(html: str, *flags: str) -> str:
        path = directory / "page.html"
        path.write_text(html, "utf-8")
        command = [program, *_FLAGS, f"--user-data-dir={directory}/profile", "--virtual-time-budget=20000", *flags]
        done = subprocess.run([*command, "--dump-dom", path.as_uri()], capture_output=True, timeout=120, check=True)
        return done.stdout.decode()

    return run


def _with_script(html: str, script: str) -> str:
    """Return the page with a script that may run, which shows its result as JSON."""
    return (
        _POLICY.sub("", html)
        + f"<script>{script.replace('</script', chr(60) + chr(92) + '/script')}</script>"
        + "<script>Promise.resolve(check()).then(result => {"
        + "document.documentElement.innerHTML = '<pre id=result></pre>';"
        + "document.getElementById('result').textContent = JSON.stringify(result); });</script>"
    )


def _result(dumped: str) -> Any:
    found = re.search(r'<pre id="result">(.*)</pre>', dumped, re.DOTALL)
    assert found is not None, dumped[:2000]
    return json.loads(html_module.unescape(found[1]))


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core."""
    places = [Path(__file__).parents[2] / "node_modules"]
    if (npm := shutil.which("npm")) is not None:
        root = subprocess.run([npm, "root", "-g"], capture_output=True, text=True, check=False).stdout.strip()
        places.append(Path(root))
    source = next((path for place in places if (path := place / "axe-core" / "axe.min.js").is_file()), None)
    if source is None:
        pytest.skip("needs axe-core: npm install -g axe-core")
    return source.read_text("utf-8")


@pytest.mark.parametrize("look", _LOOKS)
@pytest.mark.parametrize("report", REPORTS)
def test_axe_has_no_finding(
    pages: dict[str, str], browse: Callable[..., str], axe: str, report: str, look: str
) -> None:
    check = """
    async function check() {
      const found = await axe.run(document, {resultTypes: ['violations', 'incomplete']});
      const short = rule => [rule.id, rule.impact, rule.nodes.map(node => node.html.slice(0, 200)).slice(0, 3)];
      return {passes: found.passes.length, violations: found.violations.map(short)};
    }"""
    found = _result(browse(_with_script(_LOOKS[look](pages[report]), axe + check), "--window-size=1280,900"))
    assert found["violations"] == []
    assert found["passes"] > 20


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize(("look", "width"), [("light", 320), ("light", 400), ("light", 1280), ("print", 720)])
def test_page_is_as_wide_as_the_screen_or_the_sheet(
    pages: dict[str, str], browse: Callable[..., str], report: str, look: str, width: int
) -> None:
    framed = html_module.escape(_POLICY.sub("", _LOOKS[look](pages[report])), quote=True)
    script = """async function check() {
      const frame = document.querySelector('iframe');
      while (!frame.contentDocument || !frame.contentDocument.querySelector('footer')) {
        await new Promise(done => setTimeout(done, 50));
      }
      const root = frame.contentDocument.documentElement;
      return [root.clientWidth, root.scrollWidth];
    }"""
    outer = f'<!doctype html><iframe width={width} height=900 style="border:0" srcdoc="{framed}"></iframe>'
    assert _result(browse(_with_script(outer, script), "--window-size=1400,1000")) == [width, width]


def test_each_sheet_of_a_printed_table_has_its_header(browse: Callable[..., str], tmp_path: Path) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("needs pdftotext: apt install poppler-utils")
    history = History(f"sqlite:///{tmp_path}/lback.db", tmp_path)
    company(history, people=120, days=1)
    html = _write(history, "access")
    history.database.dispose()
    browse(html, "--no-pdf-header-footer", f"--print-to-pdf={tmp_path}/page.pdf")
    done = subprocess.run(
        ["pdftotext", "-layout", tmp_path / "page.pdf", "-"], capture_output=True, text=True, check=True
    )
    sheets = [sheet for sheet in done.stdout.split("\f") if sheet.count("user") > 9]
    assert len(sheets) > 2
    assert [sheet.count("e-mail address") for sheet in sheets] == [1] * len(sheets)


def test_tables_are_sorted_and_searched(pages: dict[str, str], browse: Callable[..., str]) -> None:
    script = """function check() {
      const section = [...document.querySelectorAll('section')].find(
        each => each.querySelector('h2').textContent === 'Memberships');
      const table = section.querySelector('table'), heads = [...table.tHead.rows[0].cells];
      const column = title => heads.findIndex(head => head.textContent === title);
      const visible = () => [...table.tBodies[0].rows].filter(row => !row.hidden);
      const shown = title => visible().map(row => row.cells[column(title)].textContent);
      const result = {};
      heads[column('id')].querySelector('button').click();
      result.up = shown('id').map(Number);
      heads[column('id')].querySelector('button').click();
      result.down = shown('id').map(Number);
      result.sorted = heads.map(head => head.getAttribute('aria-sort'));
      const input = section.querySelector('input');
      input.value = 'ADMIN user00';
      input.dispatchEvent(new Event('input'));
      result.found = shown('user name').sort();
      result.status = section.querySelector('[role=status]').textContent;
      result.label = input.labels[0].textContent;
      return result;
    }"""
    found = _result(browse(_with_script(pages["access"], script)))
    assert found["up"] == sorted(found["up"])
    assert found["down"] == sorted(found["up"], reverse=True)
    assert len(set(found["up"])) == 30
    assert found["sorted"].count("descending") == 1
    assert found["found"] == ["user000", "user001", "user002"]
    assert found["status"] == f"3 of {len(found['up'])} rows"
    assert found["label"] == "Search these rows: "


@pytest.mark.parametrize("report", REPORTS)
def test_script_of_the_page_runs_under_its_policy(
    pages: dict[str, str], browse: Callable[..., str], report: str
) -> None:
    assert '<input type="search">' in browse(pages[report])
    without = browse(re.sub(r"script-src '[^']*'", "script-src 'none'", pages[report]))
    assert "<input" not in without
    assert without.count("<tr>") > 50


@pytest.mark.parametrize("report", REPORTS)
def test_structure_of_the_page_is_golden(pages: dict[str, str], report: str) -> None:
    """Write the files anew with ``LBACK_WRITE_GOLDEN=1 pytest tests/reports/test_browser.py``."""
    import os

    from tests.reports.dom import parse

    outline = "\n".join(parse(pages[report]).outline()) + "\n"
    path = GOLDEN / f"{report}.txt"
    if os.environ.get("LBACK_WRITE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(outline, "utf-8")
    assert outline == path.read_text("utf-8")
