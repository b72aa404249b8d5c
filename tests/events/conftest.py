"""Installations on new databases."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .harness import CHEAP, Installation, new_database_file


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the tables, to be copied, which is faster than to migrate."""
    return new_database_file(tmp_path_factory.mktemp("empty") / "empty.db")


@pytest.fixture
def make_installation(tmp_path_factory: pytest.TempPathFactory, empty: Path) -> Iterator[Callable[..., Installation]]:
    """Return a function that makes an `Installation` on a copy of a template, by default an empty one."""
    made: list[Installation] = []

    def make(template: Path = empty) -> Installation:
        made.append(Installation.on_copy(template, tmp_path_factory.mktemp("installation"), CHEAP))
        return made[-1]

    yield make
    for installation in made:
        installation.database.dispose()


@pytest.fixture
def installation(make_installation: Callable[..., Installation]) -> Installation:
    """An installation with an empty database."""
    return make_installation()
