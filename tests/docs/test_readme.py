"""Every command of README.md works, in the order of the page."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
SHELL_LINES = [line for language, text in BLOCKS if language == "sh" for line in text.splitlines()]
PYTHON = next(text for language, text in BLOCKS if language == "python")
SAMPLE = next(text for language, text in BLOCKS if language == "text")

INSTALL = "python3 -m venv .venv && .venv/bin/pip install --quiet "
REGISTER = INSTALL + ". && .venv/bin/"
TESTS = INSTALL + "-e '.[test]' && .venv/bin/pytest -n auto --dist worksteal"
EXPECTED_EXIT = {"lback user exists dave": 5}
"""Exit codes of commands on the page that are not 0."""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty directory with an empty home."""
    directory = tmp_path_factory.mktemp("readme")
    (directory / "home").mkdir()
    return directory


def _run(directory: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command,
        cwd=directory,
        env={"PATH": path, "HOME": str(directory / "home"), "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_only_two_lines_install_and_ci_finds_them() -> None:
    """.ci/run takes the first code line with `lback user register`, and the first with `pytest`, and runs it whole."""
    installing = [line for line in SHELL_LINES if line.startswith("python3 -m venv")]
    code = [line for _, text in BLOCKS for line in text.splitlines()]

    assert installing == [next(line for line in code if "lback user register" in line), TESTS]
    assert installing[0].startswith(REGISTER)
    assert next(line for line in code if "pytest" in line) == TESTS


def test_every_command_works_in_order(directory: Path) -> None:
    """The lines that install need the network; of these only the command that follows is run."""
    ran = []
    for line in SHELL_LINES:
        if line in {"pip install lback-cli", TESTS}:
            continue
        command, _, otherwise = line.removeprefix(REGISTER).partition(" || ")
        done = _run(directory, "bash", "-c", command)
        assert done.returncode == EXPECTED_EXIT.get(command, 0), f"{command}\n{done.stderr}"
        assert bool(otherwise) == (command in EXPECTED_EXIT), line
        ran.append((command, done))

    assert len(ran) > 10
    command, registered = ran[0]
    assert command.startswith("lback user register alice")
    assert _signals(registered.stderr) == _signals(SAMPLE), "the sample shows other signals than the command does"
    keys = re.findall(r"^\w+(?: \w+)?(?=  )", registered.stdout, re.MULTILINE)
    assert keys == re.findall(r"^\w+(?: \w+)?(?=  )", SAMPLE, re.MULTILINE), "the sample shows another record"
    message = registered.stderr.splitlines()[-1]
    assert _without_file(message) in _without_file(SAMPLE)

    (directory / "example.py").write_text(PYTHON, "utf-8")
    example = _run(directory, sys.executable, "example.py")
    assert (example.returncode, example.stderr) == (0, "")
    printed = re.findall(r"print\(.*\)  # (.*)", PYTHON)
    assert example.stdout.splitlines() == printed
    assert "erin" in _run(directory, "lback", "user", "list", "-o", "csv").stdout


def _without_file(text: str) -> str:
    return re.sub(r"\w{15}\.\w+-\w+\.eml", "MAIL", text)


def _signals(trace: str) -> list[str]:
    return re.findall(r"\+\d+\.\d+s \S (\w+)", trace)
