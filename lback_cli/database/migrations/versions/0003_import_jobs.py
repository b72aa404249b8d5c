"""How far each import has come."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"

EXACT: dict[str, Any] = {"mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
"""An import is found by its path, and paths that differ in case are two on most systems."""


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
    op.create_table(
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
