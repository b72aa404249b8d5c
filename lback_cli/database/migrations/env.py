"""Alembic's entry point: run the migrations on the connection that `migrate` passes, in its transaction."""

from alembic import context

from lback_cli.database.schema import VERSION_TABLE
from lback_cli.models.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    continuing=True,
    on_version_apply=context.config.attributes.get("on_version_apply"),
)
context.run_migrations()
