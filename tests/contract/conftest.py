"""Fixtures that make an installation for a scenario."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from .environment import COMMAND_COST, LIBRARY_COST, Installation, Template, build_template
from .scenario import CLOSED_PORT, Scenario

AnyInstallation = TypeVar("AnyInstallation", bound=Installation)
InstallationOf = Callable[[Scenario], Installation]

STARVING = 4 * 1024 * 1024
"""Memory of a hash, in KiB, that exceeds the limit of a scenario with too little memory."""


@pytest.fixture(scope="session")
def library_template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return build_template(tmp_path_factory.mktemp("library") / "template.db", LIBRARY_COST)


@pytest.fixture(scope="session")
def command_template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return build_template(tmp_path_factory.mktemp("command") / "template.db", COMMAND_COST)


@pytest.fixture(scope="session")
def closed_port() -> Iterator[int]:
    """A port that is bound and not listened on, so connections to it are refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def make_installation(
    directory: Path, template: Any, scenario: Scenario, closed_port: int, kind: type[AnyInstallation]
) -> AnyInstallation:
    """Make an installation for *scenario* in *directory*."""
    values = {name: closed_port if value is CLOSED_PORT else value for name, value in scenario.settings.items()}
    if scenario.starved:
        values["password.memory"] = STARVING
    return kind(directory, template, values, scenario.sql)


@pytest.fixture
def library_installation(tmp_path: Path, library_template: Template, closed_port: int) -> InstallationOf:
    """Return a function that makes the installation for a scenario of the library."""
    return lambda scenario: make_installation(tmp_path, library_template, scenario, closed_port, Installation)


@pytest.fixture(scope="session")
def command_installation(
    tmp_path_factory: pytest.TempPathFactory, command_template: Template, closed_port: int
) -> InstallationOf:
    """Return a function that makes the installation for a scenario of the command, in a new directory."""
    return lambda scenario: make_installation(
        tmp_path_factory.mktemp("installation"), command_template, scenario, closed_port, Installation
    )
