"""What is done about each row: create, update, skip or refuse a user. Rows are applied in the order of the file."""

from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial
from itertools import zip_longest
from typing import cast

from sqlalchemy.orm import Session

from lback_cli.database.engine import Database
from lback_cli.errors import LbackError
from lback_cli.imports.chunks import Chunk
from lback_cli.imports.existing_users import Baseline, ExistingUserHandler, PendingUpdate
from lback_cli.imports.options import ImportOptions
from lback_cli.imports.results import RowOutcome, failed, obstacles
from lback_cli.imports.row import ImportRow
from lback_cli.imports.row_preparation import RowPreparation, plainer
from lback_cli.managers.bulk_registration import BulkRegistration, RegistrationResult
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.group_manager import create_missing_groups
from lback_cli.managers.plain_users import UserColumns
from lback_cli.managers.registration import PreparedUser
from lback_cli.managers.user_lookup import username_variants
from lback_cli.managers.user_manager import UserManager
from lback_cli.repositories.unit_of_work import UnitOfWork, reading
from lback_cli.repositories.user_reader import UserRecord
from lback_cli.security.stored_hashes import is_unusable


class RowProcessor:
    """Prepares and applies rows as *options* say, through the operations of *users*.

    With a *baseline*, outcomes hold the state in which an existing user was found, for a plan to be compared with.
    """

    def __init__(
        self,
        database: Database,
        users: UserManager,
        services: Dependencies,
        options: ImportOptions,
        *,
        baseline: Baseline | None = None,
    ) -> None:
        self._database = database
        self._services = services
        self._options = options
        self._bulk = BulkRegistration(database, users, services)
        self._preparation = RowPreparation(services, options)
        self._existing = ExistingUserHandler(users, services, options, baseline)

    def prepare(
        self,
        rows: Sequence[ImportRow],
        executor: Executor | None = None,
        session: Session | None = None,
        ready: Sequence[PreparedUser | None] = (),
    ) -> Chunk:
        """Validate *rows*, and hash the passwords that will be needed, so far as that is known yet.

        Args:
            rows: The rows of a chunk.
            executor: Hashes several passwords at once.
            session: The transaction to look for existing users in; without it, one that is read only.
            ready: The users of these rows that were prepared before.
        """
        if (plain := self._plain(rows)) is not None:
            return Chunk(rows, lambda: list(map(self._preparation.prepare, rows)), plain)
        users = [user or self._preparation.prepare(row) for row, user in zip_longest(rows, ready)]
        waiting = [user for user in users if user is not None and user.needs_hash]
        if waiting:
            with reading(self._database, session) as uow:
                needed = self._without_existing(uow, waiting)
            self._bulk.hash_passwords(needed, executor)
        return Chunk(rows, lambda: users, None)

    def apply(self, uow: UnitOfWork, chunk: Chunk) -> list[RowOutcome]:
        """Create, update, skip or refuse the users of *chunk*.

        After an error that `aborts_transaction`, it may be called again in another transaction. A row whose refusal was
        announced stays refused then.

        Returns:
            The outcomes in the order of the rows. With ``on_error="stop"`` the first refused row is the last.
        """
        writer = _ChunkWriter(
            uow,
            chunk,
            self._bulk,
            self._existing,
            self._variants(chunk),
            stops_on_error=self._options.on_error == "stop",
        )
        if self._options.create_groups:
            skips = self._options.if_exists == "skip"
            chunk.created_groups = create_missing_groups(uow, self._services, writer.groups(skips=skips))
        return writer.write()

    def _plain(self, rows: Sequence[ImportRow]) -> UserColumns | None:
        """Return the users of *rows* if all are plain, and so no row needs a closer look yet."""
        hashes = [row.password_hash for row in rows]
        if None in hashes or any(row.error or row.password is not None or row.attributes for row in rows):
            return None
        users = UserColumns(
            [row.username for row in rows],
            [row.email for row in rows],
            cast("list[str]", hashes),
            [row.is_active is not False for row in rows],
            [row.is_email_verified is True for row in rows],
            [row.groups or () for row in rows],
        )
        if self._options.create_groups and any(users.groups):
            return None
        return self._bulk.prepare_plain(users, self._options.mail)

    def _without_existing(self, uow: UnitOfWork, waiting: Sequence[PreparedUser]) -> Sequence[PreparedUser]:
        """Return the users whose passwords will be needed, as far as can be known before the transaction."""
        if self._options.overwrite_passwords and self._options.if_exists == "update":
            return waiting
        usernames = uow.users.taken_usernames([user.username for user in waiting])
        emails = uow.users.taken_emails([user.email for user in waiting])
        needed = []
        for user in waiting:
            if user.username not in usernames and user.email not in emails:
                usernames.add(user.username)
                emails.add(user.email)
                needed.append(user)
        return needed

    def _variants(self, chunk: Chunk) -> list[tuple[str, ...]]:
        """Return the stored user names that each row may mean; none at all if a taken name only refuses the row."""
        if self._options.if_exists == "fail":
            return []
        return [() if row.error else username_variants(self._services, row.username) for row in chunk.rows]


