"""The stages that scenarios play on."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from .environment import COMMAND_COST, LIBRARY_COST, Stage, Template, build_template
from .scenario import CLOSED_PORT, Scenario

AnyStage = TypeVar("AnyStage", bound=Stage)
StageOf = Callable[[Scenario], Stage]

STARVING = 4 * 1024 * 1024
"""KiB that a hash asks for where a scenario has no memory for it."""


@pytest.fixture(scope="session")
def library_template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return build_template(tmp_path_factory.mktemp("library") / "template.db", LIBRARY_COST)


@pytest.fixture(scope="session")
def command_template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return build_template(tmp_path_factory.mktemp("command") / "template.db", COMMAND_COST)


@pytest.fixture(scope="session")
def closed_port() -> Iterator[int]:
    """A port that is taken, so that nobody else opens it, but not listened on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def set_stage(directory: Path, template: Any, scenario: Scenario, closed_port: int, kind: type[AnyStage]) -> AnyStage:
    """Prepare *directory* for *scenario*."""
    values = {name: closed_port if value is CLOSED_PORT else value for name, value in scenario.settings.items()}
    if scenario.starved:
        values["password.memory"] = STARVING
    return kind(directory, template, values, scenario.sql)


@pytest.fixture
def library_stage(tmp_path: Path, library_template: Template, closed_port: int) -> StageOf:
    """``library_stage(scenario)`` is the stage for it."""
    return lambda scenario: set_stage(tmp_path, library_template, scenario, closed_port, Stage)


@pytest.fixture(scope="session")
def command_stage(tmp_path_factory: pytest.TempPathFactory, command_template: Template, closed_port: int) -> StageOf:
    """The same with passwords as dear as a configuration must have them; each in a directory of its own."""
    return lambda scenario: set_stage(tmp_path_factory.mktemp("stage"), command_template, scenario, closed_port, Stage)
