"""The owners of users and groups that `lback apply` made."""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from lback_cli.database.migrations.operations import EXACT, create_table

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the table."""
    moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    create_table(
        "lback_owned",
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("object_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("object_created_at", moment, nullable=False),
        sa.Column("owner", sa.String(100), nullable=False, index=True),
        **EXACT,
    )
