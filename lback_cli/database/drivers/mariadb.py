"""Connect to MariaDB with PyMySQL, and override its defaults for text."""

from collections.abc import Mapping, Sequence
from typing import Any

from lback_cli.database.drivers import mariadb_tls
from lback_cli.errors import ConfigurationError


def connect(dialect: Any, _arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """Return a driver connection in utf8mb4.

    Raises:
        ConfigurationError: The URL names no database, or a TLS option cannot be used.
        Exception: The driver's own error.
    """
    given = {**options, "charset": "utf8mb4"}
    if isinstance(password := given.get("password"), str):
        # PyMySQL would encode it in Latin-1. Other clients use UTF-8.
        given["password"] = password.encode()
    connection = mariadb_tls.connect(dialect, given)
    if not connection.db:
        connection.close()
        raise ConfigurationError(
            "database.url names no database.", hint="Add the name at the end: mariadb+pymysql://app@db.example.org/app"
        )
    return connection
