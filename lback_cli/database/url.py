"""The database's URL, and what is wrong with one, in words that give no password away."""

import re
from importlib.util import find_spec
from typing import NamedTuple

import sqlalchemy.exc
from sqlalchemy.engine import URL, make_url

from lback_cli.errors import ConfigurationError

_SECOND_AT = re.compile(r"[\w+]+://[^:/]*:[^@]*@.*@", re.DOTALL)
"""SQLAlchemy ends the password at the first of them."""


class _Driver(NamedTuple):
    """Of a kind of server: the *extra* of lback-cli that installs it, how a URL names it, and its *module*."""

    extra: str
    scheme: str
    module: str


_DRIVERS = {
    "postgres": _Driver("postgresql", "postgresql+psycopg", "psycopg"),
    "postgresql": _Driver("postgresql", "postgresql+psycopg", "psycopg"),
    "mysql": _Driver("mariadb", "mysql+pymysql", "pymysql"),
    "mariadb": _Driver("mariadb", "mariadb+pymysql", "pymysql"),
}
"""The driver that lback works with, by what a URL may call the kind of server."""


def read_url(text: str) -> URL:
    """Read *text*. Raises `ConfigurationError`."""
    if _SECOND_AT.match(text):
        from lback_cli.settings.masking import mask_url

        raise ConfigurationError(
            f"database.url has another @ behind the one that ends the password: {mask_url(text)}.",
            hint="Write @ in a password, and behind the host, as %40; or keep the password in database.password_file.",
        )
    try:
        return make_url(text)
    except ValueError as error:
        raise ConfigurationError(
            "database.url has a port that is not a number.",
            hint="It looks like postgresql+psycopg://app@db.example.org:5432/app",
        ) from error
    except sqlalchemy.exc.ArgumentError as error:
        raise ConfigurationError(
            "database.url is not a database URL.", hint="It looks like sqlite:////path/to/users.db"
        ) from error


def without_password(url: URL) -> str:
    """*url* for a command that is shown: ``***`` stands for its password, and for options that may be one."""
    from lback_cli.settings.masking import MASK, is_secret_option

    secret = {name: MASK for name in url.query if is_secret_option(name)}
    return url.update_query_dict(secret).render_as_string(hide_password=True)


def require_driver(url: URL) -> None:
    """Raise `ConfigurationError` unless *url* is of a database that lback knows, and of the driver that it works with.

    Errors of others cannot be told apart, as they have their codes elsewhere: psycopg2 in ``pgcode``, for one.
    """
    try:
        dialect = url.get_dialect()
    except sqlalchemy.exc.NoSuchModuleError as error:
        raise _unknown(url) from error
    backend = url.get_backend_name()
    if dialect.is_async:
        raise ConfigurationError(f"database.url: {url.drivername!r} is an asynchronous driver.", hint=_begin(backend))
    if backend != "sqlite" and backend not in _DRIVERS:
        raise _unknown(url)
    if dialect.driver != ("pysqlite" if backend == "sqlite" else _DRIVERS[backend].module):
        raise ConfigurationError(
            f"database.url: lback does not work with the driver of {url.drivername!r}.", hint=_install(backend)
        )


def missing_driver(url: URL) -> ConfigurationError:
    """What is said where the driver's module is not there."""
    return ConfigurationError(
        f"The driver for {url.drivername} is not installed.", hint=_install(url.get_backend_name())
    )


def _unknown(url: URL) -> ConfigurationError:
    backend = url.get_backend_name()
    hint = _begin(backend) if backend in _DRIVERS else "lback works with SQLite, PostgreSQL and MariaDB."
    return ConfigurationError(f"database.url: {url.drivername!r} is not a database lback knows.", hint=hint)


def _install(backend: str) -> str:
    """What to do to have the driver."""
    driver = _DRIVERS.get(backend)
    if driver is None or find_spec(driver.module) is not None:
        return _begin(backend)
    return f"Run: pip install 'lback-cli[{driver.extra}]', and begin the URL with {driver.scheme}://"


def _begin(backend: str) -> str:
    return f"Begin the URL with {_DRIVERS[backend].scheme if backend in _DRIVERS else 'sqlite'}://"
