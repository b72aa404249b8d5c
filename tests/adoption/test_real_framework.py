"""lback in one process with the real lback framework, and in one database with its migrations.

The tests themselves are in ``inside_framework/`` and run in an environment that has the framework.
"""

from pathlib import Path

import pytest

from .framework_environment import PROJECT, FrameworkEnvironment, build_environment

INSIDE = Path(__file__).parent / "inside_framework"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> FrameworkEnvironment:
    return build_environment(tmp_path_factory.mktemp("framework") / "environment")


@pytest.mark.parametrize("file", sorted(path.name for path in INSIDE.glob("test_*.py")))
def test_inside_the_framework(environment: FrameworkEnvironment, file: str, tmp_path: Path) -> None:
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", f"--basetemp={tmp_path / 'inner'}", "--color=no")
    done = environment.run(
        *("-m", "pytest", *options, "-o", "filterwarnings=", str(INSIDE.relative_to(PROJECT) / file)),
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
