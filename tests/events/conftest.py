"""Worlds to let things happen in."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .harness import CHEAP, World, empty_file


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with its tables, to be copied: that is faster than to migrate."""
    return empty_file(tmp_path_factory.mktemp("empty") / "empty.db")


@pytest.fixture
def make_world(tmp_path_factory: pytest.TempPathFactory, empty: Path) -> Iterator[Callable[..., World]]:
    """``make_world()`` is a fresh `World`, ``make_world(template)`` one on a copy of that file."""
    made: list[World] = []

    def make(template: Path = empty) -> World:
        made.append(World.on_copy(template, tmp_path_factory.mktemp("world"), CHEAP))
        return made[-1]

    yield make
    for world in made:
        world.database.dispose()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """A fresh one."""
    return make_world()
