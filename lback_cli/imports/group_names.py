"""The groups that a file names: renamed, and proposals for what lback cannot use."""

import re
import unicodedata

from lback_cli.errors import GroupNotFound, ValidationError
from lback_cli.imports.assignments import pair
from lback_cli.text.escaping import safe
from lback_cli.text.shell_quoting import command_line
from lback_cli.text.usernames import MAXIMUM_LENGTH, canonical_group_name

_OTHER = re.compile("[^a-z0-9._-]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST_SHOWN = 80

_SPELLED = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "oe", "å": "aa", "þ": "th", "ð": "d"}
    | {"đ": "d", "ł": "l", "\N{LATIN SMALL LETTER DOTLESS I}": "i"}
)
"""Letters that are usually spelled with others, or have no plain one in Unicode's decompositions."""


def group_option(value: str, group: str) -> str:
    """Return the option that lets the text *value* in a file mean *group*, quoted for a shell."""
    return command_line(["--map-group", pair(value, group)])


def proposed_group(value: str) -> str:
    """Return a name that lback can have for the group *value* of a file; `NAME` if none of its letters remain."""
    spelled = unicodedata.normalize("NFC", value).lower().translate(_SPELLED)
    plain = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    return _OTHER.sub("-", plain).strip("-._")[:MAXIMUM_LENGTH] or "NAME"


def is_possible_group(value: str) -> bool:
    """Return whether lback can have a group called *value*."""
    try:
        canonical_group_name(value)
    except ValidationError:
        return False
    return True


def missing_group(value: str) -> GroupNotFound:
    """Return the error of a row that names the group *value*, with the option that lets an import take the row."""
    shown = f"'{safe(value, limit=_LONGEST_SHOWN)}'"
    if not is_possible_group(value):
        can_be_argument = "\0" not in value and not _SURROGATE.search(value)
        option = f": add --create-groups {group_option(value, proposed_group(value))}" if can_be_argument else ""
        return GroupNotFound(f"There is no group {shown}.", hint=f"lback cannot have such a name{option}.")
    hint = f"Add --create-groups, or {group_option(value, 'GROUP')} for another one."
    return GroupNotFound(f"There is no group {shown}.", hint=hint)
