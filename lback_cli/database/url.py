"""The database's URL, and what is wrong with one, in words that give no password away."""

import re
from importlib.util import find_spec

import sqlalchemy.exc
from sqlalchemy.engine import URL, make_url

from lback_cli.errors import ConfigurationError

_SECOND_AT = re.compile(r"[\w+]+://[^:/]*:[^@]*@.*@", re.DOTALL)
"""SQLAlchemy ends the password at the first of them."""

_KNOWN = "lback works with SQLite, PostgreSQL and MariaDB."

_DRIVERS = {
    "postgres": ("postgresql", "postgresql+psycopg", "psycopg"),
    "postgresql": ("postgresql", "postgresql+psycopg", "psycopg"),
    "mysql": ("mariadb", "mysql+pymysql", "pymysql"),
    "mariadb": ("mariadb", "mariadb+pymysql", "pymysql"),
}
"""For each kind of server, the extra of lback-cli that installs a driver, how a URL names that driver, and its module.
"""


def read_url(text: str) -> URL:
    """Read *text*. Raises `ConfigurationError`."""
    if _SECOND_AT.match(text):
        from lback_cli.settings.show import mask_url

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


def unknown_kind(url: URL) -> ConfigurationError:
    """What is said of a database or a driver that SQLAlchemy does not know, or lback does not."""
    backend = url.get_backend_name()
    hint = f"Begin the URL with {_DRIVERS[backend][1]}://" if backend in _DRIVERS else _KNOWN
    return ConfigurationError(f"database.url: {url.drivername!r} is not a database lback knows.", hint=hint)


def asynchronous_driver(url: URL) -> ConfigurationError:
    """What is said of a driver that works in an event loop only, where lback has none."""
    _, scheme, _ = _DRIVERS.get(url.get_backend_name(), ("", "sqlite", ""))
    return ConfigurationError(
        f"database.url: {url.drivername!r} is an asynchronous driver.", hint=f"Begin the URL with {scheme}://"
    )


def missing_driver(url: URL) -> ConfigurationError:
    """What is said where the driver's module is not there."""
    if url.get_backend_name() not in _DRIVERS:
        return unknown_kind(url)
    extra, scheme, module = _DRIVERS[url.get_backend_name()]
    hint = f"Begin the URL with {scheme}://"
    if find_spec(module) is None:
        hint = f"Run: pip install 'lback-cli[{extra}]', and begin the URL with {scheme}://"
    return ConfigurationError(f"The driver for {url.drivername} is not installed.", hint=hint)
