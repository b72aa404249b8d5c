"""Installations on each server."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import pytest

from .database import Installation
from .proxy import CuttingProxy

SERVERS = ("postgresql", "mariadb")


@pytest.fixture(scope="module", params=SERVERS)
def installation(
    request: pytest.FixtureRequest,
    database_on: Callable[[str], AbstractContextManager[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installation]:
    """An installation on each server, shared by the tests of a module, which use different names."""
    with database_on(request.param) as url:
        made = Installation(url, tmp_path_factory.mktemp("installation")).initialize()
        yield made
        made.close()


@pytest.fixture
def reopen(installation: Installation) -> Iterator[Callable[..., Installation]]:
    """Open the same installation on new connections, with other options."""
    with ExitStack() as opened:

        def make(**options: Any) -> Installation:
            reopened = installation.reopen(**options)
            opened.callback(reopened.close)
            return reopened

        yield make


@pytest.fixture
def proxy(installation: Installation) -> Iterator[Callable[..., CuttingProxy]]:
    """Start proxies in front of the server."""
    with ExitStack() as running:

        def start(**options: bool) -> CuttingProxy:
            made = CuttingProxy(installation.url, **options)
            running.callback(made.close)
            return made

        yield start
