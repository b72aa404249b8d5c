from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Any, Protocol

import pytest

from lback_cli.security.passwords import PasswordHasher
from lback_cli.settings.schema import PasswordSettings


class Counting(Protocol):
    def __call__(self) -> AbstractContextManager[list[str]]: ...


@pytest.fixture(scope="session")
def cheap() -> PasswordSettings:
    """The floor of OWASP's Password Storage Cheat Sheet: the cheapest that configuration allows."""
    return PasswordSettings(memory=19456, iterations=2, parallelism=1)


@pytest.fixture
def hasher(cheap: PasswordSettings) -> PasswordHasher:
    return PasswordHasher(cheap)


@pytest.fixture
def argon2_calls() -> Counting:
    """Watch the functions of argon2-cffi from outside: each call as ``hash`` or the PHC parameters it verified."""
    import sys

    @contextmanager
    def watching() -> Iterator[list[str]]:
        calls: list[str] = []

        def profile(frame: FrameType, event: str, _: Any) -> None:
            if event == "call" and frame.f_globals.get("__name__") == "argon2.low_level":
                if frame.f_code.co_name == "hash_secret":
                    arguments = frame.f_locals
                    calls.append(
                        f"m={arguments['memory_cost']},t={arguments['time_cost']},p={arguments['parallelism']}"
                    )
                elif frame.f_code.co_name == "verify_secret":
                    calls.append(frame.f_locals["hash"].decode().split("$")[3])

        before = sys.getprofile()
        sys.setprofile(profile)
        try:
            yield calls
        finally:
            sys.setprofile(before)

    return watching
