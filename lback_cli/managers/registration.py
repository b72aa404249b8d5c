"""What becomes of a new user on the way in: the same for one as for a million."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

from lback_cli.errors import GroupNotFound, ValidationError
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_lookup import find_group, group_name_variants
from lback_cli.models import Group, User
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.security.unusable import is_unusable

RegistrationMail = Literal["verify", "invite", "none"]
"""What a new user is mailed.

``verify``: a link that verifies the address, or, without a password, one that sets it. ``invite``: only the latter.
``none``: nothing.
"""


def is_mailed(mail: RegistrationMail, *, invited: bool, verified: bool) -> bool:
    """Whether a new user who has a password to set or an address to verify is mailed anything."""
    return mail != "none" and (invited or (mail == "verify" and not verified))


@dataclass(slots=True)
class NewUser:
    """A user to be registered, as given.

    At most one of *password* and *password_hash* is set; without either the user is invited to set a password.
    *password_hash* is in any form that `PasswordHasher.identify` knows.
    """

    username: str
    email: str
    password: str | None = None
    password_hash: str | None = None
    groups: Sequence[str] = ()
    verified: bool = False
    active: bool = True
    mail: RegistrationMail = "verify"

    @property
    def invited(self) -> bool:
        """Whether there is no password yet."""
        return self.password is None and self.password_hash is None

    @property
    def mailed(self) -> bool:
        """Whether the user is mailed anything."""
        return is_mailed(self.mail, invited=self.invited, verified=self.verified)


@dataclass(slots=True)
class ValidatedUser:
    """A new user who passed validation: canonical, with the password still to be hashed, if it is not already."""

    username: str
    email: str
    password: str | None
    password_hash: str | None


def check_password_hash(services: Dependencies, password_hash: str, username: str) -> None:
    """Raise `ValidationError` unless *password_hash*, from elsewhere, can be stored and verified at a login.

    What `is_unusable` may be stored too: it is how an export writes a user who has no password.
    """
    if is_unusable(password_hash):
        return
    if objection := services.hasher.rejection_reason(password_hash):
        raise ValidationError(
            "password_hash",
            f"The password hash of {username} {objection}.",
            hint="docs/batch.md lists the kinds; leave it out to invite the user instead.",
        )


class Registration:
    """Validates new users and builds their rows."""

    def __init__(self, services: Dependencies) -> None:
        self._services = services

    def check(self, new: NewUser) -> ValidatedUser:
        """*new* in canonical form. Raises `ValidationError`. It does not look into the database."""
        username = self._services.canonical_username(new.username)
        email = self._services.canonical_email(new.email)
        password, password_hash = new.password, new.password_hash
        if password is not None:
            if password_hash is not None:
                raise ValidationError("password", "Give either a password or its hash, not both.")
            password = self._services.policy.check(password, username=username, email=email)
        elif password_hash is None or is_unusable(password_hash):
            password_hash = self._services.hasher.unusable
        else:
            check_password_hash(self._services, password_hash, username)
        return ValidatedUser(username, email, password, password_hash)

    def hash(self, candidate: ValidatedUser) -> str:
        """The hash to store. Raises `PasswordHashingError`."""
        if candidate.password_hash is not None:
            return candidate.password_hash
        return self._services.hasher.hash(candidate.password or "")

    def groups(self, work: UnitOfWork, names: Sequence[str]) -> list[Group]:
        """The default group, made if it is missing, and those called *names*, by name. Raises `GroupNotFound`."""
        default = self.default_group(work)
        if default is None:
            *_, canonical = group_name_variants(self._services, self._services.settings.users.default_group)
            default = work.groups.get_or_add(canonical, now=self._services.now())
        chosen = {default, *(find_group(work.groups, self._services, name) for name in names)}
        return sorted(chosen, key=attrgetter("name"))

    def default_group(self, work: UnitOfWork) -> Group | None:
        """The group that every new user joins, if it is there."""
        try:
            return find_group(work.groups, self._services, self._services.settings.users.default_group)
        except GroupNotFound:
            return None

    def user(
        self, new: NewUser, candidate: ValidatedUser, password_hash: str, groups: list[Group], *, user_id: int | None
    ) -> User:
        """The row to insert; *user_id* None leaves the id to the database."""
        now = self._services.now()
        return User(
            id=user_id,
            username=candidate.username,
            email=candidate.email,
            password_hash=password_hash,
            is_active=new.active,
            is_email_verified=new.verified,
            created_at=now,
            updated_at=now,
            groups=groups,
        )
