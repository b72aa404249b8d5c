"""Let the index of group events have the events of tables and imports too, which are as rare."""

import sqlalchemy as sa
from alembic import op

from lback_cli.database.migrations.operations import create_index

revision = "0010"
down_revision = "0009"

_INDEX = "ix_lback_events_groups"


def upgrade() -> None:
    """Make the index again, except on MariaDB, where it has all events."""
    if op.get_bind().dialect.name in {"mysql", "mariadb"}:
        return
    op.drop_index(_INDEX, "lback_events", if_exists=True)
    rare = sa.text(
        "signal IN ('database_adopted', 'group_created', 'group_deleted', 'group_updated', 'import_finished',"
        " 'import_started', 'schema_upgraded')"
    )
    create_index(_INDEX, "lback_events", ["signal"], sqlite_where=rare, postgresql_where=rare)
