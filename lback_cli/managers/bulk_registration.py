"""Registration of many users in one transaction, with the rules, signals and events of a single registration.

If no receiver and no trace is connected to a signal of registration, the users who are mailed nothing are inserted with
a few statements, because nothing outside can observe how they are registered. In a dry run, which only counts mail, all
are. Otherwise each user is registered by an operation of its own, under a savepoint.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from datetime import datetime
from itertools import groupby, repeat

from sqlalchemy.exc import IntegrityError

from lback_cli import signals
from lback_cli.database.engine import Database
from lback_cli.errors import GroupNotFound, LbackError
from lback_cli.events.record import ChainLinks, EventRecord, event_from_signal, random_ids, registered_event
from lback_cli.managers.application import Application
from lback_cli.managers.changes import RegistrationChanges
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.link_mail import LinkMail
from lback_cli.managers.plain_users import UserColumns, plain_users
from lback_cli.managers.registration import NewUser, PreparedUser, Registration
from lback_cli.managers.registration_lookups import FoundGroups, GroupLookup, TakenNames
from lback_cli.managers.registration_mail import RegistrationMail
from lback_cli.managers.user_manager import UserManager
from lback_cli.operations.attempts import AttemptState
from lback_cli.operations.failures import aborts_transaction, original_exception
from lback_cli.operations.kinds import REGISTER_USER
from lback_cli.operations.operation import Operation
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.security.stored_hashes import is_unusable
from lback_cli.signals.dispatch import suppressed_signals

OBSERVABLE_SIGNALS = (
    signals.user_registration_started,
    signals.user_pre_register,
    signals.user_email_verification_initiated,
    signals.user_email_verification_successful,
    signals.user_registered,
    signals.user_registration_failed,
    signals.delivered,
)
"""A receiver of any of these signals can observe how users are registered."""

RegistrationResult = int | LbackError
"""The id of a registered user, or why the user was refused."""


class BulkRegistration:
    """Registers many users.

    Args:
        database: The database of *users*.
        users: The sender of the signals.
        services: The dependencies of *users*.
    """

    def __init__(self, database: Database, users: UserManager, services: Dependencies) -> None:
        self._database = database
        self._users = users
        self._services = services
        self._registration = Registration(services, LinkMail(services))
        self._application = Application(services)

    def prepare(self, new: NewUser) -> PreparedUser:
        """Validate *new* without reading the database."""
        return self._registration.prepare(new)

    def prepare_plain(self, users: UserColumns, mail: RegistrationMail) -> UserColumns | None:
        """Return *users* after validation, for `register_plain`; None if they have to be prepared one by one.

        Args:
            users: Users as the caller got them.
            mail: Which mail the active ones get.
        """
        if _has_receivers() or self._application.is_present:
            return None
        return plain_users(self._services, users, mail)

    def hash_passwords(self, users: Iterable[PreparedUser], executor: Executor | None = None) -> None:
        """Hash the passwords of *users*, several at once if there is an *executor*, as Argon2 releases the GIL."""
        list((executor.map if executor else map)(self._hash_password, users))

    def register_plain(self, uow: UnitOfWork, users: UserColumns) -> tuple[Sequence[int], ChainLinks] | None:
        """Register all *users* as `register` does, in less time; the caller appends their events and commits.

        Other writers wait from the events to the commit, so the caller does before what can be done before.

        Returns:
            The ids and the events; None if nothing was done, because one of the users is refused or needs an operation
            of its own.
        """
        if _has_receivers():
            return None
        lookup = GroupLookup(self._services, uow, users.groups)
        try:
            groups = {names: lookup.find(names) for names in dict.fromkeys(users.groups)}
        except GroupNotFound:
            # It may be the default group, which the first registered user creates.
            return None
        now, joined = self._services.now(), [groups[names] for names in users.groups]
        changes = RegistrationChanges(self._services.attributes, now)
        links: list[ChainLinks] = []

        def prepare_events(ids: Sequence[int]) -> None:
            kinds = zip(users.is_active, users.is_email_verified, repeat(True), (found.json for found in joined))
            data = map(changes.data, ids, users.usernames, users.emails, kinds)
            events = list(map(registered_event, random_ids(len(ids)), ids, users.usernames, data))
            links.append(ChainLinks(events))

        try:
            with uow.session.begin_nested():
                ids = _store(uow, users, joined, now, meanwhile=prepare_events)
        except IntegrityError:
            return None
        if (counter := suppressed_signals()) is not None:
            _count_signals(counter, users.is_email_verified, [])
        return ids, links[0]

    def register(
        self,
        uow: UnitOfWork,
        users: Sequence[PreparedUser],
        *,
        stop_on_error: bool = False,
        expects_conflict: bool = False,
    ) -> list[RegistrationResult]:
        """Register all *users* that can be registered; the caller commits.

        A refused user leaves the event of a failed registration. After an error that `aborts_transaction`, the caller
        may register the same *users* in another transaction: no signal or mail is sent twice.

        Args:
            uow: The transaction.
            users: The prepared users. If a password is not hashed yet, it is hashed, unless the user is refused.
            stop_on_error: Whether to stop after the first refused user.
            expects_conflict: Whether a name or an address is probably taken.

        Returns:
            The results in the order of *users*; with *stop_on_error* up to the first refused user.

        Raises:
            LbackError: An error that `aborts_transaction`.
        """
        results: list[RegistrationResult] = []
        listened = _has_receivers()

        def needs(user: PreparedUser) -> bool:
            # An operation that was begun in an earlier attempt goes on, as its outcome may be known already.
            return listened or user.attempts is not None or self._needs_operation(user.new)

        for needs_operation, group in groupby(users, key=needs):
            some = list(group)
            if needs_operation:
                results += self._register_one_by_one(uow, some, stop_on_error)
            else:
                results += self._register_at_once(uow, some, stop_on_error, expects_conflict)
            if stop_on_error and isinstance(results[-1], LbackError):
                break
        return results

    def _needs_operation(self, new: NewUser) -> bool:
        """Return whether *new* is mailed, or joins a group that the application must not confuse people in."""
        default = self._services.settings.users.default_group
        mails = new.is_mailed and (self._services.sends_mail or self._application.is_present)
        return mails or self._application.has_administrators((default, *new.groups))

    def _hash_password(self, user: PreparedUser) -> None:
        try:
            self._registration.hash_password(user)
        except LbackError as error:
            user.error = error

    def _register_one_by_one(
        self, uow: UnitOfWork, users: Sequence[PreparedUser], stop_on_error: bool
    ) -> list[RegistrationResult]:
        results: list[RegistrationResult] = []
        for user in users:
            try:
                results.append(self._register_one(uow, user))
            except LbackError as error:
                if aborts_transaction(error):
                    raise
                results.append(error)
                if stop_on_error:
                    break
        return results

    def _register_one(self, uow: UnitOfWork, user: PreparedUser) -> int:
        user.attempts = user.attempts or AttemptState()
        operation = Operation(
            REGISTER_USER, self._users, self._database, uow.session, _identity(user.new), effects=user.attempts
        )
        return operation.run(lambda operation: self._registration.register(operation, user)).id

    def _register_at_once(
        self, uow: UnitOfWork, users: Sequence[PreparedUser], stop_on_error: bool, expects_conflict: bool
    ) -> list[RegistrationResult]:
        results: list[RegistrationResult] = []
        while len(results) < len(users) and self._registration.default_group(uow) is None:
            # The first registered user creates the default group; a refused user does not.
            results += self._register_one_by_one(uow, [users[len(results)]], stop_on_error)
            if stop_on_error and isinstance(results[-1], LbackError):
                return results
        rest = users[len(results) :]
        # Most files have only new users, so the first attempt does not look for taken names. If a password is not
        # hashed yet, the caller has found its user's name taken.
        expects_conflict |= self._application.is_present or any(user.needs_hash for user in rest)
        for looks_up_names in (True,) if expects_conflict else (False, True):
            accepted, refused = self._sort_out(uow, rest, stop_on_error, looks_up_names)
            if not looks_up_names and any(rest[index].error is None for index in refused):
                # Which rule such a user breaks first depends on which names are taken.
                continue
            try:
                with uow.session.begin_nested():
                    return results + self._insert(uow, rest, accepted, refused)
            except IntegrityError:
                continue
        return results + self._register_one_by_one(uow, rest, stop_on_error)

    def _sort_out(
        self, uow: UnitOfWork, users: Sequence[PreparedUser], stop_on_error: bool, looks_up_names: bool
    ) -> tuple[list[tuple[PreparedUser, FoundGroups]], dict[int, LbackError]]:
        """Return the accepted users with their groups, and the errors of the refused ones by index."""
        taken = TakenNames()
        if looks_up_names:
            allowed = [user for user in users if user.error is None]
            taken.look_up(uow, allowed, in_any_case=self._application.is_present)
        groups = GroupLookup(self._services, uow, (user.new.groups for user in users))
        accepted: list[tuple[PreparedUser, FoundGroups]] = []
        refused: dict[int, LbackError] = {}
        for index, user in enumerate(users):
            try:
                if user.error is not None:
                    raise user.error
                taken.require_free(user)
                if user.needs_hash:
                    self._registration.hash_password(user)
                accepted.append((user, groups.find(user.new.groups)))
            except LbackError as error:
                refused[index] = error
                if stop_on_error:
                    break
            else:
                taken.add(user)
        return accepted, refused

    def _insert(
        self,
        uow: UnitOfWork,
        users: Sequence[PreparedUser],
        accepted: Sequence[tuple[PreparedUser, FoundGroups]],
        refused: Mapping[int, LbackError],
    ) -> list[RegistrationResult]:
        now = self._services.now()
        columns = UserColumns(
            [user.username for user, _ in accepted],
            [user.email for user, _ in accepted],
            [user.password_hash or "" for user, _ in accepted],
            [user.new.is_active for user, _ in accepted],
            [user.new.is_email_verified for user, _ in accepted],
            [],
        )
        ids = _store(uow, columns, [groups for _, groups in accepted], now)
        uow.attributes.add_all(
            [(user_id, user.attributes) for user_id, (user, _) in zip(ids, accepted, strict=True) if user.attributes]
        )
        changes = RegistrationChanges(self._services.attributes, now)
        results: list[RegistrationResult] = []
        events: list[EventRecord] = []
        registered = zip(ids, accepted, strict=True)
        for index, operation_id in enumerate(random_ids(len(ids) + len(refused))):
            if (error := refused.get(index)) is not None:
                results.append(error)
                events.append(_failed_event(operation_id, users[index].new, error))
            else:
                user_id, (user, groups) = next(registered)
                results.append(user_id)
                has_password = not is_unusable(user.password_hash or "")
                kind = (user.new.is_active, user.new.is_email_verified, has_password, groups.json)
                values = {attribute.name: value for attribute, value in user.attributes.items()}
                data = changes.data(user_id, user.username, user.email, kind, values)
                events.append(registered_event(operation_id, user_id, user.username, data))
        uow.events.append(events)
        # If mail leaves this process, those who are mailed are registered by an operation of their own.
        mailed = [] if self._services.sends_mail else [user for user, _ in accepted if user.new.is_mailed]
        for user in mailed:
            self._count_mail(user, now)
        if (counter := suppressed_signals()) is not None:
            to_verify = sum(not user.new.is_invited for user in mailed)
            _count_signals(counter, columns.is_email_verified, refused.values(), to_verify)
        return results

    def _count_mail(self, user: PreparedUser, now: datetime) -> None:
        """Count the mail to *user* in a dry run."""
        template = "invitation" if user.new.is_invited else "verify_email"
        self._services.mailer.send_link(template, username=user.username, email=user.email, token="", expires_at=now)


def _store(
    uow: UnitOfWork,
    users: UserColumns,
    groups: Sequence[FoundGroups],
    now: datetime,
    meanwhile: Callable[[Sequence[int]], None] = lambda _: None,
) -> Sequence[int]:
    """Insert *users* as members of *groups*, and return their ids; *meanwhile* is as for `UserRepository.add_all`."""
    rows = zip(
        users.usernames, users.emails, users.password_hashes, users.is_active, users.is_email_verified, strict=True
    )
    ids = uow.users.add_all(list(rows), now=now, meanwhile=meanwhile)
    uow.groups.add_members(
        [(user_id, group_id) for user_id, found in zip(ids, groups, strict=True) for group_id in found.ids]
    )
    return ids


def _has_receivers() -> bool:
    return suppressed_signals() is None and any(signal.receivers for signal in OBSERVABLE_SIGNALS)


def _identity(new: NewUser) -> dict[str, str]:
    return {"username": new.username, "email": new.email}


def _failed_event(operation_id: str, new: NewUser, error: LbackError) -> EventRecord:
    """Return the event that the operation would leave for *error*."""
    arguments = {
        **_identity(new),
        "error_type": error.error_type,
        "error_message": error.message,
        "exception": original_exception(error),
    }
    return event_from_signal(REGISTER_USER.failed.name, REGISTER_USER.name, operation_id, arguments)


def _count_signals(
    counter: Counter[str], accepted: Sequence[bool], refused: Collection[LbackError], to_verify: int = 0
) -> None:
    """Count the signals that operations would send.

    Args:
        counter: The counts by the name of the signal.
        accepted: Whether each of the registered users is verified.
        refused: The errors of the others.
        to_verify: How many are mailed a verification link.
    """
    without_group = sum(isinstance(error, GroupNotFound) for error in refused)
    counts = {
        signals.user_registration_started: len(accepted) + len(refused),
        signals.user_pre_register: len(accepted) + without_group,
        signals.user_email_verification_initiated: to_verify,
        signals.user_email_verification_successful: sum(accepted),
        signals.user_registered: len(accepted),
        signals.user_registration_failed: len(refused),
    }
    counter.update({signal.name: count for signal, count in counts.items() if count})
