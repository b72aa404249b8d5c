"""The groups of a Keycloak realm: paths in its file, and names in lback."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lback_cli.errors import ValidationError
from lback_cli.imports.group_names import group_option
from lback_cli.text.escaping import safe

_SEPARATOR = re.compile("(?<!~)/")
_LONGEST_SHOWN = 80


class GroupPaths:
    """The names of groups by their paths.

    The name of a group is its path with dots, so ``/sales/admin`` becomes ``sales.admin`` and not ``admin``. A slash in
    a name is ``~/`` in the path. Where two groups would have one name, neither is used: a membership must not become
    one of the other group.

    Args:
        given: The names that the user gives to some paths.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self._paths: dict[str, list[str]] = {}

    def add_tree(self, groups: Any) -> None:
        """Add the paths of *groups*, and those of their subgroups."""
        for path in _paths_below(groups, ""):
            self._add(path)

    def names(self, paths: Any) -> tuple[Any, ValidationError | None]:
        """Return the names for the groups of a user, and the error of the first one that has no name of its own.

        Such a group keeps its path, so that it shows in the rejects.
        """
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            return paths, None
        names, problem = [], None
        for path in paths:
            if (name := self._given.get(path)) is None:
                name, sharing = self._add(path)
                if others := [other for other in sharing if other != path]:
                    problem = problem or _ambiguous(path, others[0], name)
                    name = path
            names.append(name)
        return names or None, problem

    def _add(self, path: str) -> tuple[str, list[str]]:
        """Return the name for *path*, and all paths that have this name."""
        name = ".".join(part.replace("~/", "/") for part in _SEPARATOR.split(path.removeprefix("/")))
        # Group names of lback have one case.
        sharing = self._paths.setdefault(name.lower(), [])
        if path not in sharing and path not in self._given:
            sharing.append(path)
        return name, sharing


def _paths_below(groups: Any, parent: str) -> Iterator[str]:
    for group in groups if isinstance(groups, list) else ():
        if isinstance(group, dict) and isinstance(group.get("name"), str):
            path = group.get("path")
            path = path if isinstance(path, str) else f"{parent}/{group['name'].replace('/', '~/')}"
            yield path
            yield from _paths_below(group.get("subGroups"), path)


def _ambiguous(path: str, other: str, name: str) -> ValidationError:
    first, second, shown = (f"'{safe(text, limit=_LONGEST_SHOWN)}'" for text in (path, other, name))
    return ValidationError(
        "groups", f"The groups {first} and {second} would both be {shown}.", hint=f"Add {group_option(path, 'NAME')}."
    )
