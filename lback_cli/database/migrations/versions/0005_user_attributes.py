"""Attributes of users that are not columns of the application's users table."""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from lback_cli.database.migrations.operations import EXACT, create_index, create_table

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the table."""
    moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    create_table(
        "lback_user_attributes",
        sa.Column("user_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("unique_digest", sa.String(64)),
        sa.Column("user_created_at", moment, nullable=False),
        **EXACT,
    )
    create_index("ix_lback_user_attributes_name_digest", "lback_user_attributes", ["name", "digest"])
    create_index("ix_lback_user_attributes_unique_digest", "lback_user_attributes", ["unique_digest"], unique=True)
