"""The event log: lback's own tables. Its rows are millions and never objects, so the tables are mapped to none."""

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from lback_cli.models.base import Base

EVENTS = Table(
    "lback_events",
    Base.metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("id", String(32), nullable=False),
    Column("time", String(27), nullable=False, index=True),
    Column("signal", String(64), nullable=False),
    Column("operation", String(64), nullable=False),
    Column("operation_id", String(32), nullable=False),
    Column("outcome", String(64)),
    Column("actor", String(255), nullable=False),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", String(32), nullable=False),
    Column("invocation_id", String(32), nullable=False),
    Column("subject_id", BigInteger, index=True),
    Column("subject", Text),
    Column("data", Text),
    Column("salt", String(32)),
    Column("digest", String(64), nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
"""One row is one event; see `lback_cli.events.hash_chain` for what its hashes cover.

Times are RFC 3339 text, so that what is hashed is what is stored. *subject*, *data* and *salt* are null once the
person's data was erased.
"""

EVENT_HEAD = Table(
    "lback_event_head",
    Base.metadata,
    Column("id", Integer, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)
"""The end of the chain: one row, which every writer locks, so that the chain never forks."""
