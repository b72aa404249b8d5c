"""Create the event log and the head of its hash chain."""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from lback_cli.database.migrations.operations import EXACT, create_table, insert_first

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create an empty log."""
    long_text = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
    create_table(
        "lback_events",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("time", sa.String(27), nullable=False, index=True),
        sa.Column("signal", sa.String(64), nullable=False),
        sa.Column("operation", sa.String(64), nullable=False),
        sa.Column("operation_id", sa.String(32), nullable=False),
        sa.Column("outcome", sa.String(64)),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("invocation_id", sa.String(32), nullable=False),
        sa.Column("subject_id", sa.BigInteger, index=True),
        sa.Column("subject", sa.Text),
        sa.Column("data", long_text),
        sa.Column("salt", sa.String(32)),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        **EXACT,
    )
    create_table(
        "lback_event_head",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        **EXACT,
    )
    insert_first("lback_event_head", id=1, seq=0, hash="0" * 64)
