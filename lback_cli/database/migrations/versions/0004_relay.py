"""Create the tables of sinks, dead letters and queued mail."""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from lback_cli.database.migrations.operations import EXACT, create_table

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables."""
    moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    create_table(
        "lback_sinks",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.String(300)),
        sa.Column("lease_until", moment),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("last_error", sa.Text),
        sa.Column("delivered_at", moment),
        **EXACT,
    )
    create_table(
        "lback_dead_letters",
        sa.Column("sink", sa.String(32), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("given_up_at", moment, nullable=False),
        **EXACT,
    )
    create_table(
        "lback_mail_queue",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("template", sa.String(32), nullable=False),
        sa.Column("purpose", sa.String(32)),
        sa.Column("user_id", sa.Integer, nullable=False, index=True),
        sa.Column("recipient", sa.String(255), nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("last_error", sa.Text),
        sa.Column("owner", sa.String(300)),
        sa.Column("lease_until", moment),
        sa.Column("queued_at", moment, nullable=False),
        sa.Column("retry_at", moment, index=True),
        sqlite_autoincrement=True,  # a mail may have been named to a user by its number, so do not reuse it
        **EXACT,
    )
