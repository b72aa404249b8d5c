"""lback's own migrations, run from code: there is no alembic.ini, so commands and tests have one source.

To add one: a file in ``versions/`` called ``<number>_<what_it_does>.py``, and the number in
`lback_cli.database.schema.REVISION`. It makes all that it makes by ``tables.py``.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection


def alembic_config() -> Config:
    """Alembic's configuration for the migrations that come with this lback."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def make(connection: Connection, *, adopting: bool = False, continuing: bool = False) -> None:
    """Make all tables, and let no version stand in the database until all of them are there.

    *adopting* says that the lback framework's own tables are there already, an application's, and are not to be made.
    *continuing* says that some others may be there, too, as making them was cut off.
    """
    config = alembic_config()
    config.attributes["connection"] = connection
    command.stamp(config, "base")  # makes the table for the version
    options = {"adopting": adopting, "continuing": continuing}
    with Operations.context(MigrationContext.configure(connection, opts=options)):
        for script in reversed([*ScriptDirectory.from_config(config).walk_revisions()]):
            script.module.upgrade()
    command.stamp(config, "head")


def migrate(connection: Connection, revision: str = "head") -> None:
    """Bring older tables to *revision* in the transaction that *connection* has open.

    A migration that was cut off, and left some of what it makes, is continued.
    """
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
