"""What tests do with an engine."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar
from uuid import uuid4


class Engine(ABC):
    """One or more servers that hold the same databases.

    Attributes:
        name: How tests name it.
        failures: What may fail, by the names that `fail` takes.
        simultaneous: Whether several connections can have transactions at the same time.
    """

    name: ClassVar[str]
    failures: ClassVar[tuple[str, ...]] = ("server",)
    simultaneous: ClassVar[bool] = True

    def new_name(self) -> str:
        return f"lback_test_{uuid4().hex[:12]}"

    @contextmanager
    def database(self) -> Iterator[list[str]]:
        """Create a database, and yield its URLs: one for each place that takes writes. Drop it at the end."""
        name = self.new_name()
        self.execute(f"CREATE DATABASE {name}")
        try:
            yield self.urls(name)
        finally:
            self.recover()
            self.drop(name)

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name}")

    @abstractmethod
    def urls(self, name: str) -> list[str]:
        """Return the URLs of a database."""

    @abstractmethod
    def execute(self, *statements: str) -> None:
        """Execute statements as the administrator, each in its own transaction."""

    @abstractmethod
    def fail(self, failure: str, place: int) -> None:
        """Let something fail. *place* is the index in `urls` of where it fails, if there are several."""

    @abstractmethod
    def recover(self) -> None:
        """Bring back what `fail` has ended, and wait until all works."""

    def settle(self) -> None:  # noqa: B027 - most engines have one place
        """Wait until what was committed is visible at all places."""

    def leave_no_gaps(self) -> None:  # noqa: B027 - most engines leave none
        """Let new ids follow each other without gaps."""
