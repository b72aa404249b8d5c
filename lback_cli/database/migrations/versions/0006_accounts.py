"""Logins: the last one of each user, failed ones, and a secret of this database; and an index of group events."""

import secrets

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from lback_cli.database.migrations.operations import EXACT, create_index, create_table, insert_first

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the tables and the index."""
    moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    create_table(
        "lback_accounts",
        sa.Column("key", sa.String(70), primary_key=True),
        sa.Column("user_id", sa.Integer, index=True),
        sa.Column("user_created_at", moment),
        sa.Column("last_login", moment),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("first_failure", moment),
        sa.Column("pending", sa.Integer, nullable=False),
        sa.Column("pending_until", moment),
        sa.Column("locked_until", moment),
        sa.Column("updated_at", moment, nullable=False, index=True),
        **EXACT,
    )
    create_table(
        "lback_secrets",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("value", sa.String(64), nullable=False),
        **EXACT,
    )
    insert_first("lback_secrets", name="login", value=secrets.token_hex(32))
    groups = sa.text("signal IN ('group_created', 'group_deleted', 'group_updated')")
    create_index("ix_lback_events_groups", "lback_events", ["signal"], sqlite_where=groups, postgresql_where=groups)
