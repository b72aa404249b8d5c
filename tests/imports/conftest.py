"""Databases to import into."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .harness import World


@pytest.fixture
def worlds(tmp_path: Path) -> Iterator[Callable[[], World]]:
    """Return a function that makes a database in a new directory."""
    made: list[World] = []

    def make() -> World:
        made.append(World(tmp_path / f"world{len(made)}"))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(worlds: Callable[[], World]) -> World:
    """One database."""
    return worlds()
