"""Options of a database URL that would let a server read local files."""

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
    ],
)
def test_an_option_that_hands_out_files_is_refused_before_a_connection(url: str, option: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^database.url: the option {option} is not allowed: "):
        Database(DatabaseSettings(url=url)).engine.connect()
