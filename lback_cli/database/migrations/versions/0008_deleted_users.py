"""Deleted users, who can be restored for a while."""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from lback_cli.database.migrations.operations import EXACT, create_table

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the table."""
    moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    create_table(
        "lback_deleted_users",
        sa.Column("user_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("username", sa.String(255), nullable=False, index=True),
        sa.Column("email", sa.String(255), nullable=False, index=True),
        sa.Column("password", sa.String(255), nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("is_email_verified", sa.Boolean, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("deleted_at", moment, nullable=False),
        sa.Column("kept_until", moment, nullable=False, index=True),
        **EXACT,
    )
