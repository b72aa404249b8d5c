"""docs/architecture.md and CONTRIBUTING.md name only what is there."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from lback_cli.signals import CATALOGUE

PROJECT = Path(__file__).parents[2]
PACKAGE = PROJECT / "lback_cli"
ARCHITECTURE = (PROJECT / "docs" / "architecture.md").read_text("utf-8")
CONTRIBUTING = (PROJECT / "CONTRIBUTING.md").read_text("utf-8")
OTHER_NAMES = {"users", "user", "lback_sinks", "lback_mail_queue", "lback_cli"}
"""Words of the command line, and tables."""


def _code(text: str) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))


PATHS = sorted(
    code
    for code in _code(ARCHITECTURE) | _code(CONTRIBUTING)
    if re.fullmatch(r"[\w./-]+(/|\.(py|toml|md))", code) and not re.search("NAME|NOUN", code) and code != "build/docs"
)
NAMES = sorted(
    code
    for code in _code(ARCHITECTURE) | {code for code in _code(CONTRIBUTING) if code[0].isupper()}
    if re.fullmatch(r"[A-Za-z_][\w.]*", code) and code not in PATHS
)


def _definitions(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield f"{prefix}{node.name}"
        if isinstance(node, ast.AnnAssign | ast.Assign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (f"{prefix}{target.id}" for target in targets if isinstance(target, ast.Name))
        if isinstance(node, ast.ClassDef):
            yield from _definitions(node.body, f"{prefix}{node.name}.")


def _names() -> set[str]:
    """Every definition, by its own name and with its module; and every module and package."""
    names: set[str] = set()
    for file in [*PACKAGE.rglob("*.py"), PROJECT / "tests" / "contract" / "requirements.py"]:
        parts = file.relative_to(PACKAGE if file.is_relative_to(PACKAGE) else PROJECT).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        defined = set(_definitions(ast.parse(file.read_text("utf-8")).body, ""))
        names |= {module, *defined, *(f"{module}.{name}" for name in defined)}
    return names | set(CATALOGUE) | {"delivered"}


ALL_NAMES = _names()


@pytest.mark.parametrize("path", PATHS)
def test_a_path_on_the_page_exists(path: str) -> None:
    assert (PROJECT / path).exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_name_on_the_page_exists(name: str) -> None:
    assert name in ALL_NAMES | OTHER_NAMES


def test_documented_layers_are_the_enforced_layers() -> None:
    with (PROJECT / "pyproject.toml").open("rb") as file:
        contract = tomllib.load(file)["tool"]["importlinter"]["contracts"][0]
    layers = [(str(number), room) for number, layer in enumerate(contract["layers"], 1) for room in layer.split(" | ")]

    assert re.findall(r"^\| (\d+) \| `(\w+)` \| ", ARCHITECTURE, re.MULTILINE) == layers


def test_the_pages_name_enough_to_be_worth_checking() -> None:
    assert len(PATHS) > 30
    assert len(NAMES) > 60
