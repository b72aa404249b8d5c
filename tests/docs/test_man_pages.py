"""The manual pages describe every command and option, and are up to date."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from lback_cli.cli.app import app
from tools.generate_man_pages import DIRECTORY, PROJECT, render


def _commands(command: Any, parent: Any, *words: str) -> Iterator[tuple[str, tuple[Any, Any]]]:
    context = command.make_context(words[-1], [], parent=parent, resilient_parsing=True)
    yield "-".join(words), (command, context)
    for name in command.list_commands(context) if hasattr(command, "list_commands") else ():
        yield from _commands(command.get_command(context, name), context, *words, name)


COMMANDS = dict(_commands(typer.main.get_command(app), None, "lback"))


def _shown(page: str) -> str:
    """Return the text of a page without its macros."""
    text = (DIRECTORY / f"{page}.1").read_text("utf-8")
    text = re.sub(r"\\f[BRI]|^\.[A-Z]+ ?", "", text, flags=re.MULTILINE)
    text = text.replace(r"\&", "").replace(r"\-", "-").replace(r"\(aq", "'").replace(r"\(bu", "·").replace(r"\e", "\\")
    return " ".join(text.split())


def test_the_pages_are_up_to_date() -> None:
    kept = {page.name: page.read_text("utf-8") for page in DIRECTORY.iterdir()}

    assert kept == render(), "run: python -m tools.generate_man_pages"


def test_there_is_a_page_for_every_command_and_no_other() -> None:
    assert {page.stem for page in DIRECTORY.iterdir()} == set(COMMANDS)
    assert len(COMMANDS) > 40


@pytest.mark.parametrize("page", COMMANDS)
def test_a_page_has_every_parameter_with_its_help(page: str) -> None:
    command, context = COMMANDS[page]
    shown = _shown(page)
    parameters = command.get_params(context) if page == "lback" else command.params

    assert " ".join(command.get_short_help_str(1000).replace("`", "").split()) in shown
    for parameter in parameters:
        is_option = parameter.param_type_name == "option"
        _, meaning = parameter.get_help_record(context)
        meaning = re.sub(r" *\[x>=0\]|; x>=0", "", meaning) if is_option else parameter.help
        assert " ".join(meaning.replace("`", "").split()) in shown, (page, parameter.name)
        names = [*parameter.opts, *parameter.secondary_opts] if is_option else [parameter.metavar.strip("[].")]
        assert all(name.strip("[]") in shown for name in names), (page, parameter.name)


def test_mandoc_accepts_the_pages() -> None:
    mandoc = shutil.which("mandoc") or pytest.skip("mandoc is not installed")
    command = [mandoc, "-T", "lint", "-W", "warning", *sorted(map(str, DIRECTORY.iterdir()))]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (checked.returncode, checked.stdout) == (0, "")


def test_the_wheel_installs_the_pages(tmp_path: Path) -> None:
    """Building the wheel runs hatchling in the environment of the tests, which needs no network."""
    import zipfile

    program = "from hatchling.build import build_wheel; import sys; print(build_wheel(sys.argv[1]))"
    built = subprocess.run(
        [sys.executable, "-c", program, tmp_path], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    with zipfile.ZipFile(tmp_path / built.stdout.split()[-1]) as wheel:
        installed = {Path(name).name for name in wheel.namelist() if "/data/share/man/man1/" in name}

    assert installed == {f"{page}.1" for page in COMMANDS}
