import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Any

import pytest

from lback_cli.security.passwords import PasswordHasher
from lback_cli.settings.schema import PasswordSettings


@pytest.fixture(scope="session")
def cheap() -> PasswordSettings:
    """The cheapest cost that the configuration allows: the minimum of OWASP's Password Storage Cheat Sheet."""
    return PasswordSettings(memory=19456, iterations=2, parallelism=1)


@pytest.fixture
def hasher(cheap: PasswordSettings) -> PasswordHasher:
    return PasswordHasher(cheap)


@pytest.fixture
def argon2_calls() -> Callable[[], AbstractContextManager[list[str]]]:
    """Return a context manager that lists the type and cost of each hash that argon2-cffi computes."""

    @contextmanager
    def watching() -> Iterator[list[str]]:
        calls: list[str] = []

        def profile(frame: FrameType, event: str, _: Any) -> None:
            if event == "call" and frame.f_globals.get("__name__") == "argon2.low_level":
                given = frame.f_locals
                if frame.f_code.co_name == "hash_secret":
                    cost = f"m={given['memory_cost']},t={given['time_cost']},p={given['parallelism']}"
                    calls.append(f"argon2{given['type'].name.lower()} {cost}")
                elif frame.f_code.co_name == "verify_secret":
                    _, scheme, _, cost, *_ = given["hash"].decode().split("$")
                    calls.append(f"{scheme} {cost}")

        before = sys.getprofile()
        sys.setprofile(profile)
        try:
            yield calls
        finally:
            sys.setprofile(before)

    return watching
