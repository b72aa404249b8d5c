"""lback's own migrations, run from code: there is no alembic.ini, so commands and tests have one source.

To add one: a file in ``versions/`` called ``<number>_<what_it_does>.py``, and the number in
`lback_cli.database.schema.REVISION`.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Connection


def alembic_config() -> Config:
    """Alembic's configuration for the migrations that come with this lback."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def migrate(connection: Connection, revision: str = "head", *, adopting: bool = False) -> None:
    """Bring the tables to *revision* in the transaction that *connection* has open.

    *adopting* says that the lback framework's own tables are there already, an application's, and are not to be made.
    """
    config = alembic_config()
    config.attributes["connection"] = connection
    config.attributes["adopting"] = adopting
    command.upgrade(config, revision)
