"""What is done about each row: create, update, skip or refuse. Rows are decided in their order, whatever the chunks."""

from collections.abc import Sequence
from concurrent.futures import Executor
from itertools import zip_longest

from sqlalchemy.orm import Session

from lback_cli.database.engine import Database
from lback_cli.errors import LbackError, ValidationError
from lback_cli.imports.existing_users import Baseline, ExistingUserHandler
from lback_cli.imports.heap import kept_memory
from lback_cli.imports.options import ImportOptions
from lback_cli.imports.pending_row import HashedPassword, PendingRow
from lback_cli.imports.results import RowOutcome, failed
from lback_cli.imports.row import Row
from lback_cli.managers.bulk_registration import BulkRegistration, Outcome, PreparedUser
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.registration import NewUser
from lback_cli.managers.user_lookup import username_variants
from lback_cli.managers.user_manager import UserManager
from lback_cli.repositories.unit_of_work import UnitOfWork, reading
from lback_cli.security.password_generator import generate_password


class RowProcessor:
    """Decides rows by *options*, through the operations of *users*.

    With *before*, outcomes tell the state in which an existing user was found, for a plan to be held against.
    """

    def __init__(
        self,
        database: Database,
        users: UserManager,
        services: Dependencies,
        options: ImportOptions,
        *,
        before: Baseline | None = None,
    ) -> None:
        self._database = database
        self._services = services
        self._options = options
        self._bulk = BulkRegistration(users, services)
        self._existing = ExistingUserHandler(users, services, options, before)

    def validate_and_hash(
        self,
        rows: Sequence[Row],
        executor: Executor | None = None,
        session: Session | None = None,
        hashed: Sequence[HashedPassword | None] = (),
    ) -> list[PendingRow]:
        """Validate *rows* and hash the passwords that will be needed, with several at once by *executor*.

        It needs no transaction, but looks into that of *session* where everything is done in one. *hashed* has what was
        made of the rows before, as far as it was.
        """
        drafts = [self._draft(row, before) for row, before in zip_longest(rows, hashed)]
        if any(draft.prepared is not None and draft.prepared.to_hash for draft in drafts):
            with reading(self._database, session) as work:
                needed = self._to_hash(work, drafts)
            with kept_memory():
                self._bulk.hash(needed, executor)
        return drafts

    def apply(self, work: UnitOfWork, drafts: Sequence[PendingRow]) -> list[RowOutcome]:
        """Do what there is to do; the outcomes come in the same order.

        Where the options say to stop, the first that fails is the last. After an error that `aborts_transaction` it may
        be called again in another transaction: a row whose refusal was announced stays refused, and the caller lets the
        others `settle`.
        """
        stops = self._options.on_error == "stop"
        return _ChunkProcessor(work, drafts, self._bulk, self._existing, stops=stops).apply_all()

    def _draft(self, row: Row, hashed: HashedPassword | None) -> PendingRow:
        if row.error is not None:
            return PendingRow(row)
        password, made = row.password, None
        if hashed is not None and hashed.made is not None:
            password = made = hashed.made
        elif self._options.passwords is not None and password is None and row.password_hash is None:
            password = made = generate_password(minimum_length=self._services.settings.password.minimum_length)
        new = NewUser(
            row.username,
            row.email,
            password,
            row.password_hash,
            row.groups or (),
            row.is_email_verified is True,
            row.is_active is not False,
            self._options.mail,
        )
        spellings: tuple[str, ...] = ()
        if self._options.if_exists != "fail":
            spellings = username_variants(self._services, row.username)
        prepared = self._bulk.check(new)
        if hashed is not None and prepared.to_hash:
            prepared.password_hash = hashed.password_hash
        return PendingRow(row, prepared, spellings, made)

    def _to_hash(self, work: UnitOfWork, drafts: Sequence[PendingRow]) -> list[PreparedUser]:
        """Those who are not going to be refused, skipped or left with their password, as far as can be told by now."""
        waiting = [one for draft in drafts if (one := draft.prepared) is not None and one.to_hash]
        candidates = [one.candidate for one in waiting if one.candidate is not None]
        if self._options.overwrite_passwords and self._options.if_exists == "update":
            return waiting
        usernames = work.users.taken_usernames([candidate.username for candidate in candidates])
        emails = work.users.taken_emails([candidate.email for candidate in candidates])
        needed = []
        for one in waiting:
            candidate = one.candidate
            if candidate is not None and candidate.username not in usernames and candidate.email not in emails:
                usernames.add(candidate.username)
                emails.add(candidate.email)
                needed.append(one)
        return needed


