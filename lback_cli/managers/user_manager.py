"""The operations on users, each announced by its documented signals.

| operation | returns | first signal | success | failure |
|---|---|---|---|---|
| `register_user` | the user | user_registration_started | user_registered | user_registration_failed |
| `authenticate_user` | the user | user_authentication_started | user_authenticated | user_authentication_failed |
| `verify_user_email` | the user | - | user_email_verification_successful | user_email_verification_failed |
| `update_user` | the user | user_update_started | user_updated | user_update_failed |
| `delete_user` | True | user_deletion_started | user_deleted | user_deletion_failed |
| `reset_password_request` | True | password_reset_request_started | ..._processed | password_reset_request_failed |
| `reset_password` | the user | password_reset_started | password_reset_successful | password_reset_failed |
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from lback_cli import signals
from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.errors import AuthenticationFailed, InvalidToken
from lback_cli.managers.changes import UserUpdate, masked
from lback_cli.managers.changing import UserUpdater
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.link_mail import MailedLinks, announce_verified_by_admin
from lback_cli.managers.notification_mail import MailedNotices
from lback_cli.managers.registration import NewUser, Registration, RegistrationMail
from lback_cli.managers.user_lookup import find_by_identifier, not_found
from lback_cli.models import Purpose, User
from lback_cli.operations import kinds
from lback_cli.operations.attempts import AttemptState
from lback_cli.operations.kinds import OperationKind
from lback_cli.operations.operation import Operation
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.security.tokens import token_prefix
from lback_cli.security.unusable import is_unusable
from lback_cli.settings import Settings

R = TypeVar("R")


class UserManager:
    """Registers, authenticates, verifies, updates and deletes users, and resets their passwords.

    Every operation sends its documented signals with this instance as the sender, and raises an `LbackError` when it
    fails, having changed nothing. Each takes an optional *session*: given, the operation joins the caller's
    transaction under a savepoint and leaves the commit to the caller; absent, it has a transaction of its own.

    Besides the errors that each operation lists, all can raise `DatabaseError`, `OperationRejected` when a receiver
    vetoes, and `UnexpectedError`.
    """

    def __init__(self, database: Database, services: Dependencies) -> None:
        self._database = database
        self._services = services
        self._links = MailedLinks(services)
        self._notices = MailedNotices(services)
        self._registration = Registration(services)
        self._changing = UserUpdater(services, self._links, self._notices)

    @classmethod
    def from_settings(cls, settings: Settings) -> "UserManager":
        """A manager for the database, mail and rules of *settings*.

        Raises `ConfigurationError`, or `SchemaError` when the database was not set up for this lback.
        """
        database = Database(settings.database)
        Schema(database).ensure()
        return cls(database, Dependencies(settings, data_directory=database.directory))

    # The seven operations

    def register_user(
        self,
        username: str,
        email: str,
        password: str | None,
        *,
        password_hash: str | None = None,
        groups: Sequence[str] = (),
        verified: bool = False,
        active: bool = True,
        mail: RegistrationMail = "verify",
        session: Session | None = None,
    ) -> User:
        """Create a user in the default group and *groups*, and mail what *mail* says, by default a verification link.

        *password_hash* takes over a password from elsewhere; without either, the user is mailed a link to set one.
        With *verified* the address counts as verified, and needs no link.
        Raises `ValidationError`, `UserExists`, `GroupNotFound`, `PasswordHashingError` or `MailError`.
        """
        new = NewUser(username, email, password, password_hash, groups, verified, active, mail)
        return self.register(new, session=session)

    def register(
        self,
        new: NewUser,
        *,
        hashed: str | None = None,
        session: Session | None = None,
        effects: AttemptState | None = None,
    ) -> User:
        """`register_user` for a user in one piece; *hashed* is the hash of its password, where that was made before.

        *effects* is for a caller that tries its own transaction again.
        """

        def body(run: Operation) -> User:
            candidate = self._registration.check(new)
            with run.read_only() as work:
                if conflict := work.users.taken(username=candidate.username, email=candidate.email):
                    raise conflict
            password_hash = hashed or run.once_per_operation("hash", lambda: self._registration.hash(candidate))
            run.emit(signals.user_pre_register, username=candidate.username, email=candidate.email)
            with run.transaction() as work:
                groups = self._registration.groups(work, new.groups)
                user = self._registration.user(new, candidate, password_hash, groups, user_id=run.earlier_result("id"))
                run.user = user
                work.users.add(user)
                # Receivers are told it, and in a later try not told again.
                run.once_per_operation("id", lambda: user.id)
                if new.verified:
                    announce_verified_by_admin(run, user)
                if new.invited and new.mail != "none":
                    self._links.send_invitation(run, work, user)
                elif new.mail == "verify" and not new.verified:
                    self._links.initiate_verification(run, work, user)
            return user

        identity = {"username": new.username, "email": new.email}
        return self._run(kinds.REGISTER_USER, body, session, effects, **identity)

    def authenticate_user(
        self, username: str, password: str, *, allow_unverified: bool = False, session: Session | None = None
    ) -> User:
        """Check *password* for the user with that name or address; the address must be verified, unless allowed.

        Every path costs exactly one hash of the current parameters, so time does not tell who exists (ASVS 6.3.8);
        only where an accepted password's hash was replaced meanwhile, it is checked against the new one too.
        A hash of an older scheme or cost is replaced. Raises `AuthenticationFailed`.
        """

        def body(run: Operation) -> User:
            with run.read_only() as work:
                user = run.user = find_by_identifier(work.users, self._services, username)
            stored = None if user is None else user.password_hash
            checked = self._services.hasher.verify(password, stored)
            if user is None:
                raise AuthenticationFailed("user_not_found")
            if not checked.accepted:
                raise AuthenticationFailed("incorrect_password")
            _require_login_allowed(user, allow_unverified=allow_unverified)
            with run.transaction() as work:
                locked = work.users.get(user.id, lock=True)
                if locked is not None and locked.password_hash != stored:
                    # Another login has upgraded the hash, or the password is another one now.
                    checked = self._services.hasher.verify(password, locked.password_hash)
                    if not checked.accepted:
                        raise AuthenticationFailed("incorrect_password")
                run.user = current = _require_login_allowed(locked, allow_unverified=allow_unverified)
                if checked.replacement is not None:
                    work.users.replace_password_hash(current, checked.replacement, now=self._services.now())
            return current

        return self._run(kinds.AUTHENTICATE_USER, body, session, username=username)

    def verify_user_email(self, token: str, *, session: Session | None = None) -> User:
        """Mark the address as verified to which *token* was sent.

        A user who is verified already is no failure. Raises `InvalidToken`.
        """

        def body(run: Operation) -> User:
            tokens = self._links.tokens
            with run.transaction() as work:
                found = tokens.find(work, token, Purpose.VERIFY_EMAIL)
                user = run.user = work.users.get(found.user_id, lock=True) if found else None
                if found is None or user is None:
                    raise InvalidToken("This verification token is unknown.")
                alive = tokens.consume(work, token, Purpose.VERIFY_EMAIL)
                if found.email != user.email:
                    raise InvalidToken(
                        "This verification token was sent to another address.", error_type="token_mismatch_or_expired"
                    )
                if user.is_email_verified:
                    run.reason = "already_verified"
                elif alive:
                    work.users.change(user, is_email_verified=True, updated_at=self._services.now())
                else:
                    raise InvalidToken(
                        "This verification token is used or expired.", error_type="token_mismatch_or_expired"
                    )
            return user

        return self._run(kinds.VERIFY_USER_EMAIL, body, session, token_prefix=token_prefix(token))

    def update_user(
        self,
        user_id: int,
        update_data: Mapping[str, Any],
        *,
        mail: RegistrationMail = "verify",
        hashed: str | None = None,
        session: Session | None = None,
        effects: AttemptState | None = None,
    ) -> User:
        """Apply *update_data*, whose keys are the fields of `UserUpdate`, to the user with that id.

        A new address becomes unverified and is sent a verification link, and the old one a notice; a new password is
        notified too. With *mail* ``invite`` there is no link, with ``none`` no mail at all. All tokens die with
        either. *hashed* is the hash of the new password, where that was made before; *effects* is for a caller that
        tries its own transaction again. Raises `UserNotFound`, `ValidationError`, `UserExists`, `GroupNotFound`,
        `LastAdministrator`, `PasswordHashingError` or `MailError`.
        """

        def body(run: Operation) -> User:
            with run.read_only() as work:
                user = run.user = work.users.get(user_id)
            if user is None:
                raise not_found(f"id:{user_id}")
            changes = self._changing.check(user, UserUpdate.parse(update_data))
            password, password_hash = changes.password, changes.password_hash
            if password is not None:
                password_hash = hashed or run.once_per_operation("hash", lambda: self._services.hasher.hash(password))
            with run.transaction() as work:
                user = run.user = work.users.get(user_id, lock=True)
                if user is None:
                    raise not_found(f"id:{user_id}")
                self._changing.apply(run, work, user, changes, password_hash, mail=mail)
            return user

        identity = {"user_id": user_id, "update_data": masked(update_data)}
        return self._run(kinds.UPDATE_USER, body, session, effects, **identity)

    def delete_user(self, user_id: int, *, session: Session | None = None, effects: AttemptState | None = None) -> bool:
        """Delete the user with that id; *effects* is for a caller that tries its own transaction again.

        Raises `UserNotFound` or `LastAdministrator`.
        """

        def body(run: Operation) -> bool:
            with run.transaction() as work:
                user = run.user = work.users.get(user_id, lock=True)
                if user is None:
                    raise not_found(f"id:{user_id}")
                self._changing.require_remaining_admin(work, user, leaves=True)
                work.tokens.delete_all(user)
                work.users.delete(user)
            return True

        return self._run(kinds.DELETE_USER, body, session, effects, user_id=user_id)

    def reset_password_request(self, email: str, *, session: Session | None = None) -> bool:
        """Mail the user with that address a link that resets the password; older links die.

        Mail goes to the stored address, however *email* was spelt. Raises `UserNotFound` or `MailError`; a public
        form should answer the same in either case and on success (OWASP Forgot Password).
        """

        def body(run: Operation) -> bool:
            with run.transaction() as work:
                user = find_by_identifier(work.users, self._services, email) if "@" in email else None
                # Locked, or two requests at once would leave two links alive.
                user = run.user = user and work.users.get(user.id, lock=True)
                if user is None:
                    raise not_found(email)
                self._links.send_password_reset(run, work, user)
            return True

        return self._run(kinds.RESET_PASSWORD_REQUEST, body, session, email=email)

    def reset_password(self, token: str, new_password: str, *, session: Session | None = None) -> User:
        """Set *new_password* for the user who was sent *token*, and notify the user.

        A refused password does not spend the token. Raises `InvalidToken`, `ValidationError`, `PasswordHashingError`
        or `MailError`.
        """

        def body(run: Operation) -> User:
            tokens = self._links.tokens
            with run.read_only() as work:
                found = tokens.find(work, token, Purpose.RESET_PASSWORD)
                user = run.user = work.users.get(found.user_id) if found else None
            if found is None or user is None or found.email != user.email:
                raise InvalidToken("This reset token is unknown.")
            if not found.is_valid(self._services.now()):
                raise InvalidToken("This reset token is used or expired.")
            password_hash = self._new_hash(run, user, new_password)
            invited = is_unusable(user.password_hash)
            with run.transaction() as work:
                work.users.get(user.id, lock=True)  # before the token, as everywhere, or two might wait for each other
                if not tokens.consume(work, token, Purpose.RESET_PASSWORD):
                    raise InvalidToken("This reset token is used or expired.")
                user = run.user = self._set_password(run, work, user.id, password_hash)
                if invited and not user.is_email_verified and found.email == user.email:
                    # Whoever sets the first password has read the invitation, so the address is proven.
                    work.users.change(user, is_email_verified=True)
                    run.emit(signals.user_email_verification_successful, user=user, reason=None)
            return user

        return self._run(kinds.RESET_PASSWORD, body, session, token_prefix=token_prefix(token))

    # What an administrator needs besides, with the signals of the operation it amounts to

    def reset_user_password(self, user_id: int, new_password: str, *, session: Session | None = None) -> User:
        """Reset the password of the user with that id: `reset_password` with a token issued and spent at once.

        Raises `UserNotFound`, `ValidationError`, `PasswordHashingError` or `MailError`.
        """
        tokens = self._links.tokens
        token = tokens.generate(Purpose.RESET_PASSWORD)

        def body(run: Operation) -> User:
            with run.read_only() as work:
                user = run.user = work.users.get(user_id)
            if user is None:
                raise not_found(f"id:{user_id}")
            password_hash = self._new_hash(run, user, new_password)
            with run.transaction() as work:
                user = run.user = work.users.get(user_id, lock=True)
                if user is None:
                    raise not_found(f"id:{user_id}")
                tokens.issue(work, user, Purpose.RESET_PASSWORD, token)
                tokens.consume(work, token, Purpose.RESET_PASSWORD)
                user = run.user = self._set_password(run, work, user_id, password_hash)
            return user

        return self._run(kinds.RESET_PASSWORD, body, session, token_prefix=token_prefix(token))

    def resend_verification(self, user_id: int, *, session: Session | None = None) -> User:
        """Mail a fresh verification link; older ones die. A user who is verified already is told as such, unmailed.

        Success is ``user_email_verification_initiated``, or ``user_email_verification_successful`` with the reason
        ``already_verified``; failure is ``user_email_verification_failed`` with an empty ``token_prefix``.
        Raises `UserNotFound` or `MailError`.
        """

        def body(run: Operation) -> User:
            with run.transaction() as work:
                user = run.user = work.users.get(user_id, lock=True)
                if user is None:
                    raise not_found(f"id:{user_id}")
                if user.is_email_verified:
                    run.success_signal = signals.user_email_verification_successful
                    run.reason = "already_verified"
                else:
                    self._links.send_verification(run, work, user)
            return user

        return self._run(kinds.RESEND_VERIFICATION, body, session, token_prefix="")

    # The steps that operations share

    def _run(
        self,
        kind: OperationKind,
        body: Callable[[Operation], R],
        session: Session | None,
        effects: AttemptState | None = None,
        **identity: Any,
    ) -> R:
        return Operation(kind, self, self._database, session, identity, effects=effects).run(body)

    def _new_hash(self, run: Operation, user: User, new_password: str) -> str:
        accepted = self._services.policy.check(new_password, username=user.username, email=user.email)
        return run.once_per_operation("hash", lambda: self._services.hasher.hash(accepted))

    def _set_password(self, run: Operation, work: UnitOfWork, user_id: int, password_hash: str) -> User:
        user = work.users.get(user_id, lock=True)
        if user is None:
            raise not_found(f"id:{user_id}")
        work.users.change(user, password_hash=password_hash, updated_at=self._services.now())
        self._links.tokens.revoke_all(work, user)
        self._notices.send_password_changed(run, work, user, email=user.email)
        return user


def _require_login_allowed(user: User | None, *, allow_unverified: bool) -> User:
    """*user*, unless the account may not log in."""
    if user is None:
        raise AuthenticationFailed("user_not_found")
    if not user.is_active:
        raise AuthenticationFailed("user_inactive")
    if not (user.is_email_verified or allow_unverified):
        raise AuthenticationFailed("email_not_verified")
    return user
