"""Connections to MariaDB, by PyMySQL, where it is not to decide for itself."""

from collections.abc import Mapping
from typing import Any

from lback_cli.database.drivers import mariadb_tls
from lback_cli.errors import ConfigurationError


def connect(dialect: Any, options: Mapping[str, Any]) -> Any:
    """A connection of the driver's, in utf8mb4.

    Raises `ConfigurationError` where no database is named and for TLS options that cannot be used, and else what the
    driver raises.
    """
    given = {**options, "charset": "utf8mb4"}
    if isinstance(password := given.get("password"), str):
        # PyMySQL would write it in Latin-1, which has few letters and writes them otherwise than every other client.
        given["password"] = password.encode()
    connection = mariadb_tls.connect(dialect, given)
    if not connection.db:
        connection.close()
        raise ConfigurationError(
            "database.url names no database.", hint="It ends with the name: mariadb+pymysql://app@db.example.org/app"
        )
    return connection
