"""The locked requirements of development are those of pyproject.toml, with hashes."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parent.parent
LOCK = (PROJECT / ".ci" / "requirements.txt").read_text()
LOCKED = {found[1]: found[2] for found in re.finditer(r"^([a-z0-9-]+)==([^\s;]+)", LOCK, re.MULTILINE)}


def declared() -> list[Requirement]:
    """Return what lback and its development need, the extras that these name included."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    found: dict[str, Requirement] = {}
    waiting = [*project["dependencies"], *extras["test"], *extras["lint"], *extras["docs"]]
    while waiting:
        requirement = Requirement(waiting.pop())
        if canonicalize_name(requirement.name) == project["name"]:
            waiting += [one for extra in requirement.extras for one in extras[extra]]
        else:
            found[str(requirement)] = requirement
    return sorted(found.values(), key=str)


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_each_requirement_is_locked_within_its_bounds(requirement: Requirement) -> None:
    command = "uv pip compile --universal --generate-hashes --extra test --extra lint --extra docs pyproject.toml"
    locked = LOCKED.get(canonicalize_name(requirement.name))
    assert locked is not None, command
    assert requirement.specifier.contains(locked), command


def test_each_locked_package_has_hashes() -> None:
    packages = re.split(r"^(?=[a-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len(packages) > len(declared())
    assert [package for package in packages if "--hash=sha256:" not in package] == []
