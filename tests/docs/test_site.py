"""The documentation site is built without a warning, and its API reference is complete."""

import subprocess
import sys
from pathlib import Path

import pytest

import lback_cli
from lback_cli import errors, signals, testing

PROJECT = Path(__file__).parents[2]
API = "\n".join(page.read_text("utf-8") for page in (PROJECT / "docs" / "api").glob("*.md"))


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason="Sphinx is in the extra docs")
    pytest.importorskip("furo", reason="the theme is in the extra docs")
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "-q", "-d", tmp_path / "doctrees", "docs", tmp_path / "site"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (built.returncode, built.stderr) == (0, "")
    pages = {page.relative_to(PROJECT / "docs").with_suffix("") for page in (PROJECT / "docs").rglob("*.md")}
    built_pages = {page.relative_to(tmp_path / "site").with_suffix("") for page in (tmp_path / "site").rglob("*.html")}
    assert pages <= built_pages


@pytest.mark.parametrize("package", [lback_cli, signals, testing], ids=lambda package: package.__name__)
def test_every_public_name_is_in_the_api_reference(package: object) -> None:
    elsewhere = {*signals.CATALOGUE, *vars(errors), "errors", "signals"}  # docs/signals.md, and all of a module
    public = {*vars(package)["__all__"]} - elsewhere
    missing = {name for name in public if f":: {name}\n" not in API and f"`{name}`" not in API}

    assert not missing