_OBSTACLES = {
    (active, verified): obstacles(active=active, has_password=True, verified=verified)
    for active in (True, False)
    for verified in (True, False)
}
"""Why a user with a password cannot log in, by whether the user is active and verified."""


class _ChunkWriter:
    """Writes one chunk in one transaction.

    Rows that create users are collected, and written together before a row may depend on them.
    """

    def __init__(
        self,
        uow: UnitOfWork,
        chunk: Chunk,
        bulk: BulkRegistration,
        existing: ExistingUserHandler,
        variants: Sequence[tuple[str, ...]],
        *,
        stops_on_error: bool,
    ) -> None:
        """*variants* are the stored user names that each row may mean, or empty if existing users do not matter."""
        self._uow = uow
        self._chunk = chunk
        self._bulk = bulk
        self._existing = existing
        self._variants = variants
        self._stops_on_error = stops_on_error
        self._stopped = False
        self._expects_conflict = False
        self._outcomes: list[RowOutcome | None] = [None] * len(chunk.rows)
        self._pending: list[int] = []
        self._updates: dict[int, PendingUpdate] = {}
        self._found: dict[int, UserRecord] | None = None
        self._pending_names: set[str] = set()
        self._ids = uow.users.ids_by_username([name for names in variants for name in names])

    def groups(self, *, skips: bool) -> list[str]:
        """Return the groups that the rows name which can be imported; *skips* leaves those of existing users out."""
        found: dict[str, None] = {}
        for index, (row, user) in enumerate(zip(self._chunk.rows, self._chunk.users, strict=True)):
            exists = skips and not self._ids.keys().isdisjoint(self._variants[index])
            if user is not None and not (user.error or exists):
                found |= dict.fromkeys(row.groups or ())
        return list(found)

    def write(self) -> list[RowOutcome]:
        """Write the chunk, and return the outcomes up to the row that stops the import."""
        if (plain := self._write_plain()) is not None:
            return plain
        rows, users = self._chunk.rows, [user for user in self._chunk.users if user is not None]
        if len(users) == len(rows) and not self._variants and not self._stops_on_error:
            # Most chunks are like that: no row has to be looked up.
            results = self._bulk.register(self._uow, users, expects_conflict=self._expects_conflict)
            return list(map(partial(_registration_outcome, only_creates=True), rows, users, results))
        for index in range(len(rows)):
            self._write_row(index)
            if self._stopped:
                break
        self._write_updates()
        self._write_pending()
        written: list[RowOutcome] = []
        for outcome in self._outcomes:
            if outcome is None:
                break
            written.append(outcome)
            if self._stops_on_error and outcome.kind == "failed":
                break
        return written

    def _write_plain(self) -> list[RowOutcome] | None:
        """Create the users of the chunk if all are plain; return None if each row has to be looked at."""
        rows, users = self._chunk.rows, self._chunk.plain
        if users is None:
            return None
        registered = None if self._ids else self._bulk.register_plain(self._uow, users)
        if registered is None:
            # Later attempts have to repeat what is announced of single rows.
            self._chunk.plain, self._expects_conflict = None, True
            return None
        ids, links = registered
        states = zip(users.is_active, users.is_email_verified, strict=True)
        outcomes = [
            RowOutcome(row, "created", user_id, None, None, None, username, None, _OBSTACLES[state])
            for row, user_id, username, state in zip(rows, ids, users.usernames, states, strict=True)
        ]
        self._uow.events.append_links(links)
        return outcomes

    def _write_row(self, index: int) -> None:
        row, user = self._chunk.rows[index], self._chunk.users[index]
        if user is None:
            self._settle(index, failed(row, row.error or LbackError("The row cannot be read.")))
            return
        if (refused := self._chunk.refused_update(index)) is not None:
            outcome, failure = refused
            self._write_updates()
            failure.record(self._uow.session)
            self._settle(index, outcome)
            return
        names = self._variants[index] if self._variants else ()
        if names and not (user.attempts and user.attempts.refusal):
            if not self._pending_names.isdisjoint(names):
                self._write_pending()
            user_id = next((self._ids[name] for name in names if name in self._ids), None)
            if user_id is not None and not self._stopped and self._write_existing(index, user_id):
                return
        if not self._stopped:
            self._write_updates()
            self._pending.append(index)
            if user.error is None:
                self._pending_names.add(user.username)

    def _write_existing(self, index: int, user_id: int) -> bool:
        """Skip or update the user with *user_id*; return False if the user no longer exists."""
        row = self._chunk.rows[index]
        if self._existing.updates:
            self._write_pending()
            if self._stopped:
                return True
        if user_id in self._updates:
            self._write_updates()
        user = self._user(user_id) if self._existing.needs_user(row) else None
        if user is None and self._existing.needs_user(row):
            return False
        decided = self._existing.decide(row, index, user_id, user)
        if isinstance(decided, RowOutcome):
            self._settle(index, decided)
            return True
        self._updates[user_id] = decided
        if self._stops_on_error:
            self._write_updates()
        return True

    def _user(self, user_id: int) -> UserRecord | None:
        """Return the user with that id, who is locked if users are updated."""
        if self._found is None:
            ids = sorted({*self._ids.values()})
            if self._existing.updates:
                self._uow.users.lock_all(ids)
                self._existing.look_up_groups(self._uow, self._chunk.rows)
            self._found = self._uow.users.find_all(ids)
        elif user_id not in self._found:
            # A row before has created the user.
            self._found |= self._uow.users.find_all([user_id])
        return self._found.get(user_id)

    def _write_updates(self) -> None:
        pending, self._updates = self._updates, {}
        if not pending or self._found is None:
            return
        outcomes, users = self._existing.update(self._uow, self._chunk, pending, self._found)
        self._found |= users
        for index, outcome in outcomes.items():
            self._settle(index, outcome)

    def _settle(self, index: int, outcome: RowOutcome) -> None:
        if outcome.kind == "failed" and self._stops_on_error:
            self._write_pending()
            if self._stopped:
                return
            self._stopped = True
        self._outcomes[index] = outcome

    def _write_pending(self) -> None:
        indexes, self._pending = self._pending, []
        self._pending_names = set()
        users = [user for index in indexes if (user := self._chunk.users[index]) is not None]
        if not users or self._stopped:
            return
        results = self._bulk.register(self._uow, users, stop_on_error=self._stops_on_error)
        for index, user, result in zip(indexes, users, results, strict=False):
            self._outcomes[index] = outcome = _registration_outcome(
                self._chunk.rows[index], user, result, only_creates=not self._variants
            )
            if outcome.kind == "created" and outcome.id is not None:
                self._ids[user.username] = outcome.id
            elif self._stops_on_error:
                self._stopped = True


def _registration_outcome(
    row: ImportRow, user: PreparedUser, result: RegistrationResult, *, only_creates: bool
) -> RowOutcome:
    if isinstance(result, LbackError):
        return failed(row, plainer(result, row), only_creates=only_creates)
    new = user.new
    generated = new.password if row.password is None else None
    found = obstacles(
        active=new.is_active,
        has_password=not is_unusable(user.password_hash or ""),
        verified=new.is_email_verified,
    )
    return RowOutcome(row, "created", id=result, username=user.username, password=generated, obstacles=found)
