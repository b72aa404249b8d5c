"""The groups of a Keycloak realm: paths in its file, and names in lback."""

import re
from collections.abc import Iterator
from typing import Any

from lback_cli.imports.identified_groups import IdentifiedGroups

_SEPARATOR = re.compile("(?<!~)/")


class GroupPaths(IdentifiedGroups):
    """Groups by their paths.

    The name of a group is its path with dots, so ``/sales/admin`` becomes ``sales.admin`` and not ``admin``. A slash in
    a name is ``~/`` in the path.
    """

    def name(self, identifier: str) -> str:
        """Return the path with dots."""
        return ".".join(part.replace("~/", "/") for part in _SEPARATOR.split(identifier.removeprefix("/")))

    def add_tree(self, groups: Any) -> None:
        """Add the paths of *groups*, and those of their subgroups."""
        for path in _paths_below(groups, ""):
            self.add(path)


def _paths_below(groups: Any, parent: str) -> Iterator[str]:
    for group in groups if isinstance(groups, list) else ():
        if isinstance(group, dict) and isinstance(group.get("name"), str):
            path = group.get("path")
            path = path if isinstance(path, str) else f"{parent}/{group['name'].replace('/', '~/')}"
            yield path
            yield from _paths_below(group.get("subGroups"), path)
