"""Fixtures for pytest: ``pytest_plugins = ["lback_cli.testing.fixtures"]`` in a test module or the top conftest.py.

They are asked for by name, as an entry point would load all this into each test run of everybody who installed lback.
"""

from collections.abc import Iterator

import pytest

from lback_cli.testing.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A `Sandbox` of the test's own."""
    with Sandbox() as made:
        yield made
