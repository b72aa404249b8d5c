"""The lookups of a `UserManager`: users by id, name, address or attributes. They send no signal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lback_cli.database.engine import Database
from lback_cli.managers.dependencies import Dependencies
from lback_cli.repositories.user_query import SortKey, UserQuery
from lback_cli.repositories.user_reader import UserRecord

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from lback_cli.managers.directory import Directory


class UserQueries:
    """Finds users. Each lookup reads in the caller's *session* if one is given."""

    def __init__(self, database: Database, services: Dependencies) -> None:
        self._database = database
        self._services = services

    def get_user_by_id(self, user_id: int, *, session: "Session | None" = None) -> UserRecord | None:
        """Return the user with that id, or None."""
        return self._directory.find_by_id(user_id, session=session)

    def get_user_by_username(self, username: str, *, session: "Session | None" = None) -> UserRecord | None:
        """Return the user with that name, however it is spelled, or None."""
        return self._directory.find_by_username(username, session=session)

    def get_user_by_email(self, email: str, *, session: "Session | None" = None) -> UserRecord | None:
        """Return the user with that e-mail address, however it is spelled, or None."""
        return self._directory.find_by_email(email, session=session)

    def search_users(
        self,
        search: str | None = None,
        *,
        group: str | None = None,
        is_active: bool | None = None,
        is_email_verified: bool | None = None,
        attributes: Mapping[str, Any] | None = None,
        sort: SortKey = "id",
        limit: int | None = None,
        session: "Session | None" = None,
    ) -> list[UserRecord]:
        """Return the users that match all conditions, in one list.

        `Directory.select_users` reads a million users page by page.

        Args:
            search: A part of the user name or the e-mail address, in any case.
            group: The name of a group that the users are members of.
            is_active: Only active users, or only inactive ones.
            is_email_verified: Only users with a verified address, or only those without.
            attributes: Values by name, in lback's own table, that the users must have.
            sort: ``id``, ``username`` or ``email``.
            limit: How many users at most; None for all.
            session: The caller's session, if the lookup is to read in its transaction.

        Raises:
            GroupNotFound: There is no such group, which is not the same as an empty one.
            ValidationError: No database can hold a text of the query, or an attribute or its value is not valid.
        """
        query = UserQuery(
            searches=() if search is None else (search,),
            groups=() if group is None else (group,),
            is_active=is_active,
            is_email_verified=is_email_verified,
            attributes=self._services.attributes.parse_conditions(attributes or {}),
            sort=sort,
            limit=limit,
        )
        with self._directory.select_users(query, session=session) as users:
            return list(users)

    def get_all_users(self, *, session: "Session | None" = None) -> list[UserRecord]:
        """Return all users by id, as `search_users` does."""
        return self.search_users(session=session)

    @property
    def _directory(self) -> "Directory":
        from lback_cli.managers.directory import Directory

        return Directory(self._database, self._services)
