"""What the application that shares the database makes of a change: its names, sessions and administrators."""

from collections.abc import Iterable

from lback_cli.errors import UserExists, ValidationError
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.registration_mail import RegistrationMail
from lback_cli.managers.user_lookup import group_name_variants
from lback_cli.models import Group, User
from lback_cli.repositories.application_repository import ADMIN
from lback_cli.repositories.unit_of_work import UnitOfWork


class Application:
    """The application of the lback framework, if [compat] says that there is one."""

    def __init__(self, services: Dependencies) -> None:
        self._services = services

    @property
    def is_present(self) -> bool:
        """Whether an application of the framework shares the database."""
        return self._services.settings.compat.lback_framework

    def verifies(self, invited: bool, mail: RegistrationMail) -> bool:
        """Return whether a new user counts as verified because of the invitation that is mailed.

        The application's page sets the password and does not verify the address, so the user could log in nowhere. And
        the account has no password before the link was followed.
        """
        return self.is_present and invited and mail != "none"

    def taken(
        self, uow: UnitOfWork, *, username: str | None, email: str | None, by_other_than: int = 0
    ) -> UserExists | None:
        """Return the conflict of a canonical user name or address with another user's, if there is one.

        The application stores names as they are typed, so the unique indexes let ``Bob`` and ``bob`` in.
        """
        return uow.users.taken(username=username, email=email, by_other_than=by_other_than, in_any_case=self.is_present)

    def has_administrators(self, names: Iterable[str]) -> bool:
        """Return whether the application takes the members of one of the groups called *names* for administrators."""
        return self.is_present and any(ADMIN in group_name_variants(self._services, name) for name in names)

    def check_new_member(self, uow: UnitOfWork, user: User, groups: Iterable[Group]) -> None:
        """Refuse to let *user* join *groups* if the application would take the user for another person.

        The framework loads the account in ``admin_users`` that has the id of a member of ``admin``.

        Raises:
            ValidationError: That account is of another person.
        """
        if not self.has_administrators(group.name for group in groups):
            return
        account = uow.application.admin_account(user.id)
        if account is not None and not account.is_of(user.email):
            raise ValidationError(
                "groups",
                f"{user.username} cannot join {ADMIN!r}: the application would take {user.username} for its"
                f" administrator {account.username}, who has the same id ({user.id}) in admin_users.",
                hint="See docs/adoption.md about the group admin.",
            )

    def end_sessions(self, uow: UnitOfWork, user: User) -> None:
        """Log *user* out of the application."""
        if self.is_present:
            uow.application.delete_sessions(user)
