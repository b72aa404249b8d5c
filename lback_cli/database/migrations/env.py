"""Alembic's entry: run the migrations on the connection, and in the transaction, of `migrate`."""

from alembic import context

from lback_cli.database.schema import VERSION_TABLE
from lback_cli.models.metadata import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    continuing=True,
)
context.run_migrations()
