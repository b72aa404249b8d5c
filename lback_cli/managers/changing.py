"""What an update does to a user: the rules for the changes, and who is told of them."""

from collections.abc import Iterable
from operator import attrgetter

from lback_cli.errors import LastAdministrator, ValidationError
from lback_cli.managers.changes import UserUpdate
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.link_mail import MailedLinks, announce_verified_by_admin
from lback_cli.managers.notification_mail import MailedNotices
from lback_cli.managers.registration import RegistrationMail, check_password_hash
from lback_cli.managers.user_lookup import find_group, group_name_variants
from lback_cli.models import Group, User
from lback_cli.operations.operation import Operation
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.security.unusable import is_unusable


class UserUpdater:
    """Validates changes and makes them, within the operation of a `UserManager`."""

    def __init__(self, services: Dependencies, links: MailedLinks, notices: MailedNotices) -> None:
        self._services = services
        self._links = links
        self._notices = notices

    def check(self, user: User, changes: UserUpdate) -> UserUpdate:
        """*changes* in canonical form, without those that change nothing. Raises `ValidationError`."""
        services = self._services
        username = None if changes.username is None else services.canonical_username(changes.username)
        email = None if changes.email is None else services.canonical_email(changes.email)
        password, password_hash = changes.password, changes.password_hash
        if password is not None:
            if password_hash is not None:
                raise ValidationError("password", "Give either a password or its hash, not both.")
            password = services.policy.check(password, username=username or user.username, email=email or user.email)
        elif password_hash is not None:
            check_password_hash(services, password_hash, user.username)
            password_hash = services.hasher.unusable if is_unusable(password_hash) else password_hash
        return UserUpdate(
            username=username if username != user.username else None,
            email=email if email != user.email else None,
            password=password,
            password_hash=password_hash,
            is_active=changes.is_active,
            is_email_verified=changes.is_email_verified,
            add_groups=changes.add_groups,
            remove_groups=changes.remove_groups,
        )

    def apply(
        self,
        run: Operation,
        work: UnitOfWork,
        user: User,
        changes: UserUpdate,
        password_hash: str | None,
        *,
        mail: RegistrationMail,
    ) -> None:
        """Make *changes*, which `check` returned, of the locked *user*; *mail* is as for `UserManager.update_user`.

        Raises `UserExists`, `GroupNotFound`, `LastAdministrator` or `MailError`.
        """
        added = [find_group(work.groups, self._services, name) for name in changes.add_groups]
        removed = [find_group(work.groups, self._services, name) for name in changes.remove_groups]
        administrators = group_name_variants(self._services, self._services.settings.users.admin_group)
        leaves = any(group.name in administrators for group in removed)
        self.require_remaining_admin(work, user, leaves=leaves or changes.is_active is False)
        old_email, was_verified = user.email, user.is_email_verified
        verified = changes.is_email_verified
        if verified is None and changes.email is not None:
            verified = False
        values = {
            "username": changes.username,
            "email": changes.email,
            "password_hash": password_hash,
            "is_active": changes.is_active,
            "is_email_verified": verified,
        }
        groups = _by_name({group for group in [*user.groups, *added] if group not in removed})
        wanted = {name: value for name, value in values.items() if value is not None}
        work.users.change(user, **wanted, groups=groups, updated_at=self._services.now())
        if changes.email is not None or password_hash is not None:
            self._links.tokens.revoke_all(work, user)
        if mail != "none":
            self._notify(run, work, user, old_email, changes, link=mail == "verify")
        if user.is_email_verified and not (was_verified and changes.email is None):
            announce_verified_by_admin(run, user)

    def require_remaining_admin(self, work: UnitOfWork, user: User, *, leaves: bool) -> None:
        """Raise `LastAdministrator` if *user* is the last active one and is about to go."""
        name = self._services.settings.users.admin_group
        spellings = group_name_variants(self._services, name)
        held = [group.name for group in user.groups if group.name in spellings]
        if not leaves or not user.is_active or not held:
            return
        group = work.groups.find(held[0], lock=True)
        if group is not None and work.users.count_active(group) <= 1:
            raise LastAdministrator(
                f"{user.username} is the last active member of {name!r}.",
                hint=f"First: lback user update SOMEONE --add-group {name}",
            )

    def _notify(
        self, run: Operation, work: UnitOfWork, user: User, old_email: str, changes: UserUpdate, *, link: bool
    ) -> None:
        if changes.password is not None or changes.password_hash is not None:
            self._notices.send_password_changed(run, work, user, email=old_email)
        if changes.email is not None:
            self._notices.send_email_changed(run, work, user, old_email=old_email)
            if link and not user.is_email_verified:
                self._links.initiate_verification(run, work, user)


def _by_name(groups: Iterable[Group]) -> list[Group]:
    """*groups* in the order in which the database hands them out."""
    return sorted(groups, key=attrgetter("name"))
