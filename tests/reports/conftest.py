"""A company, on each database, and the pages about it."""

import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any, NamedTuple

import pytest
from sqlalchemy import text

from tests.reports.dom import Page, parse
from tests.reports.history import HOSTILE, History, company

Sql = Callable[[str], list[tuple[Any, ...]]]


class Company(NamedTuple):
    """A database with a company.

    Attributes:
        url: The URL of the database.
        history: The managers.
    """

    url: str
    history: History

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, in which names that MariaDB reserves are quoted."""
        if "mariadb" in self.url:
            statement = re.sub(r'(?<!%)"(signal|groups)"(?!:)', r"`\1`", statement)
        with self.history.database.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mariadb"])
def company_on(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A company of 30 people over three weeks, on each database."""
    directory = tmp_path_factory.mktemp("company")
    kind = request.param
    place = (
        nullcontext(f"sqlite:///{directory}/lback.db")
        if kind == "sqlite"
        else request.getfixturevalue("database_on")(kind)
    )
    with place as url:
        history = History(url, directory)
        try:
            company(history, people=30, days=21)
            for number, name in enumerate(HOSTILE):
                history.rename_behind_lback(12 + number, name)
            yield Company(url, history)
        finally:
            history.database.dispose()


@pytest.fixture
def page(lback: Any) -> Callable[..., Page]:
    """``page(url, "access", *options, status=0)``: the page of a report."""

    def write(url: str, *words: str, status: int = 0) -> Page:
        finished = lback("--database-url", url, "report", *words, "--format", "html")
        assert finished.status == status, finished.err
        return parse(finished.out)

    return write
