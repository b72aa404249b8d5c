"""Connect to PostgreSQL with psycopg, and override its defaults."""

from collections.abc import Mapping, Sequence
from typing import Any

from lback_cli.errors import ConfigurationError


def connect(dialect: Any, arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """Return a driver connection in UTF-8 that prepares no statements, unless *options* have ``prepare_threshold``.

    A prepared statement belongs to one connection to the server. A pooler such as PgBouncer in transaction mode gives
    each transaction another one.

    Raises:
        ConfigurationError: ``prepare_threshold`` is not a number.
        Exception: The driver's own error.
    """
    threshold = _threshold(options.get("prepare_threshold"))
    # The default encoding of the server or database may not have every character.
    return dialect.connect(*arguments, **{**options, "client_encoding": "UTF8", "prepare_threshold": threshold})


def _threshold(text: Any) -> int | None:
    if text is None:
        return None
    if not (isinstance(text, str) and text.isascii() and text.isdigit()):
        raise ConfigurationError(
            "database.url: prepare_threshold must be a number.",
            hint="It is how often a statement is executed before it is prepared. Without it, none is.",
        )
    return int(text)


def is_set_read_only(connection: Any) -> bool:
    """Return whether a setting makes *connection* read-only, and not that the server is a standby.

    The server reports the setting since PostgreSQL 14.
    """
    driver = connection.connection.driver_connection
    return driver is not None and driver.info.parameter_status("default_transaction_read_only") == "on"


def read_any_version(dialect: Any) -> None:
    """Treat a server with an unknown version string, such as CockroachDB, as PostgreSQL 13."""
    read = dialect._get_server_version_info  # noqa: SLF001 - SQLAlchemy has no public way to set a version

    def version(connection: Any) -> tuple[int, ...]:
        try:
            found: tuple[int, ...] = read(connection)
        except AssertionError:
            return (13,)
        return found

    dialect._get_server_version_info = version  # noqa: SLF001 - as above
