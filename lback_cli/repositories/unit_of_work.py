"""The unit of work: one transaction and the repositories in it."""

import contextlib
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from lback_cli.database.engine import Database
from lback_cli.database.error_messages import translate_errors
from lback_cli.database.retry import MAX_ATTEMPTS, is_disconnect, retried
from lback_cli.errors import DatabaseError, OutcomeUnknown
from lback_cli.repositories.event_repository import EventRepository
from lback_cli.repositories.group_repository import GroupRepository
from lback_cli.repositories.mail_queue_repository import MailQueueRepository
from lback_cli.repositories.token_repository import TokenRepository
from lback_cli.repositories.user_repository import UserRepository

if TYPE_CHECKING:
    from lback_cli.repositories.framework_token_repository import FrameworkTokenRepository
    from lback_cli.repositories.import_job_repository import ImportJobRepository
    from lback_cli.repositories.sink_repository import SinkRepository

LOCK_TIMEOUT = 5.0
"""Seconds that a look waits for the server to end a transaction whose connection is gone."""

_PAUSE_BETWEEN_LOOKS = 1.0
"""Seconds, at most, from the first look to the second; a server that was restarted needs a few in all."""


class UnitOfWork:
    """What one transaction works with; what few commands have to do with is loaded on first use."""

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
    def framework_tokens(self) -> "FrameworkTokenRepository":
        """The tokens of the lback framework's application."""
        from lback_cli.repositories.framework_token_repository import FrameworkTokenRepository

        return FrameworkTokenRepository(self.session)

    @cached_property
    def events(self) -> EventRepository:
        """The event log."""
        return EventRepository(self.session)

    @cached_property
    def jobs(self) -> "ImportJobRepository":
        """The imports."""
        from lback_cli.repositories.import_job_repository import ImportJobRepository

        return ImportJobRepository(self.session)

    @cached_property
    def sinks(self) -> "SinkRepository":
        """The sinks of the relay."""
        from lback_cli.repositories.sink_repository import SinkRepository

        return SinkRepository(self.session)

    @cached_property
    def mails(self) -> MailQueueRepository:
        """The mail that waits."""
        return MailQueueRepository(self.session)


@contextlib.contextmanager
def transaction(
    database: Database, session: Session | None = None, *, tries: int = 1, patience: float | None = None
) -> Iterator[UnitOfWork]:
    """Work that is kept as a whole or not at all.

    With the caller's *session* it runs under a savepoint there and the caller commits; without, it commits at the end.
    One who would run it up to *tries* times, as `retried` does, says so; *patience* is as for `Database.session`.
    Raises `DatabaseError` for what the database refuses, the commit included, and `OutcomeUnknown`, caused by that
    `DatabaseError`, where the connection was lost during COMMIT.
    """
    if session is not None:
        with translate_errors(database.url), session.begin_nested():
            yield UnitOfWork(session)
        return
    committing = False
    try:
        with database.session(tries=tries, patience=patience) as own:
            yield UnitOfWork(own)
            own.flush()
            committing = True
    except DatabaseError as error:
        if not (committing and is_disconnect(error)):
            raise
        raise OutcomeUnknown(
            f"The connection to the database {database.name} was lost during COMMIT: whether the change was made is"
            " unknown.",
            hint="Look before you try again.",
        ) from error


@contextlib.contextmanager
def transaction_with_events(database: Database, session: Session | None = None) -> Iterator[UnitOfWork]:
    """A `transaction` for `retried`, at whose end events are appended: they tell what became of it.

    Where the connection was lost during COMMIT it is looked whether the last event is there. If so, all is well; if
    not, what COMMIT met is raised. Raises `OutcomeUnknown` where the database stays out of reach.
    """
    lost: BaseException | None = None
    work: UnitOfWork | None = None
    try:
        with transaction(database, session, tries=MAX_ATTEMPTS) as work:
            yield work
    except OutcomeUnknown as unknown:
        last = work.events.last if work is not None else None
        if last is None:
            raise
        seq, operation_id = last
        advice = f"It was made if 'lback events list -o json' shows an event with the operation_id {operation_id}."
        if not resolve_unknown_commit(
            database, unknown, lambda work: work.events.was_committed(seq, operation_id), advice
        ):
            lost = unknown.__cause__
    if lost is not None:
        # So what COMMIT met is all that happened.
        raise lost


def resolve_unknown_commit(
    database: Database, unknown: OutcomeUnknown, look: Callable[[UnitOfWork], bool], advice: str
) -> bool:
    """What *look* sees of a transaction that ended as *unknown*; it locks a row which that one changed.

    So it waits until the server has ended that one, but no longer than `LOCK_TIMEOUT` a time. Raises `OutcomeUnknown`
    with *advice* where the database stays out of reach.
    """

    def once() -> bool:
        with transaction(database, tries=MAX_ATTEMPTS, patience=LOCK_TIMEOUT) as work:
            return look(work)

    try:
        return retried(once, passes=lambda _: True, pause=_PAUSE_BETWEEN_LOOKS)
    except DatabaseError:
        raise OutcomeUnknown(
            f"{unknown.message.removesuffix('.')}, as it cannot be looked up.", hint=advice
        ) from unknown.__cause__


@contextlib.contextmanager
def reading(database: Database, session: Session | None = None) -> Iterator[UnitOfWork]:
    """Work that changes nothing: in the caller's *session*, else in one of its own that takes no write lock."""
    if session is None:
        with database.reading() as own:
            yield UnitOfWork(own)
    else:
        with translate_errors(database.url):
            yield UnitOfWork(session)
