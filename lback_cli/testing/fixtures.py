"""Fixtures for pytest: ``pytest_plugins = ["lback_cli.testing.fixtures"]`` in a test module or the top conftest.py.

They have no entry point, which would load lback in every test run of an environment in which it is installed.
"""

from collections.abc import Iterator

import pytest

from lback_cli.testing.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Provide a new `Sandbox` for the test."""
    with Sandbox() as made:
        yield made
