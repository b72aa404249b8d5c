"""The operations on users. `lback_cli.operations.kinds` lists the signals of each."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar, overload

from sqlalchemy.orm import Session

from lback_cli.database.engine import Database
from lback_cli.database.retry import retried
from lback_cli.database.schema import Schema
from lback_cli.errors import UserExists
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
from lback_cli.managers.user_lookup import not_found, username_variants
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
        self._links = LinkMail(services)
        self._notices = NotificationMail(services)
        self._registration = Registration(services, self._links)
        self._limiter = LoginLimiter(database, services)
        self._authenticator = Authenticator(database, services, self._limiter)
        self._verification = EmailVerification(services, self._links)
        self._updater = UserUpdater(services, self._links, self._notices)
        self._password_reset = PasswordReset(services, self._links, self._notices, self._limiter)

    @classmethod
    def from_settings(cls, settings: Settings) -> "UserManager":
        """A manager for the database, mail and rules of *settings*.

        Raises `ConfigurationError`, or `SchemaError` when the database was not set up for this lback.
        """
        database = Database(settings.database)
        Schema(database).ensure()
        return cls(database, Dependencies(settings, data_directory=database.directory))

    # The seven operations

    @overload
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
        if_exists: Literal["fail"] = "fail",
        session: Session | None = None,
        effects: AttemptState | None = None,
    ) -> User: ...

    @overload
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
        if_exists: Literal["fail", "skip"],
        session: Session | None = None,
        effects: AttemptState | None = None,
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
            password: The plain password, or a function that returns it and is called only if it is needed. Without it
                and without *password_hash*, the user is invited to set one.
            password_hash: A hash that another system made.
            groups: Names of the groups to join besides the default group.
            verified: Whether the address counts as verified; then it needs no verification link.
            active: Whether the user may log in.
            attributes: Values by name of attributes such as ``display_name``.
            mail: Which mail the user gets, by default a verification link.
            if_exists: What to do when the user name is taken: ``fail`` with `UserExists`, or ``skip``. A skipped user
                starts no operation and sends no signal, unless another process took the name during the operation.
            session: The caller's transaction, if the operation is to join it.
            effects: As for `update_user`.

        Returns:
            The user, or None if the user was skipped.

        Raises:
            ValidationError: A value breaks a rule.
            UserExists: The user name, or the address, is taken.
            GroupNotFound: There is no group of one of these names.
            PasswordHashingError: The password could not be hashed.
            MailError: The mail could not be sent.
        """
        if if_exists == "skip":
            with reading(self._database, session) as uow:
                if uow.users.find_by_username(*username_variants(self._services, username)):
                    return None
        new = NewUser(
            username=username,
            email=email,
            password=password() if callable(password) else password,
            password_hash=password_hash,
            groups=groups,
            is_active=active,
            is_email_verified=verified,
            attributes=attributes or {},
            mail=mail,
        )

        def body(operation: Operation) -> User:
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

        Every path costs exactly one hash of the current parameters, so that the time does not show which users exist
        (ASVS 6.3.8); only if another login replaced the hash meanwhile, the new one is checked too. A hash of an older
        scheme or cost is replaced.

        Args:
            username: The user name or the e-mail address.
            password: The plain password.
            allow_unverified: Whether a user whose address is not verified may log in.
            session: The caller's transaction, if the operation is to join it.

        Raises:
            AuthenticationFailed: The user is unknown, inactive or unverified, or the password is wrong.
        """
        return self._run(
            kinds.AUTHENTICATE_USER,
            lambda operation: self._authenticator.authenticate(
                operation, username, password, allow_unverified=allow_unverified
            ),
            session,
            username=username,
        )

    def verify_user_email(self, token: str, *, session: Session | None = None) -> User:
        """Verify the e-mail address that *token* was sent to. An address that is verified already is a success.

        Raises:
            InvalidToken: The token is unknown, used, expired, or was sent to another address.
        """
        return self._run(
            kinds.VERIFY_USER_EMAIL,
            lambda operation: self._verification.verify(operation, token),
            session,
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

        A new address becomes unverified; it is sent a verification link, and the old address a notification. A new
        password sends a notification too. Either makes all tokens of the user useless.

        Args:
            user_id: The id of the user.
            update_data: New values by name: the fields of `UserUpdate` and the names of attributes.
            mail: ``verify`` sends all mail, ``invite`` no verification link, ``none`` no mail at all.
            hashed: The hash of the new password, if the caller has computed it.
            session: The caller's transaction, if the operation is to join it.
            effects: Receives what the operation changed and mailed. A caller that retries its transaction passes the
                same one again.

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

    def delete_user(self, user_id: int, *, session: Session | None = None, effects: AttemptState | None = None) -> bool:
        """Delete the user with that id; *effects* is as for `update_user`.

        Raises:
            UserNotFound: There is no such user.
            LastAdministrator: The user is the last active administrator.
        """
        return self._run(
            kinds.DELETE_USER,
            lambda operation: self._updater.delete(operation, user_id),
            session,
            effects,
            user_id=user_id,
        )

    def reset_password_request(
        self, email: str, *, session: Session | None = None, effects: AttemptState | None = None
    ) -> bool:
        """Mail the user with that address a link that resets the password; older links become useless.

        The mail goes to the stored address, however *email* is spelled. A public form should give the same answer for
        success and for either error (OWASP Forgot Password Cheat Sheet). *effects* is as for `update_user`.

        Raises:
            UserNotFound: No user has that address.
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

        A refused password does not spend the token. *effects* is as for `update_user`.

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

    # What an administrator needs besides, with the signals of the operation it amounts to

    def reset_user_password(
        self, user_id: int, new_password: str, *, session: Session | None = None, effects: AttemptState | None = None
    ) -> User:
        """Reset the password of the user with that id: `reset_password` with a token that is issued and spent at once.

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
        """Mail a new verification link; older ones become useless. A user whose address is verified gets no mail.

        *effects* is as for `update_user`.

        Success sends ``user_email_verification_initiated``, or ``user_email_verification_successful`` with the reason
        ``already_verified``; failure sends ``user_email_verification_failed`` with an empty ``token_prefix``.

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

    def unlock_user(self, user_id: int) -> bool:
        """Forget the failed logins of the user with that id, and lift a lock. It sends no signal.

        Returns:
            Whether the account was locked.

        Raises:
            UserNotFound: There is no such user.
        """

        def unlock() -> bool:
            with transaction_with_events(self._database) as uow:
                user = uow.users.find_by_id(user_id)
                if user is None:
                    raise not_found(f"id:{user_id}")
                was_locked = self._limiter.clear(uow, user_id)
                data = {"user": {"id": user.id, "username": user.username, "email": user.email}, "changes": {}}
                subject = (user.id, user.username)
                uow.events.append([administrative_event("user_unlocked", "unlock_user", data, subject=subject)])
                return was_locked

        return retried(unlock)

    def _run(
        self,
        kind: OperationKind,
        body: Callable[[Operation], R],
        session: Session | None,
        effects: AttemptState | None = None,
        **identity: Any,
    ) -> R:
        return Operation(kind, self, self._database, session, identity, effects=effects).run(body)
