"""lback's migrations. They run from code, without an alembic.ini.

To add one, create ``versions/<number>_<what_it_does>.py``, which uses the functions of ``operations.py``, and set
`lback_cli.database.schema.REVISION` to its number.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection


def alembic_config() -> Config:
    """Return Alembic's configuration for the migrations in this package."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def create(connection: Connection, *, adopting: bool = False, continuing: bool = False) -> None:
    """Create all tables, and store the version when all of them exist.

    Args:
        connection: A connection with an open transaction.
        adopting: The framework tables exist and belong to an application, so do not create them.
        continuing: Other tables may exist too, because an earlier run was interrupted.
    """
    config = alembic_config()
    config.attributes["connection"] = connection
    command.stamp(config, "base")  # creates the version table
    options = {"adopting": adopting, "continuing": continuing}
    with Operations.context(MigrationContext.configure(connection, opts=options)):
        for script in reversed([*ScriptDirectory.from_config(config).walk_revisions()]):
            script.module.upgrade()
    command.stamp(config, "head")


def migrate(connection: Connection, revision: str = "head") -> bool:
    """Migrate older tables to *revision* in the open transaction of *connection*.

    An interrupted migration is continued.

    Returns:
        Whether a migration was run. None is if another process has run the last one meanwhile.
    """
    applied: list[object] = []
    config = alembic_config()
    config.attributes["connection"] = connection
    config.attributes["on_version_apply"] = lambda step, **_: applied.append(step)
    command.upgrade(config, revision)
    return bool(applied)
