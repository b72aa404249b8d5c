"""The unit of work: one transaction and the repositories in it."""

import contextlib
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sqlalchemy.orm import Session

from lback_cli.database.engine import Database
from lback_cli.database.error_messages import translate_errors
from lback_cli.database.retry import MAX_ATTEMPTS, is_disconnect, retried
from lback_cli.errors import DatabaseError, OutcomeUnknown, UnconfirmedCommit, UsageError
from lback_cli.repositories.event_repository import EventRepository
from lback_cli.repositories.group_repository import GroupRepository
from lback_cli.repositories.mail_queue_repository import MailQueueRepository
from lback_cli.repositories.token_repository import TokenRepository
from lback_cli.repositories.user_repository import UserRepository

if TYPE_CHECKING:
    from lback_cli.repositories.application_repository import ApplicationRepository
    from lback_cli.repositories.attribute_repository import AttributeRepository
    from lback_cli.repositories.deleted_user_repository import DeletedUserRepository
    from lback_cli.repositories.framework_token_repository import FrameworkTokenRepository
    from lback_cli.repositories.import_job_repository import ImportJobRepository
    from lback_cli.repositories.owner_repository import OwnerRepository
    from lback_cli.repositories.sink_repository import SinkRepository

LOCK_TIMEOUT = 5.0
"""Seconds to wait for the server to end a transaction whose connection was lost."""

_PAUSE_BETWEEN_LOOKS = 1.0
"""Seconds between the first and the second check, at most; a server that restarts needs a few in all."""


class UnitOfWork:
    """The repositories of one transaction. Those that few commands need are loaded on first use.

    Attributes:
        session: The session of the transaction.
        is_committing: Whether COMMIT may have been sent.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.is_committing = False

    @cached_property
    def users(self) -> UserRepository:
        """The users."""
        return UserRepository(self.session)

    @cached_property
    def attributes(self) -> "AttributeRepository":
        """The attributes of users in lback's own table."""
        from lback_cli.repositories.attribute_repository import AttributeRepository

        return AttributeRepository(self.session)

    @cached_property
    def deleted_users(self) -> "DeletedUserRepository":
        """The deleted users whose records are kept."""
        from lback_cli.repositories.deleted_user_repository import DeletedUserRepository

        return DeletedUserRepository(self.session)

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
        """The tokens that an application built on the lback framework reads."""
        from lback_cli.repositories.framework_token_repository import FrameworkTokenRepository

        return FrameworkTokenRepository(self.session)

    @cached_property
    def application(self) -> "ApplicationRepository":
        """The other tables of the lback framework's application."""
        from lback_cli.repositories.application_repository import ApplicationRepository

        return ApplicationRepository(self.session)

    @cached_property
    def events(self) -> EventRepository:
        """The event log."""
        return EventRepository(self.session)

    @cached_property
    def owners(self) -> "OwnerRepository":
        """The owners of users and groups."""
        from lback_cli.repositories.owner_repository import OwnerRepository

        return OwnerRepository(self.session)

    @cached_property
    def jobs(self) -> "ImportJobRepository":
        """The import jobs."""
        from lback_cli.repositories.import_job_repository import ImportJobRepository

        return ImportJobRepository(self.session)

    @cached_property
    def sinks(self) -> "SinkRepository":
        """The sinks of the relay."""
        from lback_cli.repositories.sink_repository import SinkRepository

        return SinkRepository(self.session)

    @cached_property
    def mails(self) -> MailQueueRepository:
        """The queued mail."""
        return MailQueueRepository(self.session)


@contextlib.contextmanager
def transaction(
    database: Database, session: Session | None = None, *, tries: int = 1, lock_timeout: float | None = None
) -> Iterator[UnitOfWork]:
    """Run the block in a transaction that commits at its end, or rolls back as a whole.

    Args:
        database: The database.
        session: The caller's session. The block then runs under a savepoint, and the caller commits.
        tries: How often the caller runs the transaction, as `retried` does. These attempts share the time to wait for
            a lock.
        lock_timeout: As for `Database.session`.

    Raises:
        DatabaseError: The database refused something, the commit included.
        OutcomeUnknown: The connection was lost during COMMIT. Its cause is the `DatabaseError`.
    """
    if session is not None:
        with translate_errors(database.url):
            _begin_on_sqlite(session)
            with session.begin_nested():
                yield UnitOfWork(session)
        return
    work: UnitOfWork | None = None
    try:
        with database.session(tries=tries, lock_timeout=lock_timeout) as own:
            work = UnitOfWork(own)
            yield work
            own.flush()
            work.is_committing = True
    except DatabaseError as error:
        if not (work is not None and work.is_committing and is_disconnect(error)):
            raise
        raise OutcomeUnknown(
            f"The connection to the database {database.name} was lost during COMMIT: whether the change was made is"
            " unknown.",
            hint="Check before you try again.",
        ) from error


def require_transactional(database: Database, session: Session) -> None:
    """Refuse a caller's *session* that would show changes to others before the caller commits.

    Raises:
        UsageError: The driver commits every statement by itself.
    """
    if session.get_bind().dialect.name == "sqlite":
        return
    with translate_errors(database.url):
        connection = session.connection()
        driver = connection.connection.dbapi_connection
    if driver and connection.dialect.detect_autocommit_setting(driver):
        raise UsageError(
            "The session commits every statement by itself.",
            hint="Pass a session without the isolation level AUTOCOMMIT, and commit it yourself.",
        )


def holds_write_lock(session: Session) -> bool:
    """Return whether the transaction of *session* may hold the one write lock of a SQLite database."""
    if not session.in_transaction() or session.get_bind().dialect.name != "sqlite":
        return False
    driver: Any = session.connection().connection.driver_connection
    return bool(driver.in_transaction)


