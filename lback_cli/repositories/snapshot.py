"""A read-only transaction and what it reads, without the ORM."""

import contextlib
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from lback_cli.database.engine import Database
from lback_cli.database.error_messages import translate_errors
from lback_cli.repositories.group_reader import GroupReader
from lback_cli.repositories.user_reader import UserReader

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from lback_cli.repositories.change_reader import ChangeReader
    from lback_cli.repositories.deleted_user_repository import DeletedUserRepository
    from lback_cli.repositories.event_repository import EventRepository
    from lback_cli.repositories.owner_repository import OwnerRepository


class Snapshot:
    """The users, groups and events of one read-only transaction."""

    def __init__(self, connection: "Connection | Session") -> None:
        self.connection = connection

    @cached_property
    def users(self) -> UserReader:
        """The users."""
        return UserReader(self.connection)

    @cached_property
    def groups(self) -> GroupReader:
        """The groups."""
        return GroupReader(self.connection)

    @cached_property
    def owners(self) -> "OwnerRepository":
        """The owners of users and groups."""
        from lback_cli.repositories.owner_repository import OwnerRepository

        return OwnerRepository(self.connection)

    @cached_property
    def deleted_users(self) -> "DeletedUserRepository":
        """The deleted users whose records are kept."""
        from lback_cli.repositories.deleted_user_repository import DeletedUserRepository

        return DeletedUserRepository(self.connection)

    @cached_property
    def events(self) -> "EventRepository":
        """The event log."""
        from lback_cli.repositories.event_repository import EventRepository

        return EventRepository(self.connection)

    @cached_property
    def changes(self) -> "ChangeReader":
        """What the event log says that changed."""
        from lback_cli.repositories.change_reader import ChangeReader

        return ChangeReader(self.connection)


@contextlib.contextmanager
def snapshot(database: Database, session: "Session | None" = None) -> Iterator[Snapshot]:
    """Read one state of *database*: in the caller's *session*, else in a transaction that takes no write lock."""
    if session is not None:
        with translate_errors(database.url):
            yield Snapshot(session)
    else:
        with database.read_connection() as connection:
            yield Snapshot(connection)
