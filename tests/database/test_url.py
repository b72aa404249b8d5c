"""Database URLs: options that are refused before a connection, and several hosts."""

import pytest
from sqlalchemy import make_url
from sqlalchemy import text as sql

from lback_cli.database.engine import Database
from lback_cli.database.url import read_url
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


@pytest.mark.parametrize(
    ("text", "hosts", "ports"),
    [
        ("postgresql+psycopg://u:p@h1:1,h2:2/x?target_session_attrs=read-write", "h1,h2", "1,2"),
        ("postgresql://h1,h2:2/x", "h1,h2", "5432,2"),
        ("postgres://[::1]:1,h2/x", "::1,h2", "1,5432"),
    ],
)
def test_several_hosts_as_libpq_writes_them(text: str, hosts: str, ports: str) -> None:
    url = read_url(text)
    assert (url.host, url.port, url.database) == (None, None, "x")
    assert (url.query["host"], url.query["port"]) == (hosts, ports)


def test_a_port_of_several_hosts_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^The port in database.url is not a number\.$"):
        read_url("postgresql://h1:1,h2:first/x")


def test_the_server_that_takes_writes_is_found(postgresql_url: str) -> None:
    url = make_url(postgresql_url)
    hosts = f"127.0.0.1:1,{url.host}:{url.port or 5432}"
    user = f"{url.username}:{url.password}" if url.password else url.username
    text = f"postgresql+psycopg://{user}@{hosts}/{url.database}?target_session_attrs=read-write"
    database = Database(DatabaseSettings(url=text))
    with database.session() as session:
        assert session.execute(sql("SHOW transaction_read_only")).scalar() == "off"
    assert database.name.endswith(f"@127.0.0.1,{url.host}/{url.database}")
    database.dispose()