def _begin_on_sqlite(session: Session) -> None:
    """Begin the transaction of *session*, if it is on SQLite and has not begun.

    Python's driver begins it only before the first INSERT, UPDATE or DELETE. A savepoint before that would be the
    outermost transaction, and its release would commit.
    """
    connection = session.connection()
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite" and not driver.in_transaction:
        connection.exec_driver_sql("BEGIN")


class Evidence(NamedTuple):
    """How to find out whether a transaction was committed.

    Attributes:
        look: Returns whether a committed row of the transaction is there. It locks a row that the transaction changed,
            and so waits until the server has ended it, at most `LOCK_TIMEOUT` at a time.
        advice: How a person can find out.
        note: The message to a person who has interrupted the COMMIT, if it succeeded.
    """

    look: Callable[[UnitOfWork], bool]
    advice: str
    note: str | None = None


@contextlib.contextmanager
def settled_transaction(
    database: Database,
    evidence: Callable[[UnitOfWork], Evidence | None],
    session: Session | None = None,
    *,
    settles_interruptions: bool = True,
) -> Iterator[UnitOfWork]:
    """Run the block in a `transaction`, for `retried`. If COMMIT gets no answer, *evidence* shows whether it succeeded.

    Args:
        database: The database.
        evidence: Returns how to find out about the work.
        session: The caller's session, as for `transaction`.
        settles_interruptions: Whether to find out too if COMMIT is interrupted, as by Ctrl-C. `outcome_of` then returns
            it.

    Raises:
        DatabaseError: As for `transaction`.
        OutcomeUnknown: The connection was lost during COMMIT, and the database stays out of reach.
        UnconfirmedCommit: The change is committed, but a failover may lose it.
    """
    lost: BaseException | None = None
    work: UnitOfWork | None = None
    try:
        with transaction(database, session, tries=MAX_ATTEMPTS) as work:
            yield work
    except UnconfirmedCommit:
        raise
    except OutcomeUnknown as unknown:
        found = evidence(work) if work is not None else None
        if found is None:
            raise
        if not _was_committed(database, unknown, found):
            lost = unknown.__cause__
    except Exception:
        raise
    except BaseException as interruption:
        if work is not None and settles_interruptions:
            settle_interruption(database, work, interruption, evidence(work))
        raise
    if lost is not None:
        # Nothing was committed, so the error of COMMIT is the outcome.
        raise lost


@contextlib.contextmanager
def transaction_with_events(database: Database, session: Session | None = None) -> Iterator[UnitOfWork]:
    """Run the block in a `settled_transaction` that appends events. The last event shows whether it was committed."""
    with settled_transaction(database, evidence_of_events, session) as work:
        yield work


def evidence_of_events(work: UnitOfWork) -> Evidence | None:
    """Return how to find out whether the events that *work* has appended were committed; None if there are none."""
    last = work.events.last
    if last is None:
        return None
    return Evidence(
        lambda again: again.events.was_committed(*last),
        f"It was made if 'lback events list --operation {last[1]}' shows an event.",
        "The last operation was completed before the interruption.",
    )


Outcome = Literal["rolled back", "committed", "unknown"]


def outcome_of(interruption: BaseException) -> Outcome:
    """Return the outcome of the transaction that *interruption* has interrupted, or that raised it."""
    if isinstance(interruption, UnconfirmedCommit):
        return "committed"
    return getattr(interruption, "lback_outcome", "rolled back")


def settle_interruption(
    database: Database, work: UnitOfWork, interruption: BaseException, evidence: Evidence | None
) -> None:
    """Find out whether *work* was committed although *interruption* came during COMMIT, for `outcome_of`.

    The notes of the exception then say so too.
    """
    if not work.is_committing or evidence is None:
        return
    work.is_committing = False
    _note_outcome(interruption, "unknown")
    try:
        outcome: Outcome = "committed" if _look(database, evidence) else "rolled back"
    except DatabaseError:
        interruption.add_note(f"Whether the last change was made is unknown. {evidence.advice}")
        return
    except BaseException as again:
        _note_outcome(again, "unknown")
        again.add_note(f"Whether the last change was made is unknown. {evidence.advice}")
        raise
    _note_outcome(interruption, outcome)
    if outcome == "committed" and evidence.note is not None:
        interruption.add_note(evidence.note)


def _note_outcome(interruption: BaseException, outcome: Outcome) -> None:
    interruption.lback_outcome = outcome  # type: ignore[attr-defined]


def _was_committed(database: Database, unknown: OutcomeUnknown, evidence: Evidence) -> bool:
    """Return whether the transaction whose COMMIT ended with *unknown* was committed.

    Raises:
        OutcomeUnknown: The database stays out of reach.
    """
    try:
        return _look(database, evidence)
    except DatabaseError:
        raise OutcomeUnknown(
            f"{unknown.message.removesuffix('.')}, as it cannot be looked up.", hint=evidence.advice
        ) from unknown.__cause__


def _look(database: Database, evidence: Evidence) -> bool:
    def once() -> bool:
        with transaction(database, tries=MAX_ATTEMPTS, lock_timeout=LOCK_TIMEOUT) as work:
            found = evidence.look(work)
            # The lock alone makes PostgreSQL write a record, for which COMMIT would wait if a standby is missing.
            work.session.rollback()
            return found

    return retried(once, is_retryable=lambda _: True, initial_delay=_PAUSE_BETWEEN_LOOKS)


@contextlib.contextmanager
def reading(database: Database, session: Session | None = None) -> Iterator[UnitOfWork]:
    """Read mapped objects: in the caller's *session*, else in a new one that takes no write lock."""
    if session is None:
        with database.reading() as own:
            yield UnitOfWork(own)
    else:
        with translate_errors(database.url):
            yield UnitOfWork(session)
