"""The commands of docs/adoption.md install lback and the lback framework in one environment."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
COMMANDS = re.findall(r"^pip install (.*framework.*)$", (PROJECT / "docs" / "adoption.md").read_text(), re.MULTILINE)


def run(directory: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words, cwd=directory, capture_output=True, text=True, check=False)


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment after the commands; the test is skipped if the index cannot be reached."""
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    for command in COMMANDS:
        words = command.replace("'lback-cli[framework]'", f"{PROJECT}[framework]").split()
        done = run(tmp_path, str(environment / "bin" / "pip"), "install", "--quiet", "--timeout=10", *words)
        if done.returncode != 0:
            pytest.skip(f"pip cannot install {command}: {done.stderr.strip().splitlines()[-1]}")
    return environment


def test_both_packages_work_in_one_environment(environment: Path, tmp_path: Path) -> None:
    assert [command.split()[-1] for command in COMMANDS] == ["lback-framework==1.0.3", "'lback-cli[framework]'"]
    python = str(environment / "bin" / "python")
    assert run(tmp_path, str(environment / "bin" / "lback"), "--version").stdout.startswith("lback ")
    started = run(tmp_path, python, "-m", "lback.main", "startproject", "shop")
    assert "Project 'shop' created successfully!" in started.stdout, started.stderr
    imported = run(
        tmp_path,
        python,
        "-c",
        "import lback.core.server, lback.utils.file_handlers, lback.auth.oauth, lback.core.websocket\n"
        "from lback_cli.compat.framework import UserManager, install, trace_signals\n"
        "print(UserManager.__mro__[1].__module__)",
    )
    assert imported.stdout.strip().splitlines()[-1] == "lback.utils.user_manager", imported.stderr
