"""The groups of a user as one cell of a table."""

import json
import re
from collections.abc import Sequence

_NEEDS_A_LIST = re.compile(r"[;,]|^\[|^$")


def groups_cell(names: Sequence[str]) -> str:
    """Return *names* as one cell: separated by semicolons, or as a JSON list if a name contains one itself."""
    if all(name == name.strip() and not _NEEDS_A_LIST.search(name) for name in names):
        return ";".join(names)
    return json.dumps(list(names))
