"""What whole results have of attributes that a user lacks, for every attribute in the list of attributes."""

from typing import Any

from lback_cli.attributes import BUILT_IN

_ROWS = [attribute.name for attribute in BUILT_IN if attribute.storage == "row"]

UNSET: dict[str, Any] = dict.fromkeys(_ROWS)
"""The fields of the attributes in lback's own table."""

UNSET_CHANGES: dict[str, Any] = {name: {"to": None} for name in _ROWS}
"""The changes of these attributes at a registration without them."""

ATTRIBUTE_COLUMNS = ",".join(attribute.name for attribute in BUILT_IN if attribute.storage != "password")
"""The columns of all attributes that results show, in their order."""

OWN_COLUMNS = ",".join(_ROWS)
"""The columns of the attributes in lback's own table."""
