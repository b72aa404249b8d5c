"""Create the framework tables and the table of tokens."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from lback_cli.database.migrations.operations import EXACT, create_index, create_table

revision = "0001"
down_revision = None


def key(length: int = 255) -> sa.types.TypeEngine[str]:
    """Return a text type that compares byte by byte on every database, so that all accept the same names."""
    return (
        sa.String(length)
        .with_variant(sa.String(length, collation="C"), "postgresql")
        .with_variant(sa.String(length, collation="utf8mb4_bin"), "mysql", "mariadb")
    )


def upgrade() -> None:
    """Create all tables, or only lback's own if an application is adopted."""
    moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    if not op.get_context().opts.get("adopting"):
        create_framework_tables(moment)
    create_table(
        "lback_tokens",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("digest", key(64), nullable=False, unique=True),
        sa.Column("email", key(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("used_at", moment),
        **EXACT,
    )


def create_framework_tables(moment: sa.types.TypeEngine[datetime]) -> None:
    """Create the tables that an application built on the lback framework has too."""
    create_table(
        "users",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("username", key(), nullable=False),
        sa.Column("email", key(), nullable=False),
        sa.Column("password", sa.String(255), nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("is_email_verified", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("email_verification_token", key()),
        sa.Column("email_verification_token_expiry", moment),
        sa.Column("auth_token", key()),
        sa.Column("token_expiry", moment),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sqlite_autoincrement=True,  # the event log names users by id, so an id must not be reused
    )
    create_index("ix_users_username", "users", ["username"], unique=True)
    create_index("ix_users_email", "users", ["email"], unique=True)
    create_index("ix_users_email_verification_token", "users", ["email_verification_token"])
    create_index("ix_users_auth_token", "users", ["auth_token"])

    for name in ("groups", "userpermissions"):
        create_table(
            name,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("name", key(), nullable=False),
            sa.Column("description", sa.Text),
            sa.Column("created_at", moment, nullable=False),
            sa.Column("updated_at", moment, nullable=False),
        )
        create_index(f"ix_{name}_name", name, ["name"], unique=True)

    create_table(
        "user_groups_association",
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id"), primary_key=True),
        sa.Column("group_id", sa.Integer, sa.ForeignKey("groups.id"), primary_key=True, index=True),
    )
    create_table(
        "group_permissions_association",
        sa.Column("group_id", sa.Integer, sa.ForeignKey("groups.id"), primary_key=True),
        sa.Column("permission_id", sa.Integer, sa.ForeignKey("userpermissions.id"), primary_key=True),
    )
