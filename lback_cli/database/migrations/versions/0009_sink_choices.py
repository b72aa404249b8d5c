"""Store which events a sink gets, when it wants the next one, and what it answered to a dead letter."""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from lback_cli.database.migrations.operations import add_column

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns."""
    moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    add_column("lback_sinks", sa.Column("rejections", sa.Integer, nullable=False, server_default="0"))
    add_column("lback_sinks", sa.Column("retry_at", moment))
    add_column("lback_sinks", sa.Column("choice", sa.Text))
    add_column("lback_sinks", sa.Column("chosen", sa.BigInteger))
    add_column("lback_dead_letters", sa.Column("answer", sa.Text))