class _ChunkProcessor:
    """One chunk, in one transaction. Rows that create are collected, and created before anything may depend on them."""

    def __init__(
        self,
        work: UnitOfWork,
        drafts: Sequence[PendingRow],
        bulk: BulkRegistration,
        existing: ExistingUserHandler,
        *,
        stops: bool,
    ) -> None:
        """With *stops*, the first failure is the end."""
        self._work = work
        self._drafts = drafts
        self._bulk = bulk
        self._existing = existing
        self._stops = stops
        self._found: list[RowOutcome | None] = [None] * len(drafts)
        self._pending: list[int] = []
        self._pending_names: set[str] = set()
        self._known = work.users.ids_by_username([name for draft in drafts for name in draft.spellings])
        self._stopped = False

    def apply_all(self) -> list[RowOutcome]:
        prepared = [draft.prepared for draft in self._drafts if draft.prepared is not None and not draft.spellings]
        if len(prepared) == len(self._drafts) and not self._stops:
            # What most chunks are: nothing has to be looked up, row by row.
            return list(map(_registered, self._drafts, self._register(prepared)))
        for index, draft in enumerate(self._drafts):
            self._decide(index, draft)
            if self._stopped:
                break
        self._flush()
        ready: list[RowOutcome] = []
        for outcome in self._found:
            if outcome is None:
                break
            ready.append(outcome)
            if self._stops and outcome.kind == "failed":
                break
        return ready

    def _decide(self, index: int, draft: PendingRow) -> None:
        if draft.prepared is None:
            self._settle(index, failed(draft.row, draft.row.error or LbackError("The row has no meaning.")))
            return
        if draft.refused is not None:
            outcome, refusal = draft.refused
            refusal.record(self._work.session)
            self._settle(index, outcome)
            return
        if draft.spellings and not (draft.registration and draft.registration.refusal):
            if not self._pending_names.isdisjoint(draft.spellings):
                self._flush()
            user_id = next((self._known[name] for name in draft.spellings if name in self._known), None)
            if user_id is not None and not self._stopped:
                self._flush_before_update()
                met = None if self._stopped else self._existing.apply(self._work, draft, user_id)
                if met is not None:
                    self._settle(index, met)
                    return
        if not self._stopped:
            self._pending.append(index)
            candidate = draft.prepared.candidate
            if candidate is not None:
                self._pending_names.add(candidate.username)

    def _register(self, prepared: Sequence[PreparedUser]) -> list[Outcome]:
        return self._bulk.register(self._work, prepared, stop=self._stops)

    def _settle(self, index: int, outcome: RowOutcome) -> None:
        if outcome.kind == "failed" and self._stops:
            self._flush()
            if self._stopped:
                return
            self._stopped = True
        self._found[index] = outcome

    def _flush_before_update(self) -> None:
        if self._existing.updates:
            self._flush()

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        self._pending_names = set()
        drafts = [self._drafts[index] for index in pending]
        prepared = [draft.prepared for draft in drafts if draft.prepared is not None]
        if not prepared or self._stopped:
            return
        for index, draft, outcome in zip(pending, drafts, self._register(prepared), strict=False):
            self._found[index] = found = _registered(draft, outcome)
            if found.kind == "created" and found.username is not None and found.id is not None:
                self._known[found.username] = found.id
            elif found.kind == "failed" and self._stops:
                self._stopped = True


def _registered(draft: PendingRow, outcome: Outcome) -> RowOutcome:
    if isinstance(outcome, LbackError):
        return failed(draft.row, _of_row(outcome, draft.row))
    candidate = draft.prepared.candidate if draft.prepared is not None else None
    username = candidate.username if candidate is not None else None
    return RowOutcome(draft.row, "created", outcome, username=username, password=draft.password)


def _of_row(error: LbackError, row: Row) -> LbackError:
    """*error*, or where the row says nothing of what a user must have, that it does not."""
    if isinstance(error, ValidationError):
        if error.field == "username" and not row.username.strip():
            return ValidationError("username", "The row has no user name.")
        if error.field == "email" and not row.email.strip():
            return ValidationError("email", "The row has no e-mail address.")
    return error
