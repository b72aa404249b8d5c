"""Places on each server."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import pytest

from .database import Place
from .proxy import CuttingProxy

SERVERS = ("postgresql", "mariadb")


@pytest.fixture(scope="module", params=SERVERS)
def place(
    request: pytest.FixtureRequest,
    database_on: Callable[[str], AbstractContextManager[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    """One on each server, shared by the tests of a module: they use different names."""
    with database_on(request.param) as url:
        made = Place(url, tmp_path_factory.mktemp("place")).initialize()
        yield made
        made.close()


@pytest.fixture
def elsewhere(place: Place) -> Iterator[Callable[..., Place]]:
    """The same place on other connections, with other options."""
    with ExitStack() as opened:

        def make(**options: Any) -> Place:
            other = place.elsewhere(**options)
            opened.callback(other.close)
            return other

        yield make


@pytest.fixture
def proxy(place: Place) -> Iterator[Callable[..., CuttingProxy]]:
    """Start proxies in front of the server."""
    with ExitStack() as running:

        def start(**options: bool) -> CuttingProxy:
            made = CuttingProxy(place.url, **options)
            running.callback(made.close)
            return made

        yield start
