"""Registering many users in one transaction: the same rules, signals and events as one at a time, in fewer statements.

While nobody listens to a signal of registration, nobody can tell a batch of inserts from as many single ones, so that
is what is done. As soon as somebody listens, each user is registered by `UserManager.register` under a savepoint.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from uuid import uuid4

from lback_cli import signals
from lback_cli.errors import GroupNotFound, LbackError, UserExists
from lback_cli.events.record import EventRecord, event_of, registered_event
from lback_cli.managers.operation import REGISTER_USER
from lback_cli.managers.registration import Candidate, NewUser, Registration
from lback_cli.managers.services import Services
from lback_cli.managers.user_manager import UserManager
from lback_cli.repositories.work import Work

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


class Prepared:
    """A new user with all that can be done outside of a transaction done: validated and hashed, or refused."""

    __slots__ = ("candidate", "error", "new", "password_hash")

    def __init__(self, new: NewUser) -> None:
        self.new = new
        self.candidate: Candidate | None = None
        self.password_hash = ""
        self.error: LbackError | None = None


class BulkRegistration:
    """Registers users by the hundred for *users*, the manager whose operations these are."""

    def __init__(self, users: UserManager, services: Services) -> None:
        self._users = users
        self._services = services
        self._registration = Registration(services)

    def prepare(self, new_users: Iterable[NewUser], executor: Executor | None = None) -> list[Prepared]:
        """Validate and hash; *executor* hashes several passwords at once, as Argon2 lets go of the interpreter."""
        prepared = [self._checked(new) for new in new_users]
        if not self._listened():
            hashing = [one for one in prepared if one.error is None and one.new.password is not None]
            list((executor.map if executor else map)(self._hash, hashing))
        return prepared

    def register(self, work: Work, prepared: Sequence[Prepared]) -> list[Outcome]:
        """Register all that can be; the outcomes come in the same order. The caller commits.

        A refused user is recorded as a failed registration, like every other failure.
        """
        if self._listened() or any(self._needs_mail(one.new) for one in prepared):
            return [self._one(work, one.new) for one in prepared]
        return self._all(work, prepared)

    @staticmethod
    def _listened() -> bool:
        return any(signal.receivers for signal in SIGNALS)

    @staticmethod
    def _needs_mail(new: NewUser) -> bool:
        return new.mail != "none" and (new.invited or (new.mail == "verify" and not new.verified))

    def _checked(self, new: NewUser) -> Prepared:
        prepared = Prepared(new)
        try:
            prepared.candidate = self._registration.check(new)
            prepared.password_hash = prepared.candidate.password_hash or ""
        except LbackError as error:
            prepared.error = error
        return prepared

    def _hash(self, prepared: Prepared) -> None:
        try:
            if prepared.candidate is not None:
                prepared.password_hash = self._registration.hash(prepared.candidate)
        except LbackError as error:
            prepared.error = error

    def _one(self, work: Work, new: NewUser) -> Outcome:
        try:
            return self._users.register(new, session=work.session).id
        except LbackError as error:
            return error

    def _all(self, work: Work, prepared: Sequence[Prepared]) -> list[Outcome]:
        groups = _Groups(self._registration, work)
        errors = self._conflicts(work, prepared)
        for index, one in enumerate(prepared):
            if index not in errors:
                try:
                    groups.find(one.new.groups)
                except LbackError as error:
                    errors[index] = error
        accepted = [
            (index, one.candidate, one)
            for index, one in enumerate(prepared)
            if index not in errors and one.candidate is not None
        ]
        now = self._services.now()
        ids = work.users.add_all(
            [
                {
                    "username": candidate.username,
                    "email": candidate.email,
                    "password": one.password_hash,
                    "is_active": one.new.active,
                    "is_email_verified": one.new.verified,
                }
                for _, candidate, one in accepted
            ],
            now=now,
        )
        work.groups.add_members(
            [
                (ids[candidate.username], group_id)
                for _, candidate, one in accepted
                for group_id in groups.find(one.new.groups)
            ]
        )
        outcomes: list[Outcome] = [errors.get(index, 0) for index in range(len(prepared))]
        for index, candidate, _ in accepted:
            outcomes[index] = ids[candidate.username]
        work.events.append([_event(one, outcome) for one, outcome in zip(prepared, outcomes, strict=True)])
        return outcomes

    def _conflicts(self, work: Work, prepared: Sequence[Prepared]) -> dict[int, LbackError]:
        """By index, those who cannot be registered: refused already, or with a name or address that is taken."""
        candidates = [one.candidate for one in prepared if one.error is None and one.candidate is not None]
        usernames = work.users.taken_usernames([candidate.username for candidate in candidates])
        emails = work.users.taken_emails([candidate.email for candidate in candidates])
        errors: dict[int, LbackError] = {}
        for index, one in enumerate(prepared):
            candidate = one.candidate
            if one.error is not None or candidate is None:
                errors[index] = one.error or LbackError("The user was not validated.")
            elif candidate.username in usernames:
                errors[index] = UserExists("username", candidate.username)
            elif candidate.email in emails:
                errors[index] = UserExists("email", candidate.email)
            else:
                usernames.add(candidate.username)
                emails.add(candidate.email)
        return errors


class _Groups:
    """The ids of groups by name, each looked up once; the default group is among all."""

    def __init__(self, registration: Registration, work: Work) -> None:
        self._registration = registration
        self._work = work
        self._known: dict[tuple[str, ...], list[int] | GroupNotFound] = {}

    def find(self, names: Sequence[str]) -> list[int]:
        key = tuple(names)
        if key not in self._known:
            try:
                self._known[key] = [group.id for group in self._registration.groups(self._work, names)]
            except GroupNotFound as error:
                self._known[key] = error
        found = self._known[key]
        if isinstance(found, GroupNotFound):
            raise found
        return found


def _event(prepared: Prepared, outcome: Outcome) -> EventRecord:
    operation_id = uuid4().hex
    if isinstance(outcome, int) and prepared.candidate is not None:
        return registered_event(operation_id, outcome, prepared.candidate.username, prepared.candidate.email)
    failure = outcome if isinstance(outcome, LbackError) else LbackError("")
    arguments = {
        "username": prepared.new.username,
        "email": prepared.new.email,
        "error_type": failure.error_type,
        "error_message": failure.message,
        "exception": None,
    }
    return event_of(REGISTER_USER.failed.name, REGISTER_USER.name, operation_id, arguments)
