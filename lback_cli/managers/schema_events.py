"""The events of the tables: an application's database was adopted, or older tables were upgraded."""

from sqlalchemy.engine import Connection

from lback_cli.database.schema import SchemaRecorder


def record_adoption(connection: Connection, revision: str) -> None:
    """Record in the event log that lback's tables of *revision* were added to an application's database."""
    from lback_cli.repositories.user_query import UserQuery
    from lback_cli.repositories.user_reader import UserReader

    users = UserReader(connection).count(UserQuery())
    _append(connection, "database_adopted", "adopt_database", {"revision": revision, "users": users})


def record_upgrade(connection: Connection, before: str, after: str) -> None:
    """Record in the event log that the tables were upgraded from the version *before* to *after*."""
    _append(connection, "schema_upgraded", "upgrade_schema", {"from": before, "to": after})


def _append(connection: Connection, name: str, operation: str, data: dict[str, str | int]) -> None:
    # Most commands only compare versions, and must not load the event log for that.
    from lback_cli.events.record import administrative_event
    from lback_cli.repositories.event_repository import EventRepository

    EventRepository(connection).append([administrative_event(name, operation, data)])


SCHEMA_RECORDER = SchemaRecorder(record_adoption, record_upgrade)
"""Records adoptions and upgrades in the event log of the database."""
