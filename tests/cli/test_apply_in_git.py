"""The examples in docs/examples/apply-in-git work as they are: the hook in a repository, the steps of the workflow."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "apply-in-git"

USERS = "owner: repo\nusers:\n- username: ann\n  email: ann@example.org\n"


@pytest.fixture
def repository(lback: Any) -> Any:
    """Return a function that runs a shell command in a git repository with the hook."""
    assert lback("db", "init", "-q").status == 0

    def run(command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["sh", "-c", command],
            cwd=lback.directory,
            env=lback.environment | {"GIT_CONFIG_GLOBAL": "/dev/null"},
            capture_output=True,
            text=True,
            check=False,
            timeout=50,
        )

    made = run("git init -q . && git config user.email dev@example.org && git config user.name Dev")
    assert made.returncode == 0, made.stderr
    shutil.copy(EXAMPLES / "pre-commit", lback.directory / ".git" / "hooks" / "pre-commit")
    return run


def test_the_hook_lets_only_a_file_without_faults_be_committed(repository: Any, lback: Any) -> None:
    file = lback.directory / "users.yaml"
    file.write_text(USERS.replace("email", "emial"))
    refused = repository("git add users.yaml && git commit -m 'Add Ann'")
    assert refused.returncode != 0
    assert "standard input:4:3: There is no key emial here. Did you mean email?" in refused.stderr
    file.write_text(USERS)
    accepted = repository("git add users.yaml && git commit -m 'Add Ann'")
    assert accepted.returncode == 0, accepted.stderr
    assert "+ ann  ann@example.org" in accepted.stdout + accepted.stderr
    (lback.directory / "other").touch()
    assert repository("git add other && git commit -qm 'Add another file'").returncode == 0


def test_the_workflow_plans_applies_and_finds_drift(repository: Any, lback: Any) -> None:
    workflow = yaml.safe_load((EXAMPLES / "ci.yml").read_text())
    steps = {step["name"]: step["run"] for step in workflow["jobs"]["users"]["steps"] if "name" in step}
    assert list(steps) == ["plan", "apply", "drift"]
    (lback.directory / "users.yaml").write_text(USERS)
    planned, applied, unchanged = (repository(steps[name]) for name in steps)
    assert (planned.returncode, planned.stdout) == (0, "+ ann  ann@example.org\n")
    assert (applied.returncode, applied.stdout) == (0, "+ ann  ann@example.org\n")
    assert (unchanged.returncode, unchanged.stdout) == (0, "")
    assert lback("user", "update", "ann", "--email", "eve@example.org", "-q").status == 0
    drifted = repository(steps["drift"])
    assert (drifted.returncode, drifted.stdout) == (8, "~ ann  email eve@example.org → ann@example.org\n")
