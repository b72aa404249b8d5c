"""Registering many users in one transaction: the same rules, signals and events as one at a time, in fewer statements.

While nobody listens to a signal of registration, nobody can tell a batch of inserts from as many single ones, so that
is what is done. As soon as somebody listens, or mail is to be sent, each user is registered by `UserManager.register`
under a savepoint.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from itertools import groupby

from sqlalchemy.exc import IntegrityError

from lback_cli import signals
from lback_cli.errors import GroupNotFound, LbackError, UserExists
from lback_cli.events.record import EventRecord, event_from_signal, fast_registered_event, random_ids
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.registration import NewUser, Registration, ValidatedUser
from lback_cli.managers.user_manager import UserManager
from lback_cli.operations.attempts import AttemptState, aborts_transaction
from lback_cli.operations.kinds import REGISTER_USER
from lback_cli.operations.operation import original_exception
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.signals.dispatch import suppressed_signals

SIGNALS = (
    signals.user_registration_started,
    signals.user_pre_register,
    signals.user_email_verification_initiated,
    signals.user_email_verification_successful,
    signals.user_registered,
    signals.user_registration_failed,
    signals.delivered,
)
"""Whoever listens to one of these can tell how users are registered."""

Outcome = int | LbackError
"""The id of a registered user, or why there is none."""


class PreparedUser:
    """A new user with what can be done outside of a transaction done: validated and perhaps hashed, or refused.

    *effects* is what was done in earlier tries of the transaction, where somebody could notice.
    """

    __slots__ = ("candidate", "effects", "error", "new", "password_hash")

    def __init__(self, new: NewUser) -> None:
        self.new = new
        self.candidate: ValidatedUser | None = None
        self.password_hash: str | None = None
        self.error: LbackError | None = None
        self.effects: AttemptState | None = None

    @property
    def to_hash(self) -> bool:
        """Whether there is a password that was not hashed yet."""
        return self.password_hash is None and self.error is None


class BulkRegistration:
    """Registers users by the hundred for *users*, the manager whose operations these are."""

    def __init__(self, users: UserManager, services: Dependencies) -> None:
        self._users = users
        self._services = services
        self._registration = Registration(services)

    def check(self, new: NewUser) -> PreparedUser:
        """Validate *new*. It does not look into the database."""
        prepared = PreparedUser(new)
        try:
            prepared.candidate = candidate = self._registration.check(new)
            prepared.password_hash = candidate.password_hash
        except LbackError as error:
            prepared.error = error
        return prepared

    def hash(self, prepared: Iterable[PreparedUser], executor: Executor | None = None) -> None:
        """Hash the passwords; *executor* does several at once, as Argon2 lets go of the interpreter."""
        list((executor.map if executor else map)(self._hash, [one for one in prepared if one.to_hash]))

    def register(self, work: UnitOfWork, prepared: Sequence[PreparedUser], *, stop: bool = False) -> list[Outcome]:
        """Register all that can be; the outcomes come in the same order. The caller commits.

        A refused user is recorded as a failed registration, like every other failure. With *stop* the first refused
        one is the last that is looked at, and its outcome the last in the list. Raises what `aborts_transaction` says,
        and may be called again with the same *prepared* then: nobody is mailed or told twice.
        """
        outcomes: list[Outcome] = []
        listened = self._listened()
        for singly, group in groupby(prepared, key=lambda one: listened or one.new.mailed):
            register = self._one_by_one if singly else self._at_once
            outcomes += register(work, list(group), stop)
            if stop and isinstance(outcomes[-1], LbackError):
                break
        return outcomes

    @staticmethod
    def _listened() -> bool:
        return suppressed_signals() is None and any(signal.receivers for signal in SIGNALS)

    def _hash(self, prepared: PreparedUser) -> None:
        try:
            if prepared.candidate is not None:
                prepared.password_hash = self._registration.hash(prepared.candidate)
        except LbackError as error:
            prepared.error = error

    def _one_by_one(self, work: UnitOfWork, prepared: Sequence[PreparedUser], stop: bool) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for one in prepared:
            try:
                one.effects = one.effects or AttemptState()
                user = self._users.register(
                    one.new, hashed=one.password_hash, session=work.session, effects=one.effects
                )
                outcomes.append(user.id)
            except LbackError as error:
                if aborts_transaction(error):
                    raise
                outcomes.append(error)
                if stop:
                    break
        return outcomes

    def _at_once(self, work: UnitOfWork, prepared: Sequence[PreparedUser], stop: bool) -> list[Outcome]:
        outcomes: list[Outcome] = []
        while len(outcomes) < len(prepared) and self._registration.default_group(work) is None:
            # Whoever is registered first makes the default group; a failure makes none.
            outcomes += self._one_by_one(work, [prepared[len(outcomes)]], stop)
            if stop and isinstance(outcomes[-1], LbackError):
                return outcomes
        left = prepared[len(outcomes) :]
        # Most files bring nobody who is there already, so that is tried before anything is looked up; a password that
        # was not hashed tells of somebody who is.
        expected = any(one.to_hash for one in left)
        for look in (True,) if expected else (False, True):
            accepted, failures = self._sorted_out(work, left, stop, look)
            if not look and any(left[index].error is None for index in failures):
                # Which rule it breaks first depends on who is there.
                continue
            try:
                with work.session.begin_nested():
                    return outcomes + self._insert(work, left, accepted, failures)
            except IntegrityError:
                continue
        return outcomes + self._one_by_one(work, left, stop)

    def _insert(
        self,
        work: UnitOfWork,
        prepared: Sequence[PreparedUser],
        accepted: Sequence[tuple[PreparedUser, ValidatedUser, list[int]]],
        failures: Mapping[int, LbackError],
    ) -> list[Outcome]:
        ids = work.users.add_all(
            [
                (candidate.username, candidate.email, one.password_hash or "", one.new.active, one.new.verified)
                for one, candidate, _ in accepted
            ],
            now=self._services.now(),
        )
        work.groups.add_members(
            [(user_id, group_id) for user_id, (_, _, groups) in zip(ids, accepted, strict=True) for group_id in groups]
        )
        operations = random_ids(len(ids) + len(failures))
        outcomes: list[Outcome] = []
        events: list[EventRecord] = []
        registered = zip(ids, accepted, strict=True)
        for index, operation in enumerate(operations):
            if (failure := failures.get(index)) is not None:
                outcomes.append(failure)
                events.append(_failed_event(operation, prepared[index].new, failure))
            else:
                user_id, (_, candidate, _) = next(registered)
                outcomes.append(user_id)
                events.append(fast_registered_event(operation, user_id, candidate.username, candidate.email))
        work.events.append(events)
        if (counter := suppressed_signals()) is not None:
            _count_unheard(counter, accepted, failures.values())
        return outcomes

    def _sorted_out(
        self, work: UnitOfWork, prepared: Sequence[PreparedUser], stop: bool, look: bool
    ) -> tuple[list[tuple[PreparedUser, ValidatedUser, list[int]]], dict[int, LbackError]]:
        """Who is accepted, with the groups to join, and by index who is not; with *look*, taken names are known."""
        usernames: set[str] = set()
        emails: set[str] = set()
        if look:
            candidates = [one.candidate for one in prepared if one.candidate is not None]
            usernames |= work.users.taken_usernames([candidate.username for candidate in candidates])
            emails |= work.users.taken_emails([candidate.email for candidate in candidates])
        groups = _Groups(self._registration, work)
        accepted: list[tuple[PreparedUser, ValidatedUser, list[int]]] = []
        failures: dict[int, LbackError] = {}
        for index, one in enumerate(prepared):
            candidate = one.candidate
            try:
                if candidate is None or one.error is not None:
                    raise one.error or LbackError("The user was not validated.")
                _require_free(candidate, usernames, emails)
                if one.to_hash:
                    one.password_hash = self._registration.hash(candidate)
                accepted.append((one, candidate, groups.find(one.new.groups)))
            except LbackError as error:
                failures[index] = error
                if stop:
                    break
            else:
                usernames.add(candidate.username)
                emails.add(candidate.email)
        return accepted, failures


class _Groups:
    """The ids of groups by name, each looked up once; the default group is among all."""

    def __init__(self, registration: Registration, work: UnitOfWork) -> None:
        self._registration = registration
        self._work = work
        self._known: dict[tuple[str, ...], list[int] | GroupNotFound] = {}

    def find(self, names: Sequence[str]) -> list[int]:
        key = tuple(names)
        found = self._known.get(key)
        if found is None:
            try:
                found = [group.id for group in self._registration.groups(self._work, names)]
            except GroupNotFound as error:
                found = error
            self._known[key] = found
        if isinstance(found, GroupNotFound):
            raise found
        return found


def _require_free(candidate: ValidatedUser, usernames: Collection[str], emails: Collection[str]) -> None:
    if candidate.username in usernames:
        raise UserExists("username", candidate.username)
    if candidate.email in emails:
        raise UserExists("email", candidate.email)


def _failed_event(operation_id: str, new: NewUser, failure: LbackError) -> EventRecord:
    arguments = {
        "username": new.username,
        "email": new.email,
        "error_type": failure.error_type,
        "error_message": failure.message,
        "exception": original_exception(failure),
    }
    return event_from_signal(REGISTER_USER.failed.name, REGISTER_USER.name, operation_id, arguments)


def _count_unheard(
    counter: Counter[str],
    accepted: Sequence[tuple[PreparedUser, ValidatedUser, list[int]]],
    failures: Collection[LbackError],
) -> None:
    """Count what `UserManager.register` would have sent for these, of whom none is mailed."""
    without_group = sum(isinstance(failure, GroupNotFound) for failure in failures)
    counts = {
        signals.user_registration_started: len(accepted) + len(failures),
        signals.user_pre_register: len(accepted) + without_group,
        signals.user_email_verification_successful: sum(one.new.verified for one, _, _ in accepted),
        signals.user_registered: len(accepted),
        signals.user_registration_failed: len(failures),
    }
    counter.update({signal.name: count for signal, count in counts.items() if count})
