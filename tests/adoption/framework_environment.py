"""An environment with the real lback framework beside the packages of the tests, and a project in it."""

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
FRAMEWORK = "lback-framework==1.0.3"
NEEDED = ("Jinja2", "MarkupSafe", "Werkzeug", "PyJWT", "watchdog", "requests", "urllib3", "websockets")
"""What the framework imports and the tests' own environment may not have."""


@dataclass(frozen=True)
class FrameworkEnvironment:
    """A virtual environment with the framework."""

    python: Path

    def run(self, *arguments: str, directory: Path = PROJECT, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run Python with *arguments*. The variables of lback and of pytest are not passed on."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("LBACK_", "PYTEST_", "PYTHON"))
        }
        return subprocess.run(
            [str(self.python), *arguments],
            cwd=directory,
            env=environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )


def build_environment(directory: Path) -> FrameworkEnvironment:
    """Install the framework without its own requirements; skip the test if the index cannot be reached."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(directory)], check=True)
    environment = FrameworkEnvironment(directory / "bin" / "python")
    options = ("--quiet", "--disable-pip-version-check", "--timeout=10", "--retries=1", "--no-deps")
    installed = subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(environment.python), "install", *options, FRAMEWORK, *NEEDED],
        capture_output=True,
        text=True,
        check=False,
    )
    if installed.returncode != 0:
        reason = (installed.stderr.strip().splitlines() or ["no message"])[-1]
        pytest.skip(f"pip cannot install {FRAMEWORK}: {reason}")
    own = sysconfig.get_path("purelib")
    site_packages = next((directory / "lib").glob("python*/site-packages"))
    # addsitedir reads .pth files too, through which lback itself is found.
    (site_packages / "lback_tests.pth").write_text(f"import site; site.addsitedir({own!r})\n")
    return environment
