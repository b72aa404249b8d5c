"""The unit of work: one transaction and the repositories in it."""

import contextlib
from collections.abc import Iterator
from functools import cached_property

from sqlalchemy.orm import Session

from lback_cli.database.engine import Database
from lback_cli.database.faults import translated
from lback_cli.repositories.event_repository import EventRepository
from lback_cli.repositories.group_repository import GroupRepository
from lback_cli.repositories.import_job_repository import ImportJobRepository
from lback_cli.repositories.mail_queue_repository import MailQueueRepository
from lback_cli.repositories.sink_repository import SinkRepository
from lback_cli.repositories.token_repository import TokenRepository
from lback_cli.repositories.user_repository import UserRepository


class Work:
    """What one transaction works with."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @cached_property
    def users(self) -> UserRepository:
        """The users."""
        return UserRepository(self.session)

    @cached_property
    def groups(self) -> GroupRepository:
        """The groups."""
        return GroupRepository(self.session)

    @cached_property
    def tokens(self) -> TokenRepository:
        """The tokens."""
        return TokenRepository(self.session)

    @cached_property
    def events(self) -> EventRepository:
        """The event log."""
        return EventRepository(self.session)

    @cached_property
    def jobs(self) -> ImportJobRepository:
        """The imports."""
        return ImportJobRepository(self.session)

    @cached_property
    def sinks(self) -> SinkRepository:
        """The sinks of the relay."""
        return SinkRepository(self.session)

    @cached_property
    def mails(self) -> MailQueueRepository:
        """The mail that waits."""
        return MailQueueRepository(self.session)


@contextlib.contextmanager
def transaction(database: Database, session: Session | None = None) -> Iterator[Work]:
    """Work that is kept as a whole or not at all.

    With the caller's *session* it runs under a savepoint there and the caller commits; without, it commits at the end.
    Raises `DatabaseError` for what the database refuses, the commit included.
    """
    if session is None:
        with database.session() as own:
            yield Work(own)
    else:
        with translated(database.url), session.begin_nested():
            yield Work(session)


@contextlib.contextmanager
def reading(database: Database, session: Session | None = None) -> Iterator[Work]:
    """Work that changes nothing: in the caller's *session*, else in one of its own that takes no write lock."""
    if session is None:
        with database.reading() as own:
            yield Work(own)
    else:
        with translated(database.url):
            yield Work(session)
