"""Registration of new users: validation, hashing, and the steps that store, announce and mail them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from sqlalchemy.orm import Session

from lback_cli import signals
from lback_cli.attributes import Attribute, Value
from lback_cli.database.engine import Database
from lback_cli.errors import DatabaseError, GroupNotFound, LbackError, UserExists, ValidationError
from lback_cli.managers.application import Application
from lback_cli.managers.arguments import require_text
from lback_cli.managers.changes import track_user
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.group_changes import created
from lback_cli.managers.link_mail import LinkMail, announce_verified_by_admin
from lback_cli.managers.registration_mail import RegistrationMail, is_mailed
from lback_cli.managers.user_lookup import find_group, group_name_variants
from lback_cli.models import Group, User
from lback_cli.operations.attempts import AttemptState
from lback_cli.operations.operation import Operation
from lback_cli.repositories.unit_of_work import UnitOfWork, reading
from lback_cli.security.stored_hashes import is_unusable


@dataclass(slots=True, kw_only=True)
class NewUser:
    """The data of a user to register, before validation.

    Attributes:
        password: The plain password. Without it and without a hash, the user is invited to set one.
        password_hash: A hash that another system made, in any form that `PasswordHasher.identify` knows.
        groups: Names of the groups to join besides the default group.
        attributes: Values of attributes in lback's own table, by name.
        mail: Which mail the user gets.
    """

    username: str
    email: str
    password: str | None = None
    password_hash: str | None = None
    groups: Sequence[str] = ()
    is_active: bool = True
    is_email_verified: bool = False
    attributes: Mapping[str, Any] = field(default_factory=dict)
    mail: RegistrationMail = "verify"

    @property
    def is_invited(self) -> bool:
        """Whether the user has no password yet."""
        return self.password is None and self.password_hash is None

    @property
    def is_mailed(self) -> bool:
        """Whether registration sends the user a mail."""
        return is_mailed(self.mail, invited=self.is_invited, verified=self.is_email_verified)


@dataclass(slots=True)
class PreparedUser:
    """A new user after validation: ready to be stored, or refused.

    Attributes:
        new: The data before validation.
        username: The user name in canonical form; empty if the user is refused.
        email: The e-mail address in canonical form; empty if the user is refused.
        password: The plain password in the form that is hashed, if there is one.
        password_hash: The hash to store; None as long as the password is not hashed.
        attributes: The values to store in lback's own table.
        error: Why the user is refused, or None.
        attempts: The state of all attempts, for a user who is registered by an operation of its own.
    """

    new: NewUser
    username: str = ""
    email: str = ""
    password: str | None = None
    password_hash: str | None = None
    attributes: Mapping[Attribute, Value] = field(default_factory=dict)
    error: LbackError | None = None
    attempts: AttemptState | None = None

    @property
    def needs_hash(self) -> bool:
        """Whether the password still has to be hashed."""
        return self.password_hash is None and self.error is None


def check_password_hash(services: Dependencies, password_hash: str, username: str) -> None:
    """Refuse a *password_hash* from elsewhere that no login could verify.

    Text that `is_unusable` accepts is not refused: lback stores it for a user who has no password.

    Raises:
        ValidationError: The hash is damaged, has an unknown format, or needs too much time or memory to verify.
    """
    if is_unusable(password_hash):
        return
    if reason := services.hasher.rejection_reason(password_hash):
        raise ValidationError(
            "password_hash",
            f"The password hash of {username} {reason}.",
            hint="docs/imports.md lists the supported kinds. Leave the hash out to invite the user instead.",
        )


class Registration:
    """Prepares and registers new users."""

    def __init__(self, services: Dependencies, links: LinkMail) -> None:
        self._services = services
        self._links = links
        self._application = Application(services)

    def prepare(self, new: NewUser) -> PreparedUser:
        """Validate *new* without reading the database; a refused user has its `error` set."""
        try:
            require_text(username=new.username, email=new.email)
            username = self._services.canonical_username(new.username)
            email = self._services.canonical_email(new.email)
            password, password_hash = new.password, new.password_hash
            if password is not None:
                require_text(password=password)
                if password_hash is not None:
                    raise ValidationError("password", "Give either a password or its hash, not both.")
                password = self._services.policy.check(password, username=username, email=email)
            elif password_hash is None or is_unusable(password_hash):
                password_hash = self._services.hasher.unusable
            else:
                password_hash = self._services.hasher.storable(password_hash)
                check_password_hash(self._services, password_hash, username)
            attributes = self._attributes(new)
        except LbackError as error:
            return PreparedUser(new, error=error)
        return PreparedUser(new, username, email, password, password_hash, attributes)

    def refusal(self, database: Database, session: Session | None, new: NewUser) -> LbackError | None:
        """Return why *new* would be refused with any password, or None."""
        prepared = self.prepare(new)
        if prepared.error is not None:
            return prepared.error
        try:
            with reading(database, session) as uow:
                for name in new.groups:
                    find_group(uow.groups, self._services, name, joins=True)
                return self._conflict(uow, prepared)
        except GroupNotFound as error:
            return error
        except DatabaseError:
            return None  # the operation meets it too, and announces it

    def _conflict(self, uow: UnitOfWork, prepared: PreparedUser) -> UserExists | None:
        """Return the conflict with another user."""
        taken = self._application.taken(uow, username=prepared.username, email=prepared.email)
        return taken or uow.attributes.conflict(prepared.attributes)

    def hash_password(self, prepared: PreparedUser) -> None:
        """Hash the password of *prepared*.

        Raises:
            PasswordHashingError: The hash could not be computed.
        """
        prepared.password_hash = self._services.hasher.hash(prepared.password or "")

    def register(self, operation: Operation, prepared: PreparedUser) -> User:
        """Store *prepared* in the default group and its other groups, and send the mail that it asks for.

        Raises:
            LbackError: The error of *prepared*, or what `UserManager.register_user` raises.
        """
        new = prepared.new
        if prepared.error is not None:
            raise prepared.error
        with operation.read_only() as uow:
            if conflict := self._conflict(uow, prepared):
                raise conflict
        if prepared.needs_hash:
            self.hash_password(prepared)
        operation.emit(signals.user_pre_register, username=prepared.username, email=prepared.email)
        with operation.transaction() as uow:
            groups = self._join(operation, uow, new.groups)
            # Receivers have seen the id, so a later attempt must store the same id.
            verified = new.is_email_verified or self._application.verifies(new.is_invited, new.mail)
            user = self._user(prepared, groups, user_id=operation.earlier_result("id"), verified=verified)
            operation.user = user
            track_user(operation, uow, self._services.attributes, None, lambda: user.id)
            uow.users.add(user)
            self._application.check_new_member(uow, user, groups)
            uow.attributes.set(user, prepared.attributes)
            operation.once_per_operation("id", lambda: user.id)
            if verified:
                announce_verified_by_admin(operation, user)
            if new.is_invited and new.mail != "none":
                self._links.send_invitation(operation, uow, user)
            elif new.mail == "verify" and not new.is_email_verified:
                self._links.initiate_verification(operation, uow, user)
        return user

    def groups(self, uow: UnitOfWork, names: Sequence[str]) -> list[Group]:
        """Return the default group, which exists, and the groups called *names*, sorted by name.

        Raises:
            GroupNotFound: There is no group of one of these names.
        """
        names = (self._services.settings.users.default_group, *names)
        groups = {find_group(uow.groups, self._services, name, joins=True) for name in names}
        return sorted(groups, key=attrgetter("name"))

    def default_group(self, uow: UnitOfWork) -> Group | None:
        """Return the group that every new user joins, or None as long as it does not exist."""
        try:
            return find_group(uow.groups, self._services, self._services.settings.users.default_group)
        except GroupNotFound:
            return None

    def _join(self, operation: Operation, uow: UnitOfWork, names: Sequence[str]) -> list[Group]:
        """Return the groups of a new user, and create the default group if it is missing."""
        if self.default_group(uow) is None:
            *_, canonical = group_name_variants(self._services, self._services.settings.users.default_group)
            default, is_new = uow.groups.get_or_add(canonical, now=self._services.now())
            if is_new:
                operation.add_event("group_created", created(default))
        return self.groups(uow, names)

    def _attributes(self, new: NewUser) -> dict[Attribute, Value]:
        if not new.attributes:
            return {}
        values = self._services.attributes.parse_rows(new.attributes)
        return {
            attribute: value
            for attribute in self._services.attributes.rows
            if (value := values.get(attribute.name)) is not None
        }

    def _user(self, prepared: PreparedUser, groups: list[Group], *, user_id: int | None, verified: bool) -> User:
        now = self._services.now()
        return User(
            id=user_id,
            username=prepared.username,
            email=prepared.email,
            password_hash=prepared.password_hash,
            is_active=prepared.new.is_active,
            is_email_verified=verified,
            created_at=now,
            updated_at=now,
            groups=groups,
        )
