"""The operations on users. `lback_cli.operations.kinds` lists the signals of each."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal, TypedDict, TypeVar, Unpack, overload

from sqlalchemy.orm import Session

from lback_cli.database.engine import Database
from lback_cli.database.retry import retried
from lback_cli.database.schema import Schema
from lback_cli.errors import DatabaseError, LbackError, UserExists, UserNotFound
from lback_cli.events.record import administrative_event
from lback_cli.managers.authentication import Authenticator
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.email_verification import EmailVerification
from lback_cli.managers.link_mail import LinkMail
from lback_cli.managers.login_limiter import LoginLimiter
from lback_cli.managers.notification_mail import NotificationMail
from lback_cli.managers.password_reset import PasswordReset
from lback_cli.managers.registration import NewUser, Registration
from lback_cli.managers.registration_mail import RegistrationMail
from lback_cli.managers.restoration import DeletedUser, Restoration
from lback_cli.managers.schema_events import SCHEMA_RECORDER
from lback_cli.managers.user_lookup import find_by_username, not_found
from lback_cli.managers.user_queries import UserQueries
from lback_cli.managers.user_update import UserUpdater, masked
from lback_cli.models import Purpose, User
from lback_cli.operations import kinds
from lback_cli.operations.attempts import AttemptState
from lback_cli.operations.kinds import OperationKind
from lback_cli.operations.operation import Operation
from lback_cli.repositories.unit_of_work import reading, transaction_with_events
from lback_cli.security.tokens import token_prefix
from lback_cli.settings import Settings

R = TypeVar("R")


class _RegistrationOptions(TypedDict, total=False):
    """The keywords of `UserManager.register_user` that do not decide the type of its result."""

    password_hash: str | None
    groups: Sequence[str]
    verified: bool
    active: bool
    attributes: Mapping[str, Any] | None
    mail: RegistrationMail
    session: Session | None
    effects: AttemptState | None


class UserManager(UserQueries):
    """Registers, authenticates, verifies, updates, deletes and finds users, and resets their passwords.

    Every operation except `unlock_user` sends its documented signals, with this instance as the sender, and takes an
    optional *session*. With it, the operation joins the caller's transaction under a savepoint and leaves the commit
    to the caller. Without it, the operation has a transaction of its own.

    An operation that fails raises an `LbackError` and has changed nothing. Besides the errors that each operation
    lists, all of them can raise `DatabaseError`, `OperationRejected` (a receiver vetoed) and `UnexpectedError`.
    """

    def __init__(self, database: Database, services: Dependencies) -> None:
        super().__init__(database, services)
        self._links = LinkMail(services)
        self._notices = NotificationMail(services)
        self._registration = Registration(services, self._links)
        self._limiter = LoginLimiter(database, services)
        self._authenticator = Authenticator(database, services, self._limiter)
        self._verification = EmailVerification(services, self._links)
        self._updater = UserUpdater(services, self._links, self._notices)
        self._restoration = Restoration(services)
        self._password_reset = PasswordReset(services, self._links, self._notices, self._limiter)

    @classmethod
    def from_settings(cls, settings: Settings) -> "UserManager":
        """A manager for the database, mail and rules of *settings*.

        Raises `ConfigurationError`, or `SchemaError` when the database was not set up for this lback.
        """
        database = Database(settings.database)
        Schema(database, SCHEMA_RECORDER).ensure()
        return cls(database, Dependencies(settings, data_directory=database.directory))

    # The operations of docs/requirements.md

    @overload
    def register_user(
        self,
        username: str,
        email: str,
        password: str | Callable[[], str] | None,
        *,
        if_exists: Literal["fail"] = "fail",
        **options: Unpack[_RegistrationOptions],
    ) -> User: ...

    @overload
    def register_user(
        self,
        username: str,
        email: str,
        password: str | Callable[[], str] | None,
        *,
        if_exists: Literal["fail", "skip"],
        **options: Unpack[_RegistrationOptions],
    ) -> User | None: ...

    def register_user(
        self,
        username: str,
        email: str,
        password: str | Callable[[], str] | None,
        *,
        password_hash: str | None = None,
        groups: Sequence[str] = (),
        verified: bool = False,
        active: bool = True,
        attributes: Mapping[str, Any] | None = None,
        mail: RegistrationMail = "verify",
        if_exists: Literal["fail", "skip"] = "fail",
        session: Session | None = None,
        effects: AttemptState | None = None,
    ) -> User | None:
        """Create a user in the default group and *groups*, and send the mail that *mail* asks for.

        Args:
            username: The user name.
            email: The e-mail address.
            password: The plain password, or a function that returns it and is called only if it is needed: not if the
                name is taken, or the operation fails for another such reason. Without a password and without
                *password_hash*, the user is invited to set one.
            password_hash: A hash that another system made.
            groups: Names of the groups to join besides the default group.
            verified: Whether the address counts as verified, so that no verification link is mailed.
            active: Whether the user may log in.
            attributes: Values by name of attributes such as ``display_name``.
            mail: Which mail the user gets. ``verify``: a verification link, or without a password an invitation.
                ``invite``: only an invitation. ``none``: no mail.
            if_exists: What to do if the user name is taken: ``fail`` with `UserExists`, or ``skip``. For a user who is
                skipped, no operation starts and no signal is sent, unless another process takes the name during the
                operation.
            session: The caller's transaction, if the operation is to join it.
            effects: As for `update_user`.

        Returns:
            The user, or None if the user was skipped.

        Raises:
            ValidationError: A value breaks a rule.
            UserExists: The user name, the address or another unique value is taken.
            GroupNotFound: There is no group of one of these names.
            PasswordHashingError: The password could not be hashed.
            MailError: The mail could not be sent.
        """
        if if_exists == "skip":
            # The operation meets an error of the database too, and announces it.
            with suppress(DatabaseError), reading(self._database, session) as uow:
                if find_by_username(uow.users, self._services, username):
                    return None
        new = NewUser(
            username=username,
            email=email,
            password=None if callable(password) else password,
            password_hash=password_hash,
            groups=groups,
            is_active=active,
            is_email_verified=verified,
            attributes=attributes or {},
            mail=mail,
        )

        refusal: LbackError | None = None
        if callable(password):
            refusal = self._registration.refusal(self._database, session, new)
            if refusal is None:
                new = replace(new, password=password())

        def body(operation: Operation) -> User:
            if refusal is not None:
                raise refusal
            prepared = operation.once_per_operation("prepared", lambda: self._registration.prepare(new))
            return self._registration.register(operation, prepared)

        try:
            return self._run(kinds.REGISTER_USER, body, session, effects, username=username, email=email)
        except UserExists as error:
            if if_exists == "skip" and error.field == "username":
                return None
            raise

    def authenticate_user(
        self, username: str, password: str, *, allow_unverified: bool = False, session: Session | None = None
    ) -> User:
        """Check *password* for the user with that name or e-mail address.

        Each call computes one hash of the configured scheme and cost, so that the time does not show which users exist
        (ASVS 6.3.8). If the hash of the user has another scheme or cost, that hash is computed too, and is replaced if
        the password is right. An unknown name is checked against the hash of some user, so it takes the same time.

        Args:
            username: The user name or the e-mail address.
            password: The plain password.
            allow_unverified: Whether a user whose address is not verified may log in.
            session: The caller's transaction, if the operation is to join it.

        Raises:
            AuthenticationFailed: The user is unknown, inactive or unverified, the password is wrong, or the account is
                locked.
            PasswordHashingError: The hash could not be computed.
        """
        return self._run(
            kinds.AUTHENTICATE_USER,
            lambda operation: self._authenticator.authenticate(
                operation, username, password, allow_unverified=allow_unverified
            ),
            session,
            username=username,
        )

    def verify_user_email(
        self, token: str, *, session: Session | None = None, effects: AttemptState | None = None
    ) -> User:
        """Verify the e-mail address that *token* was sent to; *effects* is as for `update_user`.

        If that address is verified already, a used or expired token counts as a success.

        Raises:
            InvalidToken: The token is unknown, used, expired, or was sent to another address.
        """
        return self._run(
            kinds.VERIFY_USER_EMAIL,
            lambda operation: self._verification.verify(operation, token),
            session,
            effects,
            token_prefix=token_prefix(token),
        )

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
        """Apply *update_data* to the user with that id.

        A new address is unverified. It is mailed a verification link, and the old address is mailed a notification. A
        user with a new password is mailed a notification too. Both changes revoke all tokens of the user.

        Args:
            user_id: The id of the user.
            update_data: New values by name: the fields of `UserUpdate` and the names of attributes.
            mail: ``verify`` sends all mail, ``invite`` no verification link, ``none`` no mail at all.
            hashed: The hash of the new password, if the caller has computed it.
            session: The caller's transaction, if the operation is to join it.
            effects: The state of the operation, which all attempts share if the caller retries its transaction. Its
                ``changes`` are what the operation changed, and its ``mails`` what it sent.

        Raises:
            UserNotFound: There is no such user.
            ValidationError: A name is unknown, or a value breaks a rule.
            UserExists: The new name, address or other unique value is taken.
            GroupNotFound: There is no group of one of these names.
            LastAdministrator: The user is the last active administrator and would no longer be one.
            PasswordHashingError: The password could not be hashed.
            MailError: A mail could not be sent.
        """
        return self._run(
            kinds.UPDATE_USER,
            lambda operation: self._updater.update(operation, user_id, update_data, mail=mail, password_hash=hashed),
            session,
            effects,
            user_id=user_id,
            update_data=masked(update_data, self._services.attributes),
        )

    def delete_user(
        self,
        user_id: int,
        *,
        if_missing: Literal["fail", "skip"] = "fail",
        session: Session | None = None,
        effects: AttemptState | None = None,
    ) -> bool:
        """Delete the user with that id.

        Args:
            user_id: The id of the user.
            if_missing: What to do when there is no such user: ``fail`` with `UserNotFound`, or ``skip``. A user who is
                skipped starts no operation and sends no signal, unless another process deletes the user during the
                operation.
            session: The caller's transaction, if the operation is to join it.
            effects: As for `update_user`.

        Returns:
            Whether the user was deleted, and not skipped.

        Raises:
            UserNotFound: There is no such user.
            LastAdministrator: The user is the last active administrator.
        """
        if if_missing == "skip":
            # The operation meets an error of the database too, and announces it.
            with suppress(DatabaseError), reading(self._database, session) as uow:
                if uow.users.find_by_id(user_id) is None:
                    return False
        try:
            return self._run(
                kinds.DELETE_USER,
                lambda operation: self._updater.delete(operation, user_id),
                session,
                effects,
                user_id=user_id,
            )
        except UserNotFound:
            if if_missing == "skip":
                return False
            raise

    def reset_password_request(
        self, email: str, *, session: Session | None = None, effects: AttemptState | None = None
    ) -> bool:
        """Mail the user with that address a link that resets the password, and revoke older reset links.

        The mail goes to the stored address, however *email* is spelled. A public form should give the same answer
        whether this succeeds or fails (OWASP Forgot Password Cheat Sheet). *effects* is as for `update_user`.

        Raises:
            UserNotFound: No user has that address.
            TooManyRequests: Too many reset links were requested for that address in a short time.
            MailError: The mail could not be sent.
        """
        return self._run(
            kinds.RESET_PASSWORD_REQUEST,
            lambda operation: self._password_reset.request(operation, email),
            session,
            effects,
            email=email,
        )

    def reset_password(
        self, token: str, new_password: str, *, session: Session | None = None, effects: AttemptState | None = None
    ) -> User:
        """Set *new_password* for the user whom *token* was sent to, and notify the user.

        If the password is refused, the token stays valid. *effects* is as for `update_user`.

        Raises:
            InvalidToken: The token is unknown, used or expired.
            ValidationError: The password breaks a rule.
            PasswordHashingError: The password could not be hashed.
            MailError: The notification could not be sent.
        """
        return self._run(
            kinds.RESET_PASSWORD,
            lambda operation: self._password_reset.reset(operation, token, new_password),
            session,
            effects,
            token_prefix=token_prefix(token),
        )

    # Operations for administrators, which send the signals of the operations above

    def reset_user_password(
        self, user_id: int, new_password: str, *, session: Session | None = None, effects: AttemptState | None = None
    ) -> User:
        """Set a new password for the user with that id, and notify the user.

        It sends the signals of `reset_password`, with a token that it issues and uses in the same transaction.

        *effects* is as for `update_user`.

        Raises:
            UserNotFound: There is no such user.
            ValidationError: The password breaks a rule.
            PasswordHashingError: The password could not be hashed.
            MailError: The notification could not be sent.
        """
        token = self._links.tokens.generate(Purpose.RESET_PASSWORD)
        return self._run(
            kinds.RESET_PASSWORD,
            lambda operation: self._password_reset.reset_by_admin(operation, user_id, token, new_password),
            session,
            effects,
            token_prefix=token_prefix(token),
        )

    def resend_verification(
        self, user_id: int, *, session: Session | None = None, effects: AttemptState | None = None
    ) -> User:
        """Mail a new verification link, and revoke older ones. A user whose address is verified gets no mail.

        *effects* is as for `update_user`.

        A success sends ``user_email_verification_initiated``, or for a verified address
        ``user_email_verification_successful`` with the reason ``already_verified``. A failure sends
        ``user_email_verification_failed`` with an empty ``token_prefix``.

        Raises:
            UserNotFound: There is no such user.
            MailError: The mail could not be sent.
        """
        return self._run(
            kinds.RESEND_VERIFICATION,
            lambda operation: self._verification.resend(operation, user_id),
            session,
            effects,
            token_prefix="",
        )

    def restore_user(
        self, deleted: DeletedUser, *, session: Session | None = None, effects: AttemptState | None = None
    ) -> User:
        """Restore a deleted user with the earlier id. No mail is sent.

        It sends the signals of `register_user`, and its event is ``user_restored``.

        Args:
            deleted: The user, with the values from before.
            session: The caller's transaction, if the operation is to join it.
            effects: As for `update_user`.

        Raises:
            UserExists: The id, the user name, the address or another unique value is taken.
        """
        return self._run(
            kinds.RESTORE_USER,
            lambda operation: self._restoration.restore(operation, deleted),
            session,
            effects,
            username=deleted.username,
            email=deleted.email,
        )

    def unlock_user(self, user_id: int, *, session: Session | None = None) -> bool:
        """Forget the failed logins of the user with that id, and unlock the account. It sends no signal.

        Args:
            user_id: The id of the user.
            session: The caller's transaction, if the change is to join it.

        Returns:
            Whether the account was locked.

        Raises:
            UserNotFound: There is no such user.
        """

        def unlock() -> bool:
            with transaction_with_events(self._database, session) as uow:
                user = uow.users.find_by_id(user_id)
                if user is None:
                    raise not_found(f"id:{user_id}")
                was_locked = self._limiter.clear(uow, user_id)
                data = {"user": {"id": user.id, "username": user.username, "email": user.email}}
                subject = (user.id, user.username)
                uow.events.append([administrative_event("user_unlocked", "unlock_user", data, subject=subject)])
                return was_locked

        return retried(unlock) if session is None else unlock()

    def _run(
        self,
        kind: OperationKind,
        body: Callable[[Operation], R],
        session: Session | None,
        effects: AttemptState | None = None,
        **identity: Any,
    ) -> R:
        return Operation(kind, self, self._database, session, identity, effects=effects).run(body)
