"""What a registration of many users looks up once: taken names, and groups."""

from collections.abc import Iterable, Sequence
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

from lback_cli.attributes import Attribute, Value
from lback_cli.errors import GroupNotFound, UserExists
from lback_cli.events.hash_chain import canonical
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.registration import PreparedUser
from lback_cli.managers.user_lookup import find_group_records, no_such_group
from lback_cli.repositories.group_reader import GroupRecord
from lback_cli.repositories.unit_of_work import UnitOfWork


class TakenNames:
    """User names, addresses and values of unique attributes that no further user may have."""

    def __init__(self) -> None:
        self._usernames: set[str] = set()
        self._emails: set[str] = set()
        self._values: set[tuple[Attribute, Value]] = set()

    def look_up(self, uow: UnitOfWork, users: Sequence[PreparedUser], *, in_any_case: bool) -> None:
        """Add the names, addresses and values of *users* that existing users have."""
        usernames, emails = [user.username for user in users], [user.email for user in users]
        self._usernames |= uow.users.taken_usernames(usernames, in_any_case=in_any_case)
        self._emails |= uow.users.taken_emails(emails, in_any_case=in_any_case)
        wanted: dict[Attribute, list[Value]] = {}
        for user in users:
            for attribute, value in _unique_values(user):
                wanted.setdefault(attribute, []).append(value)
        for attribute, values in wanted.items():
            self._values |= {(attribute, value) for value in uow.attributes.holders(attribute, values)}

    def add(self, user: PreparedUser) -> None:
        """Add the name, the address and the values of *user*."""
        self._usernames.add(user.username)
        self._emails.add(user.email)
        if user.attributes:
            self._values.update(_unique_values(user))

    def require_free(self, user: PreparedUser) -> None:
        """Refuse *user* if another one has the user name, the address or a unique attribute, with `UserExists`."""
        if user.username in self._usernames:
            raise UserExists("username", user.username)
        if user.email in self._emails:
            raise UserExists("email", user.email)
        if user.attributes:
            for attribute, value in _unique_values(user):
                if (attribute, value) in self._values:
                    raise UserExists(attribute.name, str(value))


def _unique_values(user: PreparedUser) -> list[tuple[Attribute, Value]]:
    return [(attribute, value) for attribute, value in user.attributes.items() if attribute.unique]


class FoundGroups(NamedTuple):
    """The ids of groups, and their names as a JSON list."""

    ids: list[int]
    json: str


class GroupLookup:
    """Finds groups by name; the default group is always among the groups that it returns.

    Args:
        services: The rules for names.
        uow: The transaction.
        lists: The lists of names that `find` is called with. All are looked up at once.
    """

    def __init__(self, services: Dependencies, uow: UnitOfWork, lists: Iterable[Sequence[str]]) -> None:
        self._default = services.settings.users.default_group
        self._uow = uow
        self._known: dict[tuple[str, ...], FoundGroups | GroupNotFound] = {}
        names = dict.fromkeys((self._default, *chain.from_iterable(lists)))
        self._records = find_group_records(uow.groups, services, names)

    def find(self, names: Sequence[str]) -> FoundGroups:
        """Return the groups with these *names*, and the default group.

        Raises:
            GroupNotFound: There is no group with one of the names.
        """
        key = tuple(names)
        found = self._known.get(key)
        if found is None:
            try:
                groups = {self._find_one(name) for name in (self._default, *names)}
                listed = sorted(groups, key=attrgetter("name"))
                found = FoundGroups([group.id for group in listed], canonical([group.name for group in listed]))
            except GroupNotFound as error:
                found = error
            self._known[key] = found
        if isinstance(found, GroupNotFound):
            raise found
        return found

    def _find_one(self, name: str) -> GroupRecord:
        if (group := self._records.get(name)) is None:
            raise no_such_group(name, self._uow.groups.names())
        return group
