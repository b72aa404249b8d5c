"""Parse the database's URL, and describe its errors without showing the password."""

import re
from importlib.util import find_spec
from typing import NamedTuple

import sqlalchemy.exc
from sqlalchemy.engine import URL, make_url

from lback_cli.errors import ConfigurationError

_SECOND_AT = re.compile(r"[\w+]+://[^:/]*:[^@]*@.*@", re.DOTALL)
"""A URL with another @ after the password. SQLAlchemy ends the password at the first one."""


_SEVERAL_HOSTS = re.compile(
    r"(?P<start>postgres(?:ql)?(?:\+\w+)?://)(?P<user>[^/?]*@)?(?P<hosts>[^/?@]*,[^/?@]*)(?P<end>[/?].*)?", re.DOTALL
)
"""A URL of libpq with several hosts, which SQLAlchemy cannot parse."""

_HOST = re.compile(r"(?P<name>\[[^\]]*\]|[^:]*)(?::(?P<port>\d*))?")
_PORT = "5432"


class _Driver(NamedTuple):
    """A driver: the *extra* of lback-cli that installs it, the *scheme* of its URLs, and its *module*."""

    extra: str
    scheme: str
    module: str


_DRIVERS = {
    "postgres": _Driver("postgresql", "postgresql+psycopg", "psycopg"),
    "postgresql": _Driver("postgresql", "postgresql+psycopg", "psycopg"),
    "mysql": _Driver("mariadb", "mysql+pymysql", "pymysql"),
    "mariadb": _Driver("mariadb", "mariadb+pymysql", "pymysql"),
}
"""The driver that lback works with, by the backend that a URL names."""


_FROM_FILE = "it reads options from a file"
_NO_TEXT = "its value is not text"
_REFUSED_OPTIONS = {
    "autocommit": "every statement would be committed by itself",
    "conv": _NO_TEXT,
    "cursor_factory": _NO_TEXT,
    "cursorclass": _NO_TEXT,
    "local_infile": "the server could read every file that lback can",
    "read_default_file": _FROM_FILE,
    "read_default_group": _FROM_FILE,
    "row_factory": _NO_TEXT,
    "service": _FROM_FILE,
    "servicefile": _FROM_FILE,
}
"""Options of PyMySQL and libpq, and why they are refused."""


def read_url(text: str) -> URL:
    """Parse *text*. Raises `ConfigurationError`."""
    if _SECOND_AT.match(text):
        from lback_cli.settings.masking import mask_url

        raise ConfigurationError(
            f"database.url has more than one @, so the end of the password is unclear: {mask_url(text)}.",
            hint="Write every @ except the one before the host as %40, or set database.password_file.",
        )
    try:
        if several := _SEVERAL_HOSTS.fullmatch(text):
            return _with_several_hosts(several)
        return make_url(text)
    except ValueError as error:
        raise ConfigurationError(
            "The port in database.url is not a number.",
            hint="Example: postgresql+psycopg://app@db.example.org:5432/app",
        ) from error
    except sqlalchemy.exc.ArgumentError as error:
        raise ConfigurationError(
            "database.url is not a database URL.", hint="Example: sqlite:////path/to/users.db"
        ) from error


def _with_several_hosts(text: re.Match[str]) -> URL:
    """Return the URL with the hosts and ports as options, which libpq tries in order. Raises `ValueError`."""
    found = [_HOST.fullmatch(host) for host in text["hosts"].split(",")]
    hosts = [host for host in found if host is not None]
    if len(hosts) < len(found):
        raise ValueError
    url = make_url(f"{text['start']}{text['user'] or ''}{text['end'] or ''}")
    names = ",".join(host["name"].strip("[]") for host in hosts)
    return url.update_query_dict({"host": names, "port": ",".join(host["port"] or _PORT for host in hosts)})


def without_password(url: URL) -> str:
    """Return *url* with ``***`` in place of its password and of options that may be secret."""
    from lback_cli.settings.masking import HIDDEN, is_secret_option

    secret = {name: HIDDEN for name in url.query if is_secret_option(name)}
    return url.update_query_dict(secret).render_as_string(hide_password=True)


def has_password(url: URL) -> bool:
    """Return whether *url* has a password, or an option that may be secret."""
    from lback_cli.settings.masking import is_secret_option

    return url.password is not None or any(map(is_secret_option, url.query))


def require_driver(url: URL) -> None:
    """Raise `ConfigurationError` unless lback supports the database and the driver that *url* names.

    Other drivers keep their error codes elsewhere (psycopg2 in ``pgcode``), so lback could not classify their errors.
    """
    try:
        dialect = url.get_dialect()
    except sqlalchemy.exc.NoSuchModuleError as error:
        raise _unsupported(url) from error
    backend = url.get_backend_name()
    if dialect.is_async:
        raise ConfigurationError(
            f"database.url: {url.drivername!r} is an asynchronous driver.", hint=_scheme_hint(backend)
        )
    if backend != "sqlite" and backend not in _DRIVERS:
        raise _unsupported(url)
    if dialect.driver != ("pysqlite" if backend == "sqlite" else _DRIVERS[backend].module):
        raise ConfigurationError(
            f"database.url: lback does not support the driver of {url.drivername!r}.", hint=_driver_hint(backend)
        )


def require_safe_options(url: URL) -> None:
    """Refuse options of *url* that are unsafe, such as those with which the driver reads other files.

    Raises:
        ConfigurationError: One of `_REFUSED_OPTIONS` is in the URL.
    """
    for name in url.query:
        if (reason := _REFUSED_OPTIONS.get(name.lower())) is not None:
            raise ConfigurationError(f"database.url: the option {name} is not allowed: {reason}.", hint="Remove it.")


def missing_driver(url: URL) -> ConfigurationError:
    """Return the error for a driver that is not installed."""
    return ConfigurationError(
        f"The driver for {url.drivername} is not installed.", hint=_driver_hint(url.get_backend_name())
    )


def _unsupported(url: URL) -> ConfigurationError:
    backend = url.get_backend_name()
    hint = _scheme_hint(backend) if backend in _DRIVERS else "lback supports SQLite, PostgreSQL and MariaDB."
    return ConfigurationError(f"database.url: lback does not support {url.drivername!r}.", hint=hint)


def _driver_hint(backend: str) -> str:
    driver = _DRIVERS.get(backend)
    if driver is None or find_spec(driver.module) is not None:
        return _scheme_hint(backend)
    return f"Run: pip install 'lback-cli[{driver.extra}]', and start the URL with {driver.scheme}://"


def _scheme_hint(backend: str) -> str:
    return f"Start the URL with {_DRIVERS[backend].scheme if backend in _DRIVERS else 'sqlite'}://"
