"""Create the table of import jobs."""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from lback_cli.database.migrations.operations import EXACT, create_table

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table."""
    moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    counts = (
        "rows_done",
        "created",
        "updated",
        "skipped",
        "failed",
        "report_offset",
        "rejects_offset",
        "passwords_offset",
    )
    create_table(
        "lback_import_jobs",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, index=True),
        sa.Column("options", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in counts),
        sa.Column("owner", sa.String(300)),
        sa.Column("lease_until", moment),
        sa.Column("started_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        **EXACT,
    )
