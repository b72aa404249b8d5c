"""Statements that psycopg prepares."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from .concurrent_users import is_postgresql
from .database import Installation


def test_psycopg_prepares_no_statement_unless_the_url_asks(
    installation: Installation, reopen: Callable[..., Installation]
) -> None:
    """A pooler gives each transaction another connection to the server, which lacks what was prepared before."""
    if not is_postgresql(installation):
        pytest.skip("PyMySQL prepares none")
    prepared = {}
    for option in ("", "?prepare_threshold=2"):
        client = reopen(url=installation.url + option)
        with client.database.reading() as session:
            for _ in range(8):
                session.execute(text("SELECT count(*) FROM users"))
            prepared[option] = session.scalar(text("SELECT count(*) FROM pg_prepared_statements"))
    assert prepared == {"": 0, "?prepare_threshold=2": 1}
