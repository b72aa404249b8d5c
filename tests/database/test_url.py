"""Options of a database URL that are refused before a connection."""

import pytest

from lback_cli.database.engine import Database
from lback_cli.errors import ConfigurationError
from lback_cli.settings import DatabaseSettings


@pytest.mark.parametrize(
    ("url", "option"),
    [
        ("mariadb+pymysql://u@127.0.0.1:1/x?local_infile=1", "local_infile"),
        ("mysql+pymysql://u@127.0.0.1:1/x?LOCAL_INFILE=1", "LOCAL_INFILE"),
        ("mysql+pymysql://u@127.0.0.1:1/x?read_default_file=/tmp/my.cnf", "read_default_file"),
        ("mysql+pymysql://u@127.0.0.1:1/x?read_default_group=x", "read_default_group"),
        ("postgresql+psycopg://u@127.0.0.1:1/x?service=other", "service"),
        ("postgresql+psycopg://u@127.0.0.1:1/x?servicefile=/tmp/pg", "servicefile"),
        ("postgresql+psycopg://u@127.0.0.1:1/x?autocommit=true", "autocommit"),
        ("postgresql+psycopg://u@127.0.0.1:1/x?row_factory=x", "row_factory"),
        ("mysql+pymysql://u@127.0.0.1:1/x?autocommit=1", "autocommit"),
        ("mysql+pymysql://u@127.0.0.1:1/x?cursorclass=x", "cursorclass"),
    ],
)
def test_an_unsafe_option_is_refused_before_a_connection(url: str, option: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^database.url: the option {option} is not allowed: "):
        Database(DatabaseSettings(url=url)).engine.connect()


def test_a_prepare_threshold_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^database.url: prepare_threshold must be a number\.$"):
        Database(DatabaseSettings(url="postgresql+psycopg://u@127.0.0.1:1/x?prepare_threshold=-1")).engine.connect()
