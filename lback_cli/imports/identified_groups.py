"""Groups that a file identifies by more than a name: by a path, or by the name of an entry in a directory."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from lback_cli.errors import ValidationError
from lback_cli.imports.distinguished_names import canonical_entry_name, common_name
from lback_cli.imports.group_names import group_option
from lback_cli.text.escaping import safe

_LONGEST_SHOWN = 80


class IdentifiedGroups(ABC):
    """The names of groups by what identifies them in a file.

    Where two groups would have one name, neither is used: a membership must not become one of the other group.

    Args:
        given: The names that the user gives to some groups.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = {self.canonical(identifier): name for identifier, name in given.items()}
        self._sharing: dict[str, dict[str, str]] = {}

    @abstractmethod
    def name(self, identifier: str) -> str:
        """Return the name of the group with that *identifier*, whatever other groups there are."""

    def canonical(self, identifier: str) -> str:
        """Return what equal identifiers have in common."""
        return identifier

    def add(self, identifier: str) -> tuple[str, list[str]]:
        """Note that there is a group with that *identifier*.

        Returns:
            Its name, and the identifiers of the other groups that would have that name.
        """
        name, key = self.name(identifier), self.canonical(identifier)
        # Group names of lback have one case.
        sharing = self._sharing.setdefault(name.lower(), {})
        if key not in self._given:
            sharing.setdefault(key, identifier)
        return name, [other for other_key, other in sharing.items() if other_key != key]

    def names(self, identifiers: Any) -> tuple[Any, ValidationError | None]:
        """Return the names for the groups of a user, and the error of the first one that has no name of its own.

        Such a group keeps its identifier, so that it shows in the rejects.
        """
        if not isinstance(identifiers, list) or not all(isinstance(one, str) for one in identifiers):
            return identifiers, None
        names, problem = dict[str, None](), None
        for identifier in identifiers:
            if (name := self._given.get(self.canonical(identifier))) is None:
                name, others = self.add(identifier)
                if others:
                    problem = problem or _ambiguous(identifier, others[0], name)
                    name = identifier
            names[name] = None
        return list(names) or None, problem


class DirectoryGroups(IdentifiedGroups):
    """Groups by the names of their entries: ``CN=Editors,OU=Groups,DC=example,DC=org`` becomes ``Editors``.

    Attributes:
        common_names: The common names of groups whose entries are named otherwise, by their canonical names.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__(given)
        self.common_names: dict[str, str] = {}

    def name(self, identifier: str) -> str:
        """Return the common name of the entry, or the whole name if there is none."""
        return common_name(identifier) or self.common_names.get(self.canonical(identifier)) or identifier

    def canonical(self, identifier: str) -> str:
        """Return what equal names of entries have in common."""
        return canonical_entry_name(identifier)


def _ambiguous(identifier: str, other: str, name: str) -> ValidationError:
    first, second, shown = (f"'{safe(text, limit=_LONGEST_SHOWN)}'" for text in (identifier, other, name))
    return ValidationError(
        "groups",
        f"The groups {first} and {second} would both be {shown}.",
        hint=f"Add {group_option(identifier, 'NAME')}.",
    )
